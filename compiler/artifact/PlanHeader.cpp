#include "compiler/artifact/PlanHeader.h"

#include "compiler/formula/FromRegion.h"
#include "compiler/kernels/Kernels.h"
#include "compiler/spec/Location.h"

#include "dialects/plan/Format.h"
#include "runtime/format/container.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace sluice::artifact {

namespace {

std::string str(StringRef text) { return text.str(); }

std::vector<pack::Computed::Table> tablesOf(plan::WeightOp op) {
  std::vector<pack::Computed::Table> tables;
  if (ArrayAttr list = op.getTablesAttr())
    for (auto table : list.getAsRange<DenseElementsAttr>())
      tables.push_back(
          {pack::Shape(table.getType().getShape()),
           {table.value_begin<float>(), table.value_end<float>()}});
  return tables;
}

// The places that a location is made of: where the op was written, and the
// other ops of a fusion.
void collectPlaces(Location loc, StringRef path, StringRef specs,
                   std::vector<std::unique_ptr<format::PlaceT>> &places) {
  if (auto file = dyn_cast<FileLineColLoc>(loc)) {
    auto place = std::make_unique<format::PlaceT>();
    place->file = spec::nameFrom(specs, file.getFilename().getValue());
    place->line = file.getLine();
    place->column = file.getColumn();
    place->path = str(path);
    places.push_back(std::move(place));
  } else if (auto name = dyn_cast<NameLoc>(loc)) {
    collectPlaces(name.getChildLoc(), name.getName(), specs, places);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    collectPlaces(call.getCallee(), path, specs, places);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectPlaces(part, path, specs, places);
  }
}

std::unique_ptr<format::PlaceT> placeOf(Location loc, StringRef specs,
                                        std::optional<uint64_t> layer) {
  std::vector<std::unique_ptr<format::PlaceT>> places;
  collectPlaces(loc, "", specs, places);
  if (places.empty())
    return nullptr;
  for (auto &place : places)
    place->layer = layer ? static_cast<int32_t>(*layer) : -1;
  std::unique_ptr<format::PlaceT> first = std::move(places.front());
  for (auto &place : llvm::drop_begin(places))
    first->fused.push_back(std::move(place));
  return first;
}

// Instance of a layer in the bank of a weight or state.
template <typename OpTy> uint32_t instanceOf(OpTy op, int64_t layer) {
  std::optional<ArrayRef<int64_t>> layers = op.getLayers();
  if (!layers)
    return 0;
  return static_cast<uint32_t>(llvm::find(*layers, layer) - layers->begin());
}

class HeaderMaker {
public:
  HeaderMaker(ModuleOp module, StringRef specs)
      : module(module), symbols(module), specs(specs) {}

  Result<PlanHeader> make() {
    if (auto family = module->getAttrOfType<StringAttr>("plan.family"))
      header.model.family = str(family.getValue());
    for (auto weight : module.getOps<plan::WeightOp>())
      if (Status status = addWeight(weight); !status.ok())
        return status.in(str(weight.getSymName()));
    for (auto state : module.getOps<plan::StateOp>())
      addState(state);
    for (auto kernel : module.getOps<plan::KernelOp>())
      if (Status status = addKernel(kernel); !status.ok())
        return status;
    for (auto entry : module.getOps<plan::EntryOp>())
      addEntry(entry);
    for (auto program : module.getOps<plan::ProgramOp>())
      if (Status status = addProgram(program); !status.ok())
        return status.in(str(program.getSymName()));
    return std::move(header);
  }

private:
  Status addWeight(plan::WeightOp op) {
    auto weight = std::make_unique<format::WeightT>();
    weight->name = str(op.getSymName());
    format::Packing packing = plan::packingOf(op);
    weight->elem = packing.elem;
    weight->layout = packing.layout;
    weight->shape = packing.shape;
    Status status =
        op.getValue() ? addConstant(op, *weight) : addPacked(op, *weight);
    if (!status.ok())
      return status;
    numbers[op] = header.model.weights.size();
    header.model.weights.push_back(std::move(weight));
    return {};
  }

  Status addConstant(plan::WeightOp op, format::WeightT &weight) {
    auto value = dyn_cast<DenseElementsAttr>(*op.getValue());
    if (!value)
      return Status(Code::Unsupported, "its value is not dense");
    weight.section = format::SectionKind::Constants;
    header.constants.resize(
        llvm::alignTo(header.constants.size(), format::kDataAlignment));
    weight.offset = header.constants.size();
    // A splat is stored once in the attribute, but not in the file.
    ArrayRef<char> raw = value.getRawData();
    for (int64_t i = 0; i < (value.isSplat() ? value.getNumElements() : 1); ++i)
      header.constants.append(raw.begin(), raw.end());
    weight.bytes = header.constants.size() - weight.offset;
    return {};
  }

  Status addPacked(plan::WeightOp op, format::WeightT &weight) {
    if (op.getElem().isInteger(32))
      return Status(Code::Unsupported, "weights of integers are not packed");
    WeightInstance instance;
    instance.packing = plan::packingOf(op);
    if (std::string expected = instance.packing.expected(); !expected.empty())
      return Status(Code::Unsupported, "expected " + expected);
    if (!op.getBody().empty()) {
      FailureOr<formula::Formula> formula = formula::fromRegion(op.getBody());
      if (failed(formula))
        return Status(Code::Unsupported, "its body cannot be computed");
      instance.computed = {std::move(*formula), tablesOf(op),
                           pack::Shape(op.getShape())};
    }
    weight.bytes = static_cast<uint64_t>(instance.packing.bytes());
    weight.bank_stride = llvm::alignTo(weight.bytes, format::kDataAlignment);
    for (auto part : op.getPartsAttr().getAsRange<plan::PartAttr>()) {
      auto one = std::make_unique<format::PartT>();
      one->path = str(part.getPath());
      one->layer = static_cast<int32_t>(part.getLayer());
      weight.parts.push_back(std::move(one));
    }
    weight.offset = header.weightBytes;
    std::optional<ArrayRef<int64_t>> layers = op.getLayers();
    weight.bank = layers ? static_cast<uint32_t>(layers->size()) : 1;
    if (layers)
      weight.layers.assign(layers->begin(), layers->end());
    for (uint32_t i = 0; i < weight.bank; ++i) {
      int64_t layer = layers ? (*layers)[i] : -1;
      instance.parts.clear();
      for (const auto &part : weight.parts)
        instance.parts.push_back(
            {part->path, part->layer >= 0 ? part->layer : layer});
      header.weights.emplace_back(header.weightBytes, instance);
      header.weightBytes += weight.bank_stride;
    }
    return {};
  }

  void addState(plan::StateOp op) {
    auto state = std::make_unique<format::StateT>();
    state->name = str(op.getSymName());
    bool fixed = op.getKind() == plan::StateKind::Fixed;
    state->kind = plan::asFormat(op.getKind());
    (fixed ? state->slot_bytes : state->block_bytes) = op.getBlockBytes();
    if (op.getLayers())
      state->bank = static_cast<uint32_t>(op.getLayers()->size());
    if (auto number = dyn_cast_or_null<FloatAttr>(op.getInitAttr()))
      state->init = number.getValueAsDouble();
    if (auto name = dyn_cast_or_null<FlatSymbolRefAttr>(op.getInitAttr())) {
      auto weight = symbols.lookup<plan::WeightOp>(name.getValue());
      for (uint32_t i = 0; i < state->bank; ++i)
        state->start.emplace_back(
            0, numbers[weight],
            op.getLayers() ? instanceOf(weight, (*op.getLayers())[i]) : 0,
            format::RefKind::Weight);
    }
    state->keep = static_cast<int64_t>(op.getKeep().value_or(0));
    state->chunk = static_cast<int64_t>(op.getChunk().value_or(0));
    state->once = op.getOnce();
    for (auto [name, shape] : llvm::zip(op.getFields(), op.getShapes())) {
      auto field = std::make_unique<format::StateFieldT>();
      field->name = str(cast<StringAttr>(name).getValue());
      llvm::append_range(field->shape,
                         cast<DenseI64ArrayAttr>(shape).asArrayRef());
      state->fields.push_back(std::move(field));
    }
    numbers[op] = header.model.states.size();
    header.model.states.push_back(std::move(state));
  }

  Status addKernel(plan::KernelOp op) {
    auto kernel = std::make_unique<format::KernelT>();
    kernel->name = str(op.getSymName());
    kernel->kind = str(op.getKind());
    kernel->symbol = kernelSymbol(kernel->name);
    FailureOr<kernels::Signature> signature = kernels::signature(
        op.getKind(), op.getConfig(), [&] { return op.emitOpError(); });
    if (failed(signature))
      return Status(Code::InvalidArgument,
                    "kernel '" + kernel->name + "' is not one of its kind");
    kernel->signature =
        std::make_unique<kernels::Signature>(std::move(*signature));
    numbers[op] = header.model.kernels.size();
    header.model.kernels.push_back(std::move(kernel));
    return {};
  }

  // What positions of kind spans count from.
  static void addSpans(DictionaryAttr positions, format::EntryT &entry) {
    if (auto begin = positions.getAs<IntegerAttr>("begin"))
      entry.begin = static_cast<int32_t>(begin.getInt());
    auto anchors = positions.getAs<ArrayAttr>("anchors");
    if (!anchors)
      return;
    for (auto equal : anchors.getAsRange<DenseI64ArrayAttr>()) {
      auto one = std::make_unique<format::AnchorsT>();
      for (int64_t token : equal.asArrayRef())
        one->tokens.push_back(static_cast<int32_t>(token));
      entry.anchors.push_back(std::move(one));
    }
  }

  void addEntry(plan::EntryOp op) {
    auto entry = std::make_unique<format::EntryT>();
    entry->name = str(op.getSymName());
    entry->kind = str(op.getKind());
    entry->start = op.getStart() ? static_cast<int32_t>(*op.getStart()) : -1;
    entry->positions = "linear";
    if (DictionaryAttr positions = op.getPositionsAttr()) {
      if (auto kind = positions.getAs<StringAttr>("kind"))
        entry->positions = str(kind.getValue());
      if (auto start = positions.getAs<IntegerAttr>("start"))
        entry->position_start = static_cast<int32_t>(start.getInt());
      addSpans(positions, *entry);
    }
    for (auto [name, kind, limit] :
         llvm::zip(op.getInputNames(), op.getInputKinds(), op.getLimits())) {
      auto input = std::make_unique<format::InputT>();
      input->name = str(cast<StringAttr>(name).getValue());
      input->type = str(cast<StringAttr>(kind).getValue());
      input->columns = 1;
      input->limit = limit;
      input->optional =
          op.getOptional() && llvm::is_contained(*op.getOptional(), name);
      entry->inputs.push_back(std::move(input));
    }
    numbers[op] = header.model.entries.size();
    header.model.entries.push_back(std::move(entry));
  }

  Status addProgram(plan::ProgramOp op) {
    auto entryOp = symbols.lookup<plan::EntryOp>(op.getEntry());
    if (!entryOp)
      return Status(Code::InvalidArgument,
                    "its entry '" + str(op.getEntry()) + "' does not exist");
    format::EntryT &entry = *header.model.entries[numbers[entryOp]];
    auto program = std::make_unique<format::ProgramT>();
    program->min = static_cast<int64_t>(op.getMin());
    program->max = static_cast<int64_t>(op.getMax().value_or(0));
    bool describe = entry.programs.empty();
    uint32_t inputs = 0;
    for (Operation &inner : op.getBody().front()) {
      if (auto input = dyn_cast<plan::InputOp>(inner)) {
        format::InputT &described = *entry.inputs[inputs];
        described.columns = static_cast<int64_t>(input.getColumns());
        described.elem = plan::elemOf(input.getElem());
        described.shape = shapeOf(input, described);
        places[input.getBuffer()] = {format::RefKind::Input, inputs++};
      } else if (auto buffer = dyn_cast<plan::BufferOp>(inner)) {
        if (!buffer.getOffset())
          return Status(Code::InvalidArgument,
                        "buffer '" + str(buffer.getName()) +
                            "' has no place in the arena");
        places[buffer.getBuffer()] = {format::RefKind::Buffer,
                                      bufferNumber(buffer)};
      } else if (auto output = dyn_cast<plan::OutputOp>(inner)) {
        program->outputs.push_back(refTo(
            output.getBuffer(), static_cast<int64_t>(output.getColumn())));
        if (describe)
          entry.outputs.push_back(describeOutput(output));
      } else if (auto step = dyn_cast<plan::StepOpInterface>(inner)) {
        program->steps.push_back(makeStep(step));
      }
    }
    entry.programs.push_back(std::move(program));
    return {};
  }

  // Of a row: tokens are numbers without axes.
  static std::vector<int64_t> shapeOf(plan::InputOp op,
                                      const format::InputT &input) {
    if (op.getShape())
      return {op.getShape()->begin(), op.getShape()->end()};
    if (input.type == "rows")
      return {input.columns};
    return {};
  }

  static std::unique_ptr<format::OutputT> describeOutput(plan::OutputOp op) {
    auto output = std::make_unique<format::OutputT>();
    output->name = str(op.getName());
    output->elem = plan::elemOf(plan::shapeOf(op.getBuffer()).elem);
    output->columns = static_cast<int64_t>(op.getColumns());
    output->rows = plan::asFormat(op.getRows());
    output->row_scale = static_cast<int64_t>(op.getRowScale());
    return output;
  }

  // Equal buffers of different layers are one.
  uint32_t bufferNumber(plan::BufferOp op) {
    auto [it, isNew] = bufferNumbers.insert(
        {op->getAttrDictionary(), header.model.buffers.size()});
    if (!isNew)
      return it->second;
    auto buffer = std::make_unique<format::BufferT>();
    buffer->name = str(op.getName());
    buffer->elem = plan::elemOf(op.getElem());
    buffer->columns = static_cast<int64_t>(op.getColumns());
    buffer->stride = plan::rowStride(op.getBuffer());
    buffer->rows = plan::asFormat(op.getRows());
    buffer->row_scale = static_cast<int64_t>(op.getRowScale());
    std::optional<ArrayRef<int64_t>> offset = op.getOffset();
    buffer->offset = std::make_unique<format::Extent>(
        (*offset)[0], (*offset)[1], (*offset)[2]);
    header.model.buffers.push_back(std::move(buffer));
    return it->second;
  }

  format::Ref refTo(Value buffer, int64_t column) {
    auto [kind, index] = places.lookup(buffer);
    return format::Ref(column, index, 0, kind);
  }

  format::Ref refTo(const plan::Operand &operand) {
    if (operand.buffer)
      return refTo(operand.buffer, operand.index);
    Operation *op = symbols.lookup(operand.symbol.getValue());
    if (auto weight = dyn_cast<plan::WeightOp>(op))
      return format::Ref(0, numbers[op], instanceOf(weight, operand.index),
                         format::RefKind::Weight);
    return format::Ref(0, numbers[op],
                       instanceOf(cast<plan::StateOp>(op), operand.index),
                       format::RefKind::State);
  }

  std::unique_ptr<format::StepT> makeStep(plan::StepOpInterface op) {
    auto step = std::make_unique<format::StepT>();
    format::DispatchT dispatch = makeDispatch(op);
    if (isa<plan::MatmulOp>(op)) {
      step->body.Set(makeMatmul(op, std::move(dispatch)));
    } else {
      step->body.Set(std::move(dispatch));
    }
    step->place = placeOf(op->getLoc(), specs, op.getLayer());
    return step;
  }

  format::DispatchT makeDispatch(plan::StepOpInterface op) {
    format::DispatchT dispatch;
    auto kernel = symbols.lookup<plan::KernelOp>(op.getKernelAttr().getValue());
    dispatch.kernel = numbers[kernel];
    for (const plan::Operand &operand : plan::operandsOf(op))
      dispatch.operands.push_back(refTo(operand));
    for (auto name : kernel.getDims().getAsRange<StringAttr>())
      dispatch.dims.push_back(op.getDims().getAs<IntegerAttr>(name).getInt());
    dispatch.rows = plan::asFormat(op.getRows());
    dispatch.row_scale = op.getRowScale();
    dispatch.scratch = std::make_unique<format::Extent>(op.getScratch(), 0, 0);
    dispatch.nowait = op.getNowait();
    return dispatch;
  }

  format::MatmulT makeMatmul(plan::StepOpInterface op,
                             format::DispatchT fallback) {
    format::MatmulT matmul;
    for (const plan::Operand &operand : plan::operandsOf(op)) {
      auto ref = std::make_unique<format::Ref>(refTo(operand));
      if (operand.name == "x") {
        matmul.elem = plan::elemOf(plan::shapeOf(operand.buffer).elem);
        matmul.x = std::move(ref);
      } else if (operand.name == "w") {
        matmul.w = std::move(ref);
      } else if (operand.name == "y") {
        matmul.y = std::move(ref);
      } else if (operand.name == "bias") {
        matmul.bias = std::move(ref);
      } else if (operand.name == "residual") {
        matmul.accumulate = true;
      }
    }
    matmul.k = op.getDims().getAs<IntegerAttr>("K").getInt();
    matmul.n = op.getDims().getAs<IntegerAttr>("N").getInt();
    matmul.rows = fallback.rows;
    matmul.row_scale = fallback.row_scale;
    matmul.engine = "dnnl";
    matmul.fallback = std::make_unique<format::DispatchT>(std::move(fallback));
    return matmul;
  }

  ModuleOp module;
  SymbolTable symbols;
  StringRef specs;
  PlanHeader header;
  DenseMap<Operation *, uint32_t> numbers;
  DenseMap<Attribute, uint32_t> bufferNumbers;
  DenseMap<Value, std::pair<format::RefKind, uint32_t>> places;
};

} // namespace

std::string kernelSymbol(const std::string &kernel) {
  return format::kKernelPrefix + kernel;
}

Result<PlanHeader> makePlanHeader(ModuleOp plan, StringRef specs) {
  return HeaderMaker(plan, specs).make();
}

Result<uint64_t> weightSectionBytes(ModuleOp plan) {
  Result<PlanHeader> header = makePlanHeader(plan, "");
  if (!header.ok())
    return header.status();
  return header->weightBytes;
}

} // namespace sluice::artifact
