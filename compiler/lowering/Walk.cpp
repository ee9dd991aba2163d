#include "compiler/lowering/Walk.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace sluice::plan {

int64_t widthOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t width = 1;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      width *= size;
  return width;
}

SmallVector<int64_t> rowShape(Value value) {
  SmallVector<int64_t> shape;
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      shape.push_back(size);
  return shape;
}

#define SLUICE_ADD(add) void add(OpTable &table);
#include "compiler/lowering/Lowerings.inc"
#undef SLUICE_ADD

const OpTable &opTable() {
  static const OpTable table = [] {
    OpTable all;
#define SLUICE_ADD(add) add(all);
#include "compiler/lowering/Lowerings.inc"
#undef SLUICE_ADD
    return all;
  }();
  return table;
}

const Lowered &Walk::get(Value value) const {
  static const Lowered none;
  auto it = frames.back().values.find(value);
  return it == frames.back().values.end() ? none : it->second;
}

void Walk::set(Value value, Lowered lowered) {
  frames.back().values[value] = std::move(lowered);
}

FailureOr<Rows> Walk::rows(Operation *op, Value value) const {
  if (const Rows *found = tryGet<Rows>(value))
    return *found;
  return op->emitError()
         << "'" << op->getName()
         << "' has no kernel for an operand without rows, found "
         << value.getType();
}

FailureOr<Rows> Walk::tokenRows(Operation *op, Value value) const {
  FailureOr<Rows> found = rows(op, value);
  if (succeeded(found) && found->count != RowCount())
    return op->emitError() << "'" << op->getName()
                           << "' takes one row per token, found "
                           << stringifyRowKind(found->count.kind);
  return found;
}

FailureOr<Walk::Sequences> Walk::sequences(llm::StateInterface op, Value from,
                                           Value result) {
  FailureOr<Rows> x = tokenRows(op, from);
  FailureOr<Ref> kept = state(op);
  if (failed(x) || failed(kept))
    return failure();
  Rows y = this->result(result, x->count);
  set(result, y);
  return Sequences{*x, y, *kept};
}

FailureOr<Weight> Walk::weight(Operation *op, Value value) const {
  if (const Weight *found = tryGet<Weight>(value))
    return *found;
  return op->emitError() << "'" << op->getName()
                         << "' needs a weight as it is declared, found a "
                            "computed value of type "
                         << value.getType();
}

int64_t Walk::layerOf(Value index) const {
  const Index *found = index ? tryGet<Index>(index) : nullptr;
  return found ? found->value : 0;
}

// The last part of the path in the op's location ("layer/q" -> "q"), else the
// op's own name.
StringRef Walk::nameOf(Operation *op) const {
  Location loc = op->getLoc();
  while (true) {
    if (auto fused = dyn_cast<FusedLoc>(loc);
        fused && !fused.getLocations().empty())
      loc = fused.getLocations().back();
    else if (auto call = dyn_cast<CallSiteLoc>(loc))
      loc = call.getCallee();
    else
      break;
  }
  if (auto name = dyn_cast<NameLoc>(loc)) {
    StringRef path = name.getName();
    return path.substr(path.rfind('/') + 1);
  }
  return op->getName().stripDialect();
}

Rows Walk::result(Value value, RowCount count) {
  int64_t width = widthOf(value);
  Operation *op = value.getDefiningOp();
  Type elem = cast<RankedTensorType>(value.getType()).getElementType();
  return {plan.buffer(locate(op->getLoc()), nameOf(op), count, elem, width), 0,
          width, count};
}

Rows Walk::temporary(Location loc, StringRef name, RowCount count, Type elem,
                     int64_t columns) {
  return {plan.buffer(locate(loc), name, count, elem, columns), 0, columns,
          count};
}

// Where a step comes from: the op, called from each open frame.
Location Walk::locate(Location loc) const {
  for (const Frame &frame : llvm::reverse(frames))
    if (frame.call)
      loc = CallSiteLoc::get(loc, frame.call->getLoc());
  return loc;
}

LogicalResult Walk::emit(Operation *op, const Step &step) {
  return plan.step(locate(op->getLoc()), step, frames.back().layer);
}

FailureOr<Ref> Walk::state(llm::StateInterface op) {
  auto state = model.lookup<llm::StateOp>(op.getStateAttr().getValue());
  if (!state)
    return op->emitError() << "no state '" << op.getStateAttr().getValue()
                           << "'";
  return Ref{{}, plan.state(state), layerOf(op.getLayer())};
}

Ref Walk::ref(const Weight &weight, Layout layout, bool widen) {
  return {
      {}, plan.weight(weight.op, layout, widen, weight.stacked), weight.layer};
}

Ref Walk::ref(StringRef name, const Constant &constant) {
  auto type = RankedTensorType::get(
      {static_cast<int64_t>(constant.values.size())}, plan.b().getF32Type());
  return ref(name, DenseElementsAttr::get(type, ArrayRef(constant.values)));
}

Ref Walk::ref(const Computed &computed) {
  SmallVector<std::pair<llm::WeightOp, int64_t>> parts;
  for (const Computed::Part &part : computed.parts)
    parts.push_back({part.weight.op, part.weight.layer});
  SmallVector<Attribute> tables;
  for (const Computed::Table &table : computed.tables) {
    auto type = RankedTensorType::get(table.shape, plan.b().getF32Type());
    tables.push_back(
        DenseElementsAttr::get(type, ArrayRef(table.constant.values)));
  }
  return {{}, plan.computed(parts, tables, computed.shape, *computed.body), 0};
}

FailureOr<Ref> Walk::refWithoutRows(Operation *op, Value value,
                                    StringRef name) {
  if (const Constant *constant = tryGet<Constant>(value))
    return ref(name, *constant);
  if (const Computed *computed = tryGet<Computed>(value))
    return ref(*computed);
  const Weight *weight = tryGet<Weight>(value);
  if (!weight)
    return op->emitError() << "'" << op->getName()
                           << "' has no kernel for an operand of type "
                           << value.getType();
  if (weight->stacked)
    return op->emitError()
           << "'" << op->getName()
           << "' has no kernel for an expert's weight; only linear has";
  return ref(*weight, Layout::Rows, true);
}

Ref Walk::ref(StringRef name, DenseElementsAttr constant) {
  return {{}, plan.constant(name, constant), 0};
}

LogicalResult Walk::checkChoice(Operation *op, const Rows &idx,
                                int64_t among) const {
  int64_t from = choices.lookup(idx.buffer);
  if (from > 0 && from <= among)
    return success();
  if (from == 0)
    return op->emitError() << "'" << op->getName()
                           << "' needs indices that a top_k has chosen";
  return op->emitError() << "'" << op->getName() << "' has " << among
                         << " to choose from, its indices are chosen from "
                         << from;
}

LogicalResult Walk::noteLimit(Operation *op, const Rows &rows, int64_t limit) {
  if (auto made = offsets.find(rows.buffer); made != offsets.end()) {
    auto [from, by] = made->second;
    if (by >= limit)
      return op->emitError()
             << "'" << op->getName() << "' has " << limit
             << " rows to choose from, its ints begin with " << by;
    return noteLimit(op, from, limit - by);
  }
  auto input = rows.buffer.getDefiningOp<InputOp>();
  if (!input)
    return success();
  for (Input &known : entryInputs)
    if (known.name == input.getName())
      known.limit = known.limit ? std::min(known.limit, limit) : limit;
  return success();
}

LogicalResult Walk::lowerOp(Operation *op) {
  if (auto call = dyn_cast<func::CallOp>(op))
    return lowerCall(call);
  if (auto constant = dyn_cast<arith::ConstantIndexOp>(op)) {
    set(constant, Index{constant.value()});
    return success();
  }
  if (op->hasTrait<OpTrait::IsTerminator>()) {
    frames.back().returned.clear();
    for (Value operand : op->getOperands())
      frames.back().returned.push_back(get(operand));
    return success();
  }
  if (isOpTriviallyDead(op))
    return success();
  LowerFn lower = opTable().find(op);
  if (!lower)
    return op->emitError() << "'" << op->getName() << "' has no kernel yet";
  return lower(*this, op);
}

LogicalResult Walk::lowerBlock(Block &block) {
  for (Operation &op : block)
    if (failed(lowerOp(&op)))
      return failure();
  return success();
}

FailureOr<Walk::Frame> Walk::lowerFrame(Frame frame, Block &block) {
  frames.push_back(std::move(frame));
  LogicalResult done = lowerBlock(block);
  Frame finished = std::move(frames.back());
  frames.pop_back();
  if (failed(done))
    return failure();
  return finished;
}

FailureOr<SmallVector<Lowered>> Walk::lowerRegion(Region &region,
                                                  ArrayRef<Lowered> arguments) {
  Frame frame;
  frame.layer = frames.back().layer;
  for (auto [argument, value] : llvm::zip(region.getArguments(), arguments))
    frame.values[argument] = value;
  FailureOr<Frame> finished = lowerFrame(std::move(frame), region.front());
  if (failed(finished))
    return failure();
  return std::move(finished->returned);
}

// Blocks within each other; a spec may have 64.
static constexpr size_t maxCalls = 1000;

LogicalResult Walk::lowerCall(func::CallOp call) {
  auto callee = model.lookup<func::FuncOp>(call.getCallee());
  if (!callee || callee.isExternal())
    return call.emitError() << "'" << call.getCallee() << "' has no body";
  if (frames.size() > maxCalls)
    return call.emitError()
           << "calls are nested more than " << maxCalls << " deep: '"
           << call.getCallee() << "' calls itself";
  Frame frame;
  frame.call = call;
  frame.layer = frames.back().layer;
  for (auto [argument, operand] :
       llvm::zip(callee.getArguments(), call.getOperands())) {
    const Lowered &value = get(operand);
    if (const Index *index = std::get_if<Index>(&value))
      frame.layer = index->value;
    frame.values[argument] = value;
  }
  FailureOr<Frame> finished = lowerFrame(std::move(frame), callee.front());
  if (failed(finished))
    return failure();
  for (auto [result, value] : llvm::zip(call.getResults(), finished->returned))
    set(result, value);
  return success();
}

LogicalResult Walk::bindInputs(func::FuncOp entry) {
  for (BlockArgument argument : entry.getArguments()) {
    auto name =
        entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "llm.name");
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!name || !type) {
      set(argument, Batch());
      continue;
    }
    int64_t width = widthOf(argument);
    ArrayRef<int64_t> shape = type.getShape().drop_front();
    unsigned number = argument.getArgNumber();
    bool rows =
        entry.getArgAttrOfType<StringAttr>(number, llm::inputAttr) == "rows";
    bool flags = entry.getArgAttr(number, llm::flagsAttr) != nullptr;
    Value input = InputOp::create(
        plan.b(), argument.getLoc(), BufferType::get(plan.context()),
        name.getValue(),
        flags ? plan.b().getIntegerType(8, false) : type.getElementType(),
        width,
        rows && shape.size() != 1 ? plan.b().getDenseI64ArrayAttr(shape)
                                  : DenseI64ArrayAttr());
    Rows given{input, 0, width, RowCount()};
    entryInputs.push_back({name.getValue().str(), 0});
    set(argument, given);
    if (!flags)
      continue;
    Rows ints = temporary(argument.getLoc(), name.getValue(), given.count,
                          type.getElementType(), width);
    Step step("flags", config().get());
    step.operands = {{"x", given.ref()}, {"y", ints.ref()}};
    step.dims = {{"N", width}};
    step.rows = given.count;
    if (failed(emit(entry, step)))
      return failure();
    set(argument, ints);
  }
  return success();
}

LogicalResult Walk::bindOutputs(func::FuncOp entry) {
  for (auto [i, value] : llvm::enumerate(frames.back().returned)) {
    const Rows *rows = std::get_if<Rows>(&value);
    auto name = entry.getResultAttrOfType<StringAttr>(i, "llm.name");
    if (!rows || !name)
      return entry.emitError()
             << "result " << i << " of entry '" << entry.getSymName()
             << "' has no rows or no name";
    if (!rows->buffer.getDefiningOp<BufferOp>())
      return entry.emitError() << "result '" << name.getValue()
                               << "' of an entry is one of its inputs";
    OutputOp::create(plan.b(), entry.getLoc(), name.getValue(), rows->buffer,
                     rows->count.kind, rows->count.scale, rows->width,
                     rows->column);
  }
  return success();
}

FailureOr<ProgramOp> Walk::lowerEntry(func::FuncOp entry, const Twine &name,
                                      int64_t min, int64_t max, bool fewRows) {
  few = fewRows;
  entryInputs.clear();
  converted.clear();
  choices.clear();
  ProgramOp program =
      plan.beginProgram(entry.getLoc(), name, entry.getSymName(), min, max);
  frames.clear();
  frames.emplace_back();
  if (failed(bindInputs(entry)) || failed(lowerBlock(entry.front())) ||
      failed(bindOutputs(entry)))
    return failure();
  return program;
}

} // namespace sluice::plan
