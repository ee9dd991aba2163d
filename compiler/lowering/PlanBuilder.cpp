#include "compiler/lowering/PlanBuilder.h"

#include "runtime/format/CacheLayout.h"
#include "runtime/format/FixedState.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace sluice::plan {

static std::string textOf(Attribute attr) {
  std::string text;
  llvm::raw_string_ostream(text) << attr;
  return text;
}

// Equal for bodies that compute the same, wherever they come from.
// Tells attributes apart whose text may be abridged.
static std::string keyOf(Attribute attr) {
  return std::to_string(reinterpret_cast<uintptr_t>(attr.getAsOpaquePointer()));
}

static std::string textOf(Region &body) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  DenseMap<Value, size_t> numbers;
  auto number = [&](Value value) {
    return numbers.try_emplace(value, numbers.size()).first->second;
  };
  for (Value argument : body.getArguments())
    stream << number(argument) << ' ' << argument.getType() << ' ';
  for (Operation &op : body.front()) {
    stream << op.getName() << op.getAttrDictionary();
    for (Value operand : op.getOperands())
      stream << ' ' << number(operand);
    for (Value result : op.getResults())
      stream << " -> " << number(result) << ' ' << result.getType();
    stream << '\n';
  }
  return text;
}

// What a body does, in a few words: its first operations.
static std::string bodyName(Region &body) {
  std::string name;
  int64_t count = 0;
  for (Operation &op : body.front().without_terminator())
    if (!op.hasTrait<OpTrait::ConstantLike>() && ++count <= 4)
      name += "." + op.getName().stripDialect().str();
  return name.empty() ? ".copy" : name;
}

// Declarations stand before the programs, in the order of first use.
template <typename OpTy> OpTy PlanBuilder::declare(OpTy op) {
  op->remove();
  if (lastDeclaration)
    symbols.insert(op, std::next(Block::iterator(lastDeclaration)));
  else
    symbols.insert(op, module.getBody()->begin());
  lastDeclaration = op;
  return op;
}

// The path in the spec: `$` and what follows tells symbols of a path apart.
static StringRef specPath(llm::WeightOp weight) {
  return weight.getSymName().split('$').first;
}

// layers.q, layers.k -> layers.q_k
static std::string joinPaths(ArrayRef<llm::WeightOp> parts) {
  llvm::StringRef path = llm::WeightOp(parts.front()).getSymName();
  std::string name = path.str();
  for (llm::WeightOp part : parts.drop_front()) {
    path = part.getSymName();
    name += "_" + path.substr(path.rfind('.') + 1).str();
  }
  return name;
}

// The shape of the parts joined along their rows, which come after the experts
// when there is one of each part per expert.
static SmallVector<int64_t> joinedShape(ArrayRef<llm::WeightOp> parts,
                                        bool stacked) {
  llm::WeightOp first = parts.front();
  SmallVector<int64_t> shape(first.getTensorType().getShape());
  size_t axis = stacked ? 1 : 0;
  for (llm::WeightOp part : parts.drop_front())
    shape[axis] += part.getTensorType().getDimSize(axis);
  return shape;
}

FlatSymbolRefAttr PlanBuilder::weight(ArrayRef<llm::WeightOp> parts,
                                      Layout layout, bool widen, bool stacked) {
  llm::WeightOp first = parts.front();
  Type elem =
      widen ? builder.getF32Type() : first.getTensorType().getElementType();
  std::string name = joinPaths(parts);
  std::string key = "weight " + textOf(TypeAttr::get(elem)) + " " +
                    stringifyLayout(layout).str();
  for (llm::WeightOp part : parts)
    key += " " + part.getSymName().str();
  Operation *&known = made[key];
  if (!known) {
    if (symbols.lookup(name))
      name += "." + stringifyLayout(layout).str();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    SmallVector<Attribute> paths;
    for (llm::WeightOp part : parts)
      paths.push_back(
          PartAttr::get(context(), builder.getStringAttr(specPath(part)), -1));
    known = declare(WeightOp::create(
        builder, first.getLoc(), builder.getStringAttr(name),
        TypeAttr::get(elem), LayoutAttr::get(context(), layout),
        builder.getDenseI64ArrayAttr(joinedShape(parts, stacked)),
        builder.getArrayAttr(paths), first.getLayersAttr(), ElementsAttr(),
        ArrayAttr()));
  }
  return FlatSymbolRefAttr::get(known);
}

FlatSymbolRefAttr PlanBuilder::constant(StringRef name,
                                        DenseElementsAttr value) {
  Operation *&known = made["constant " + keyOf(value)];
  if (!known) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    known = declare(WeightOp::create(
        builder, builder.getUnknownLoc(), builder.getStringAttr(name),
        TypeAttr::get(value.getElementType()),
        LayoutAttr::get(context(), Layout::Rows),
        builder.getDenseI64ArrayAttr(value.getType().getShape()), ArrayAttr(),
        DenseI64ArrayAttr(), value, ArrayAttr()));
  }
  return FlatSymbolRefAttr::get(known);
}

FlatSymbolRefAttr
PlanBuilder::computed(ArrayRef<std::pair<llm::WeightOp, int64_t>> parts,
                      ArrayRef<Attribute> tables, ArrayRef<int64_t> shape,
                      Region &body) {
  SmallVector<Attribute> paths;
  for (auto [weight, layer] : parts) {
    paths.push_back(
        PartAttr::get(context(), builder.getStringAttr(specPath(weight)),
                      llm::WeightOp(weight).getLayers() ? layer : -1));
  }
  SmallVector<int64_t> axes(shape);
  if (axes.empty()) // a number is a vector of one
    axes.push_back(1);
  std::string key = "computed " + textOf(builder.getArrayAttr(paths)) +
                    keyOf(builder.getArrayAttr(tables)) +
                    textOf(builder.getDenseI64ArrayAttr(axes)) + textOf(body);
  Operation *&known = made[key];
  if (!known) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    auto front = cast<PartAttr>(paths.front());
    std::string name = front.getPath().str();
    if (front.getLayer() >= 0)
      name += "[" + std::to_string(front.getLayer()) + "]";
    name += bodyName(body);
    auto op = WeightOp::create(
        builder, llm::WeightOp(parts.front().first).getLoc(),
        builder.getStringAttr(name), TypeAttr::get(builder.getF32Type()),
        LayoutAttr::get(context(), Layout::Rows),
        builder.getDenseI64ArrayAttr(axes), builder.getArrayAttr(paths),
        DenseI64ArrayAttr(), ElementsAttr(),
        tables.empty() ? ArrayAttr() : builder.getArrayAttr(tables));
    IRMapping mapping;
    body.cloneInto(&op.getBody(), mapping);
    known = declare(op);
  }
  return FlatSymbolRefAttr::get(known);
}

FlatSymbolRefAttr PlanBuilder::state(llm::StateOp source) {
  Operation *&known = made[("state " + source.getSymName()).str()];
  if (known)
    return FlatSymbolRefAttr::get(known);
  Attribute init = source.getInitAttr();
  if (FlatSymbolRefAttr name = source.getInitWeight())
    init = weight(
        SymbolTable::lookupNearestSymbolFrom<llm::WeightOp>(source, name),
        Layout::Rows, /*widen=*/true, /*stacked=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  SmallVector<Attribute> names, shapes;
  std::vector<format::NamedShape> fields;
  for (llm::FieldAttr field : source.getFieldList()) {
    names.push_back(builder.getStringAttr(field.getName()));
    shapes.push_back(builder.getDenseI64ArrayAttr(field.getShape()));
    fields.push_back({field.getName(), std::vector<int64_t>(field.getShape())});
  }
  bool isCache = source.getKind() == llm::StateKind::cache;
  int64_t bytes = isCache ? format::cacheBlockBytes(fields)
                          : format::fixedSlotBytes(fields);
  auto number = [&](std::optional<int64_t> value) {
    return value ? builder.getI64IntegerAttr(*value) : IntegerAttr();
  };
  known = declare(
      StateOp::create(builder, source.getLoc(), source.getSymNameAttr(),
                      StateKindAttr::get(context(), isCache ? StateKind::Cache
                                                            : StateKind::Fixed),
                      builder.getArrayAttr(names), builder.getArrayAttr(shapes),
                      TypeAttr::get(builder.getF32Type()),
                      builder.getI64IntegerAttr(bytes), source.getLayersAttr(),
                      number(source.getKeep()), number(source.getChunk()), init,
                      source.getOnce() ? builder.getUnitAttr() : UnitAttr()));
  return FlatSymbolRefAttr::get(known);
}

FlatSymbolRefAttr PlanBuilder::transientCache(int64_t heads, int64_t keyWidth,
                                              int64_t valueWidth) {
  std::string name =
      valueWidth
          ? llvm::formatv("step.kv.{0}x{1}x{2}", heads, keyWidth, valueWidth)
                .str()
          : llvm::formatv("step.k.{0}x{1}", heads, keyWidth).str();
  Operation *&known = made["state " + name];
  if (known)
    return FlatSymbolRefAttr::get(known);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  std::vector<format::NamedShape> fields = {{"k", {heads, keyWidth}}};
  if (valueWidth)
    fields.push_back({"v", {heads, valueWidth}});
  SmallVector<Attribute> names, shapes;
  for (const format::NamedShape &field : fields) {
    names.push_back(builder.getStringAttr(field.name));
    shapes.push_back(builder.getDenseI64ArrayAttr(field.shape));
  }
  known = declare(StateOp::create(
      builder, builder.getUnknownLoc(), builder.getStringAttr(name),
      StateKindAttr::get(context(), StateKind::Transient),
      builder.getArrayAttr(names), builder.getArrayAttr(shapes),
      TypeAttr::get(builder.getF32Type()),
      builder.getI64IntegerAttr(format::cacheBlockBytes(fields)),
      DenseI64ArrayAttr(), IntegerAttr(), IntegerAttr(), Attribute(),
      UnitAttr()));
  return FlatSymbolRefAttr::get(known);
}

ArrayRef<int64_t> PlanBuilder::cacheField(FlatSymbolRefAttr state,
                                          StringRef field) const {
  auto op = symbols.lookup<StateOp>(state.getValue());
  for (auto [name, shape] : llvm::zip_equal(
           op.getFields().getAsValueRange<StringAttr>(), op.getShapes()))
    if (name == field)
      return cast<DenseI64ArrayAttr>(shape);
  return {};
}

ProgramOp PlanBuilder::beginProgram(Location loc, const Twine &name,
                                    StringRef entry, int64_t min, int64_t max) {
  builder.setInsertionPointToEnd(module.getBody());
  auto program = ProgramOp::create(
      builder, loc, builder.getStringAttr(name),
      FlatSymbolRefAttr::get(context(), entry), builder.getI64IntegerAttr(min),
      max ? builder.getI64IntegerAttr(max) : IntegerAttr());
  symbols.insert(program);
  builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
  return program;
}

Value PlanBuilder::buffer(Location loc, StringRef name, RowCount rows,
                          Type elem, int64_t columns) {
  return BufferOp::create(builder, loc, BufferType::get(context()), name,
                          rows.kind, rows.scale, elem, columns,
                          DenseI64ArrayAttr());
}

std::string PlanBuilder::kernelName(const Step &step) {
  std::string name = step.kind.str();
  if (step.body)
    return name + bodyName(*step.body);
  auto add = [&](StringRef key, Attribute value) {
    auto word = dyn_cast<StringAttr>(value);
    if (isa<ArrayAttr>(value))
      value.walk([&](StringAttr each) { name += "." + each.str(); });
    else if (isa<UnitAttr>(value))
      name += "." + key.str();
    else if (key == "input" || key == "out")
      name += "." + key.str() + "_" + word.getValue().str();
    else if (word && (key != "compute" || value != step.config.get("weight")))
      name += "." + word.getValue().str();
  };
  // What tells kernels of a kind apart comes first.
  const StringRef first[] = {"norm", "kind", "weight", "compute"};
  for (StringRef key : first)
    if (Attribute value = step.config.get(key))
      add(key, value);
  for (NamedAttribute attr : step.config)
    if (!llvm::is_contained(first, attr.getName().getValue()))
      add(attr.getName(), attr.getValue());
  return name;
}

SignatureNames::SignatureNames(Builder builder,
                               const kernels::Signature &signature) {
  SmallVector<Attribute> operands, all;
  for (const auto &operand : signature.operands)
    operands.push_back(builder.getStringAttr(operand->name));
  for (const auto &dim : signature.dims)
    all.push_back(builder.getStringAttr(dim->name));
  inputs =
      builder.getArrayAttr(ArrayRef(operands).take_front(signature.writes));
  outputs =
      builder.getArrayAttr(ArrayRef(operands).drop_front(signature.writes));
  dims = builder.getArrayAttr(all);
}

FailureOr<KernelOp> PlanBuilder::kernel(Location loc, const Step &step) {
  std::string key = ("kernel " + step.kind + " ").str() + textOf(step.config);
  if (step.body)
    key += textOf(*step.body);
  Operation *&known = made[key];
  if (known)
    return cast<KernelOp>(known);
  FailureOr<kernels::Signature> signature = kernels::signature(
      step.kind, step.config, [&] { return mlir::emitError(loc); });
  if (failed(signature))
    return failure();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  SignatureNames names(builder, *signature);
  auto op = KernelOp::create(builder, builder.getUnknownLoc(), kernelName(step),
                             step.kind, step.config, names.inputs,
                             names.outputs, names.dims);
  if (step.body) {
    IRMapping mapping;
    step.body->cloneInto(&op.getBody(), mapping);
  }
  known = declare(op);
  return op;
}

LogicalResult PlanBuilder::step(Location loc, const Step &step,
                                std::optional<int64_t> layer) {
  FailureOr<KernelOp> kernel = this->kernel(loc, step);
  if (failed(kernel))
    return failure();
  auto operandNamed = [&](StringRef name) {
    return llvm::find_if(step.operands, [&](const auto &operand) {
      return operand.first == name;
    });
  };

  FailureOr<kernels::Signature> signature = kernels::signature(
      step.kind, step.config, [&] { return mlir::emitError(loc); });
  if (failed(signature))
    return failure();
  SmallVector<Value> buffers;
  SmallVector<Attribute> names, refs;
  // Of buffers, by the number of their dim.
  DenseMap<size_t, std::optional<int64_t>> strides;
  for (int64_t i = 0; i < kernel->getOperandTotal(); ++i) {
    StringRef name = kernel->getOperandName(i);
    const auto *given = operandNamed(name);
    if (given == step.operands.end())
      return mlir::emitError(loc) << "kernel '" << kernel->getSymName()
                                  << "' needs the operand '" << name << "'";
    const Ref &ref = given->second;
    if (ref.buffer) {
      buffers.push_back(ref.buffer);
      if (int32_t dim = signature->operands[i]->stride; dim >= 0)
        strides[dim] = rowStride(ref.buffer);
    }
    names.push_back(builder.getStringAttr(name));
    refs.push_back(RefAttr::get(context(), ref.symbol, ref.index));
  }
  if (names.size() != step.operands.size()) {
    InFlightDiagnostic error = mlir::emitError(loc)
                               << "kernel '" << kernel->getSymName()
                               << "' has no operand for";
    for (const auto &[name, ref] : step.operands)
      if (!llvm::is_contained(names, builder.getStringAttr(name)))
        error << " '" << name << "'";
    return error;
  }

  NamedAttrList dims;
  SmallVector<int64_t> bounds;
  for (auto attr : kernel->getDims().getAsRange<StringAttr>()) {
    StringRef name = attr.getValue();
    std::optional<int64_t> value = strides.lookup(bounds.size());
    for (const auto &[given, number] : step.dims)
      if (given == name)
        value = number;
    if (!value)
      return mlir::emitError(loc) << "kernel '" << kernel->getSymName()
                                  << "' needs the dim '" << name << "'";
    dims.append(attr, builder.getI64IntegerAttr(*value));
    bounds.push_back(*value);
  }

  int64_t scratch = kernels::scratchBytes(step.kind, step.config, bounds);
  // Both ops have the same arguments.
  auto build = [&](auto tag) {
    using OpTy = decltype(tag);
    OpTy::create(builder, loc, FlatSymbolRefAttr::get(*kernel), buffers,
                 builder.getArrayAttr(names), builder.getArrayAttr(refs),
                 builder.getI64IntegerAttr(kernel->getInputs().size()),
                 dims.getDictionary(context()),
                 RowKindAttr::get(context(), step.rows.kind),
                 builder.getI64IntegerAttr(step.rows.scale),
                 builder.getI64IntegerAttr(scratch), UnitAttr(),
                 layer ? builder.getI64IntegerAttr(*layer) : IntegerAttr());
  };
  if (step.engine)
    build(MatmulOp());
  else
    build(DispatchOp());
  return success();
}

} // namespace sluice::plan
