#include "compiler/import/Builder.h"

#include "compiler/import/Locations.h"
#include "dialects/llm/Create.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::import {

LogicalResult BodyBuilder::build(const std::vector<spec::Node> &nodes) {
  for (const spec::Node &node : nodes)
    if (failed(build(node)))
      return failure();
  return success();
}

LogicalResult BodyBuilder::build(const spec::Node &node) {
  Location loc = locate(builder.getContext(), node);
  if (node.repeat)
    return buildRepeat(node, loc);
  if (node.body)
    return buildExperts(node, loc);
  const llm::OpInfo *info = llm::findOp(node.op);
  if (!info)
    return emitError(loc, "unknown op '") << node.op << "'";
  if (info->op.empty()) { // identity: another name
    Value value = operand(node.slots.front().second, loc);
    if (!value)
      return failure();
    bind(node.results.front(), value);
    return success();
  }
  const auto *list =
      node.slots.front().second.get<std::vector<spec::Operand>>();
  if (info->foldsList && list && list->size() > 2)
    return buildFold(node, *info, loc);
  return buildOp(node, *info, loc);
}

LogicalResult BodyBuilder::buildOp(const spec::Node &node,
                                   const llm::OpInfo &info, Location loc) {
  OperationState state(loc, StringRef(info.op));
  SmallVector<int32_t> segments;
  if (!info.fixedSlot.empty())
    state.addAttribute(StringRef(info.fixedSlot),
                       llm::wordAttr(builder.getContext(), StringRef(info.op),
                                     StringRef(info.fixedSlot),
                                     StringRef(info.fixedWord)));
  for (const llm::Slot &slot : info.slots)
    if (failed(addSlot(node, slot, state, segments)))
      return failure();
  if (info.hasSegments)
    state.addAttribute("operandSegmentSizes",
                       builder.getDenseI32ArrayAttr(segments));
  setCompute(state);
  return finish(node, state);
}

// (a + b) + c ...: a chain of ops of two operands.
LogicalResult BodyBuilder::buildFold(const spec::Node &node,
                                     const llm::OpInfo &info, Location loc) {
  const auto &list =
      *node.slots.front().second.get<std::vector<spec::Operand>>();
  Value sum = operand(list[0], loc);
  for (size_t i = 1; i < list.size() && sum; ++i) {
    Value next = operand(list[i], loc);
    if (!next)
      return failure();
    OperationState state(loc, StringRef(info.op));
    state.addAttribute(StringRef(info.fixedSlot),
                       llm::wordAttr(builder.getContext(), StringRef(info.op),
                                     StringRef(info.fixedSlot),
                                     StringRef(info.fixedWord)));
    state.addOperands({sum, next});
    Operation *op = llm::create(builder, state);
    if (!op)
      return failure();
    sum = op->getResult(0);
  }
  if (!sum)
    return failure();
  bind(node.results.front(), sum);
  return success();
}

// Products with bf16 weights are taken in bf16 unless f32 was asked for, those
// with weights in blocks in i8 if that was, and of whole numbers if nothing
// was.
static llm::Compute computeOf(const OperationState &state,
                              ImportOptions::Compute asked) {
  using Asked = ImportOptions::Compute;
  bool product = llvm::is_contained({llm::LinearOp::getOperationName(),
                                     llm::HeadLinearOp::getOperationName()},
                                    state.name.getStringRef());
  for (Value operand : state.operands) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      continue;
    if (type.getElementType().isBF16() && asked != Asked::F32)
      return llm::Compute::bf16;
    auto blocks = dyn_cast<llm::BlocksType>(type.getElementType());
    if (!product || !blocks)
      continue;
    bool whole = !format::infoOf(blocks.getElem()).blocks.floats;
    if (asked == Asked::I8 || (asked == Asked::Auto && whole))
      return llm::Compute::i8;
  }
  return llm::Compute::f32;
}

void BodyBuilder::setCompute(OperationState &state) {
  std::optional<RegisteredOperationName> info = state.name.getRegisteredInfo();
  if (!info ||
      !llvm::is_contained(info->getAttributeNames(),
                          StringAttr::get(builder.getContext(), "compute")))
    return;
  state.addAttribute("compute",
                     llm::ComputeAttr::get(builder.getContext(),
                                           computeOf(state, options.compute)));
}

LogicalResult BodyBuilder::finish(const spec::Node &node,
                                  OperationState &state) {
  Operation *op = llm::create(builder, state);
  if (!op)
    return failure();
  if (op->getNumResults() != node.results.size())
    return op->emitError("gives ")
           << op->getNumResults() << " results, " << node.results.size()
           << " names are written";
  for (auto [id, result] : llvm::zip(node.results, op->getResults()))
    if (id.id >= 0)
      bind(id, result);
  return success();
}

Value BodyBuilder::operand(const spec::Operand &operand, Location loc) {
  if (const auto *id = operand.get<spec::ValueId>())
    return value(*id);
  if (const auto *ref = operand.get<spec::WeightRef>()) {
    const WeightSymbol *symbol = symbols.weight(*ref);
    if (!symbol) {
      emitError(loc, "the checkpoint has no weight '") << ref->path << "'";
      return {};
    }
    return use(*symbol, loc);
  }
  if (const auto *number = operand.get<spec::Value>())
    if (number->isNumber())
      return llm::ConstantOp::create(
          builder, loc, builder.getF32FloatAttr(float(number->number())));
  emitError(loc, "expected a value, a weight or a number");
  return {};
}

Value BodyBuilder::layerOf(int64_t index, Location loc) {
  if (index == layerIndex && layerArgument)
    return layerArgument;
  return arith::ConstantIndexOp::create(builder, loc, index);
}

Value BodyBuilder::use(const WeightSymbol &symbol, Location loc) {
  if (!slices) {
    Value layer = symbol.banked ? layerOf(symbol.layer, loc) : Value();
    return llm::UseOp::create(builder, loc, symbol.type, symbol.symbol, layer);
  }
  for (auto &[other, argument] : slices->arguments)
    if (other.symbol == symbol.symbol && other.layer == symbol.layer)
      return argument;
  auto slice = RankedTensorType::get(symbol.type.getShape().drop_front(),
                                     symbol.type.getElementType());
  Value argument = slices->block->addArgument(slice, loc);
  slices->arguments.push_back({symbol, argument});
  return argument;
}

LogicalResult BodyBuilder::addSlot(const spec::Node &node,
                                   const llm::Slot &slot, OperationState &state,
                                   SmallVectorImpl<int32_t> &segments) {
  Location loc = state.location;
  size_t before = state.operands.size();
  auto add = [&](Value value) {
    if (value)
      state.addOperands(value);
    return success(bool(value));
  };
  const spec::Operand *given = node.slot(std::string(slot.name));
  if (slot.primary)
    given = &node.slots.front().second;
  if (const auto *none = given ? given->get<spec::Value>() : nullptr;
      none && none->isNone())
    given = nullptr;

  switch (slot.kind) {
  case llm::SlotKind::Batch:
    state.addOperands(batch);
    break;
  case llm::SlotKind::Bias: {
    const spec::Operand *weight = node.slot("w");
    const auto *ref = weight ? weight->get<spec::WeightRef>() : nullptr;
    const WeightSymbol *bias = ref ? symbols.bias(*ref) : nullptr;
    if (bias && failed(add(use(*bias, loc))))
      return failure();
    break;
  }
  case llm::SlotKind::Layer: {
    const auto *ref = node.slots.front().second.get<spec::StateRef>();
    const spec::Operand *named = node.slot("state");
    if (!ref && named)
      ref = named->get<spec::StateRef>();
    const StateSymbol *symbol = ref ? symbols.state(*ref) : nullptr;
    if (symbol && symbol->banked)
      state.addOperands(layerOf(symbol->layer, loc));
    break;
  }
  case llm::SlotKind::State:
    return addState(node, slot, state);
  case llm::SlotKind::Fields: {
    const auto *ref = node.slots.front().second.get<spec::StateRef>();
    const StateSymbol *symbol = ref ? symbols.state(*ref) : nullptr;
    if (!symbol)
      return emitError(loc, "unknown state");
    for (const std::string &field : symbol->fields)
      if (const spec::Operand *value = node.slot(field);
          !value || failed(add(operand(*value, loc))))
        return emitError(loc, "missing field '") << field << "'";
    break;
  }
  case llm::SlotKind::Value:
  case llm::SlotKind::Weight:
    if (given && failed(add(operand(*given, loc))))
      return failure();
    break;
  case llm::SlotKind::Values: {
    const auto *list =
        given ? given->get<std::vector<spec::Operand>>() : nullptr;
    if (!list)
      return emitError(loc, "expected a list of values");
    for (const spec::Operand &item : *list)
      if (failed(add(operand(item, loc))))
        return failure();
    break;
  }
  case llm::SlotKind::MaskValues: {
    const spec::Operand *mask = node.slot("mask");
    if (const auto *terms = mask ? mask->get<spec::Mask>() : nullptr)
      for (spec::ValueId id : maskValues(*terms))
        if (failed(add(value(id))))
          return failure();
    break;
  }
  default:
    if (given && failed(addAttribute(node, slot, *given, state)))
      return failure();
  }
  if (slot.operands != 0)
    segments.push_back(int32_t(state.operands.size() - before));
  return success();
}

LogicalResult BodyBuilder::addState(const spec::Node &node,
                                    const llm::Slot &slot,
                                    OperationState &state) {
  const spec::Operand *given = slot.primary ? &node.slots.front().second
                                            : node.slot(std::string(slot.name));
  const auto *ref = given ? given->get<spec::StateRef>() : nullptr;
  const StateSymbol *symbol = ref ? symbols.state(*ref) : nullptr;
  if (!symbol)
    return emitError(state.location, "unknown state in slot '")
           << StringRef(slot.name) << "'";
  state.addAttribute(StringRef(slot.name), symbol->symbol);
  return success();
}

LogicalResult BodyBuilder::addAttribute(const spec::Node &node,
                                        const llm::Slot &slot,
                                        const spec::Operand &operand,
                                        OperationState &state) {
  StringRef name(slot.name);
  auto wrong = [&] {
    return emitError(state.location, "slot '")
           << name << "' of " << node.op << " has a value of the wrong type";
  };
  if (slot.kind == llm::SlotKind::Mask) {
    const auto *mask = operand.get<spec::Mask>();
    if (!mask)
      return wrong();
    state.addAttribute(name, maskAttr(*mask, maskValues(*mask)));
    return success();
  }
  const auto *value = operand.get<spec::Value>();
  if (!value)
    return wrong();
  Attribute attr;
  if (slot.kind == llm::SlotKind::Int && value->isInt())
    attr = builder.getI64IntegerAttr(value->integer());
  else if (slot.kind == llm::SlotKind::Float && value->isNumber())
    attr = builder.getF32FloatAttr(float(value->number()));
  else if (slot.kind == llm::SlotKind::Bool && value->isBool())
    attr = builder.getBoolAttr(value->boolean());
  else if (slot.kind == llm::SlotKind::Text && value->isText())
    attr = builder.getStringAttr(value->text());
  else if (slot.kind == llm::SlotKind::Word && value->isText())
    attr = llm::wordAttr(builder.getContext(), state.name.getStringRef(), name,
                         value->text());
  else if (slot.kind == llm::SlotKind::Ints && value->isList()) {
    SmallVector<int64_t> numbers;
    for (const spec::Value &item : value->list()) {
      if (!item.isInt())
        return wrong();
      numbers.push_back(item.integer());
    }
    attr = builder.getDenseI64ArrayAttr(numbers);
  } else if (slot.kind == llm::SlotKind::Floats && value->isList()) {
    SmallVector<float> numbers;
    for (const spec::Value &item : value->list()) {
      if (!item.isNumber())
        return wrong();
      numbers.push_back(float(item.number()));
    }
    attr = builder.getDenseF32ArrayAttr(numbers);
  }
  if (!attr)
    return wrong();
  state.addAttribute(name, attr);
  return success();
}

SmallVector<spec::ValueId> BodyBuilder::maskValues(const spec::Mask &mask) {
  SmallVector<spec::ValueId> values;
  auto visit = [&](const spec::Mask &terms, auto &visit) -> void {
    for (const spec::MaskTerm &term : terms) {
      if (term.value && !llvm::is_contained(values, *term.value))
        values.push_back(*term.value);
      visit(term.terms, visit);
    }
  };
  visit(mask, visit);
  return values;
}

ArrayAttr BodyBuilder::maskAttr(const spec::Mask &mask,
                                ArrayRef<spec::ValueId> values) {
  SmallVector<Attribute> terms;
  for (const spec::MaskTerm &term : mask) {
    SmallVector<int64_t> numbers(ArrayRef(term.numbers));
    if (term.value)
      numbers.push_back(llvm::find(values, *term.value) - values.begin());
    terms.push_back(llm::MaskAttr::get(
        builder.getContext(), *llm::symbolizeMaskKind(term.kind), numbers,
        term.terms.empty() ? ArrayAttr() : maskAttr(term.terms, values)));
  }
  return builder.getArrayAttr(terms);
}

} // namespace sluice::import
