// Checks a plan as a whole: each step against its kernel, symbols and entry,
// and what runs or lives together.
#include "compiler/formula/FromRegion.h"
#include "compiler/kernels/Kernels.h"
#include "compiler/lowering/Liveness.h"
#include "compiler/lowering/Passes.h"
#include "compiler/lowering/PlanBuilder.h"
#include "dialects/plan/Format.h"
#include "runtime/format/CallCheck.h"

#include "llvm/ADT/MapVector.h"

namespace sluice::plan {
#define GEN_PASS_DEF_VERIFYPLANPASS
#include "compiler/lowering/Passes.h.inc"
} // namespace sluice::plan

using namespace mlir;
using namespace sluice::plan;
using sluice::format::Given;

namespace {

std::string listOf(ArrayAttr names) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(names.getAsRange<StringAttr>(), stream,
                        [&](StringAttr name) { stream << name.getValue(); });
  return text;
}

// The kernel's operands and dims are those of its kind.
LogicalResult verifyKernel(KernelOp kernel) {
  FailureOr<sluice::kernels::Signature> signature =
      sluice::kernels::signature(kernel.getKind(), kernel.getConfig(), [&] {
        return kernel.emitOpError() << "asks for the impossible: ";
      });
  if (failed(signature))
    return failure();
  SignatureNames names(Builder(kernel.getContext()), *signature);
  for (auto [what, found, expected] :
       {std::tuple("inputs", kernel.getInputs(), names.inputs),
        std::tuple("outputs", kernel.getOutputs(), names.outputs),
        std::tuple("dims", kernel.getDims(), names.dims)})
    if (found != expected)
      return kernel.emitOpError()
             << "has the " << what << " (" << listOf(found)
             << "), its kind has (" << listOf(expected) << ")";
  return success();
}

Given givenFor(WeightOp weight) {
  Given given;
  given.kind = sluice::format::RefKind::Weight;
  given.name = weight.getSymName();
  given.packing = packingOf(weight);
  given.elem = given.packing.elem;
  return given;
}

Given givenFor(StateOp state) {
  Given given;
  given.kind = sluice::format::RefKind::State;
  given.name = state.getSymName();
  given.state = state.getKind() == StateKind::Fixed
                    ? sluice::format::StateKind::Fixed
                    : sluice::format::StateKind::Cache;
  given.elements = state.getBlockBytes() / int64_t(sizeof(float));
  for (auto [name, shape] : llvm::zip(state.getFields(), state.getShapes())) {
    ArrayRef<int64_t> axes = cast<DenseI64ArrayAttr>(shape);
    given.fields.push_back(
        {cast<StringAttr>(name).getValue(), {axes.begin(), axes.end()}});
  }
  return given;
}

// What an operand is, as a signature asks.
Given givenFor(const sluice::plan::Operand &operand, SymbolTable &symbols) {
  if (!operand.buffer) {
    Operation *symbol = symbols.lookup(operand.symbol.getValue());
    if (auto weight = dyn_cast<WeightOp>(symbol))
      return givenFor(weight);
    return givenFor(cast<StateOp>(symbol));
  }
  Given given;
  if (operand.buffer.getDefiningOp<InputOp>())
    given.kind = sluice::format::RefKind::Input;
  if (auto input = operand.buffer.getDefiningOp<InputOp>())
    given.name = input.getName();
  else if (auto buffer = operand.buffer.getDefiningOp<BufferOp>())
    given.name = buffer.getName();
  BufferShape shape = sluice::plan::shapeOf(operand.buffer);
  given.elem = elemOf(shape.elem);
  given.rows = asFormat(shape.rows);
  given.rowScale = shape.rowScale;
  given.columns = shape.columns;
  given.stride = rowStride(operand.buffer);
  given.column = operand.index;
  return given;
}

LogicalResult verifyLayer(Operation *op, const sluice::plan::Operand &operand,
                          std::optional<ArrayRef<int64_t>> layers) {
  bool exists =
      layers ? llvm::is_contained(*layers, operand.index) : operand.index == 0;
  if (exists)
    return success();
  return op->emitOpError() << "takes '" << operand.name << "' from layer "
                           << operand.index << " of " << operand.symbol
                           << ", which does not exist";
}

class ProgramVerifier {
public:
  ProgramVerifier(ProgramOp program, SymbolTable &symbols)
      : program(program), symbols(symbols) {}

  LogicalResult verify() {
    for (Operation &op : program.getBody().front()) {
      if (auto step = dyn_cast<StepOpInterface>(op)) {
        if (failed(verifyStep(step)))
          return failure();
      } else if (auto output = dyn_cast<OutputOp>(op)) {
        if (!written.contains(output.getBuffer()))
          return output.emitOpError("gives a buffer that nothing writes");
      }
    }
    if (failed(verifyEntry()) || failed(verifyTogether()))
      return failure();
    return verifyArena();
  }

private:
  LogicalResult verifyStep(StepOpInterface step) {
    Operation *op = step;
    auto kernel = symbols.lookup<KernelOp>(step.getKernelAttr().getValue());
    if (!kernel)
      return op->emitOpError()
             << "calls " << step.getKernelAttr() << ", which is not a kernel";
    SmallVector<Attribute> names(kernel.getInputs().getValue());
    llvm::append_range(names, kernel.getOutputs());
    auto expected = ArrayAttr::get(op->getContext(), names);
    if (step.getNames() != expected ||
        step.getWrites() != static_cast<int64_t>(kernel.getInputs().size()))
      return op->emitOpError()
             << "passes (" << listOf(step.getNames()) << "), the kernel takes ("
             << listOf(expected) << ")";
    SmallVector<sluice::plan::Operand> operands = operandsOf(step);
    for (const sluice::plan::Operand &operand : operands)
      if (failed(verifyOperand(op, operand)))
        return failure();
    if (isa<MatmulOp>(op) && failed(verifyMatmul(op, kernel, operands)))
      return failure();
    for (const sluice::plan::Operand &operand : operands)
      if (operand.written && operand.buffer)
        written.insert(operand.buffer);
    return verifyCall(step, kernel, operands);
  }

  LogicalResult verifyOperand(Operation *op,
                              const sluice::plan::Operand &operand) {
    if (operand.buffer) {
      if (!operand.written && operand.buffer.getDefiningOp<BufferOp>() &&
          !written.contains(operand.buffer))
        return op->emitOpError()
               << "reads '" << operand.name << "', which nothing has written";
      return success();
    }
    Operation *symbol = symbols.lookup(operand.symbol.getValue());
    if (auto weight = dyn_cast_or_null<WeightOp>(symbol)) {
      if (operand.written)
        return op->emitOpError() << "writes to the weight " << operand.symbol;
      return verifyLayer(op, operand, weight.getLayers());
    }
    if (auto state = dyn_cast_or_null<StateOp>(symbol))
      return verifyLayer(op, operand, state.getLayers());
    return op->emitOpError() << "refers to " << operand.symbol
                             << ", which is neither a weight nor a state";
  }

  // The dims are all there, and the call stays inside its operands.
  LogicalResult verifyCall(StepOpInterface step, KernelOp kernel,
                           ArrayRef<sluice::plan::Operand> operands) {
    Operation *op = step;
    SmallVector<int64_t> dims;
    for (auto name : kernel.getDims().getAsRange<StringAttr>()) {
      auto value = step.getDims().getAs<IntegerAttr>(name);
      if (!value)
        return op->emitOpError()
               << "leaves out the dim '" << name.getValue() << "'";
      dims.push_back(value.getInt());
    }
    if (step.getDims().size() != kernel.getDims().size())
      return op->emitOpError() << "has more dims than its kernel ("
                               << listOf(kernel.getDims()) << ")";
    FailureOr<sluice::kernels::Signature> signature =
        sluice::kernels::signature(kernel.getKind(), kernel.getConfig(),
                                   [&] { return op->emitOpError(); });
    if (failed(signature))
      return failure();
    SmallVector<Given> given;
    for (const sluice::plan::Operand &operand : operands)
      given.push_back(givenFor(operand, symbols));
    std::string wrong = checkCall(*signature, {{dims.data(), dims.size()},
                                               asFormat(step.getRows()),
                                               step.getRowScale(),
                                               {given.data(), given.size()}});
    if (!wrong.empty())
      return op->emitOpError() << wrong;
    int64_t needed = sluice::kernels::scratchBytes(kernel.getKind(),
                                                   kernel.getConfig(), dims);
    if (step.getScratch() >= needed)
      return success();
    return op->emitOpError()
           << "has " << step.getScratch()
           << " bytes of scratch, its kernel needs " << needed;
  }

  // The engine multiplies and adds to what is there, nothing else.
  static LogicalResult verifyMatmul(Operation *op, KernelOp kernel,
                                    ArrayRef<sluice::plan::Operand> operands) {
    for (NamedAttribute attr : kernel.getConfig())
      if (!llvm::is_contained(
              {"weight", "compute", "input", "bias", "residual"},
              attr.getName().getValue()))
        return op->emitOpError() << "is for a plain product, its kernel has '"
                                 << attr.getName().getValue() << "'";
    if (kernel.getKind() != "linear")
      return op->emitOpError("needs a linear kernel");
    const sluice::plan::Operand &y = operands.back();
    for (const sluice::plan::Operand &operand : operands)
      if (operand.name == "residual" &&
          (operand.buffer != y.buffer || operand.index != y.index))
        return op->emitOpError("adds a residual that is not its result");
    return success();
  }

  LogicalResult verifyEntry() {
    auto entry = symbols.lookup<EntryOp>(program.getEntry());
    if (!entry)
      return program.emitOpError()
             << "is for @" << program.getEntry() << ", which is not an entry";
    SmallVector<Attribute> inputs, outputs;
    for (auto input : program.getBody().getOps<InputOp>())
      inputs.push_back(input.getNameAttr());
    for (auto output : program.getBody().getOps<OutputOp>())
      outputs.push_back(output.getNameAttr());
    for (auto [what, found, expected] :
         {std::tuple("inputs", ArrayRef(inputs), entry.getInputNames()),
          std::tuple("outputs", ArrayRef(outputs), entry.getOutputs())})
      if (found != expected.getValue())
        return program.emitOpError()
               << "has other " << what << " than its entry: ("
               << listOf(ArrayAttr::get(program.getContext(), found))
               << ") instead of (" << listOf(expected) << ")";
    return success();
  }

  // Steps without a barrier between them must not touch the same things.
  LogicalResult verifyTogether() {
    SmallVector<StepOpInterface> group;
    for (Operation &op : program.getBody().front()) {
      auto step = dyn_cast<StepOpInterface>(op);
      if (!step)
        continue;
      for (StepOpInterface other : group)
        if (failed(verifyApart(step, other)))
          return failure();
      if (step.getNowait())
        group.push_back(step);
      else
        group.clear();
    }
    return success();
  }

  static LogicalResult verifyApart(StepOpInterface step,
                                   StepOpInterface other) {
    for (const sluice::plan::Operand &mine : operandsOf(step))
      for (const sluice::plan::Operand &theirs : operandsOf(other))
        if ((mine.written || theirs.written) && mine.buffer == theirs.buffer &&
            mine.symbol == theirs.symbol) {
          InFlightDiagnostic error = step->emitOpError()
                                     << "needs a barrier before it: '"
                                     << mine.name << "' is in use";
          error.attachNote(other->getLoc()) << "by this step";
          return error;
        }
    if (isa<MatmulOp>(other))
      return other->emitOpError("runs outside the parallel region, so it can't "
                                "do without a barrier");
    return success();
  }

  LogicalResult verifyArena() {
    SmallVector<LiveRange> ranges = liveRanges(program);
    bool any = llvm::any_of(ranges, [](LiveRange &range) {
      return range.buffer.getOffset().has_value();
    });
    if (!any)
      return success();
    for (LiveRange &range : ranges)
      if (!range.buffer.getOffset())
        return range.buffer.emitOpError("has no place in the arena");
    for (size_t i = 0; i < ranges.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (ranges[i].meets(ranges[j]) &&
            failed(verifyDisjoint(ranges[i].buffer, ranges[j].buffer)))
          return failure();
    return success();
  }

  static Extent offsetOf(BufferOp buffer) {
    std::optional<ArrayRef<int64_t>> offset = buffer.getOffset();
    return {(*offset)[0], (*offset)[1], (*offset)[2]};
  }

  // Before or after each other for every choice of capacities.
  static LogicalResult verifyDisjoint(BufferOp a, BufferOp b) {
    Extent fromA = offsetOf(a), fromB = offsetOf(b);
    if (fromA.covers(fromB + extentOf(b)) || fromB.covers(fromA + extentOf(a)))
      return success();
    InFlightDiagnostic error =
        a.emitOpError("shares memory with a buffer that is in use");
    error.attachNote(b.getLoc()) << "'" << b.getName() << "'";
    return error;
  }

  ProgramOp program;
  SymbolTable &symbols;
  llvm::SmallDenseSet<Value> written;
};

// Every entry has programs, and a token count has one program at most; but one
// with products for the engine leaves its counts to an earlier one without,
// too, for where the engine takes none of them.
LogicalResult verifyRanges(ModuleOp module) {
  llvm::MapVector<StringRef, SmallVector<ProgramOp>> byEntry;
  for (auto program : module.getOps<ProgramOp>())
    byEntry[program.getEntry()].push_back(program);
  for (auto entry : module.getOps<EntryOp>())
    if (byEntry[entry.getSymName()].empty())
      return entry.emitOpError("has no program");
  auto last = [](ProgramOp program) {
    return program.getMax().value_or(std::numeric_limits<uint64_t>::max());
  };
  for (auto &[entry, programs] : byEntry)
    for (size_t i = 0; i < programs.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (programs[i].getMin() <= last(programs[j]) &&
            programs[j].getMin() <= last(programs[i]) &&
            !(programs[i].hasProductsForEngine() &&
              !programs[j].hasProductsForEngine() &&
              programs[j].getMin() < programs[i].getMin())) {
          InFlightDiagnostic error =
              programs[i].emitOpError("takes token counts of another program");
          error.attachNote(programs[j].getLoc()) << "of this one";
          return error;
        }
  return success();
}

// What a fixed state begins with is its f32 in order, for each of its layers.
LogicalResult verifyStart(StateOp state, SymbolTable &symbols) {
  auto name = dyn_cast_or_null<FlatSymbolRefAttr>(state.getInitAttr());
  if (!name)
    return success();
  auto weight = symbols.lookup<WeightOp>(name.getValue());
  if (!weight || state.getKind() != StateKind::Fixed)
    return state.emitOpError() << "cannot begin with " << name;
  auto shape = cast<DenseI64ArrayAttr>(state.getShapes()[0]).asArrayRef();
  std::optional<ArrayRef<int64_t>> has = weight.getLayers();
  auto lacks = [&](int64_t layer) { return !llvm::is_contained(*has, layer); };
  bool all =
      !has || (state.getLayers() && llvm::none_of(*state.getLayers(), lacks));
  if (weight.getElem().isF32() && weight.getLayout() == Layout::Rows &&
      weight.getShape() == shape && all)
    return success();
  InFlightDiagnostic error = state.emitOpError()
                             << "begins with " << name
                             << ", which is not its f32 in order";
  error.attachNote(weight.getLoc()) << "the weight is declared here";
  return error;
}

struct VerifyPlan : sluice::plan::impl::VerifyPlanPassBase<VerifyPlan> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    for (auto weight : module.getOps<WeightOp>())
      if (!weight.getBody().empty() &&
          failed(sluice::formula::fromRegion(weight.getBody())))
        return signalPassFailure();
    for (auto state : module.getOps<StateOp>())
      if (failed(verifyStart(state, symbols)))
        return signalPassFailure();
    for (auto kernel : module.getOps<KernelOp>())
      if (failed(verifyKernel(kernel)))
        return signalPassFailure();
    for (auto program : module.getOps<ProgramOp>())
      if (failed(ProgramVerifier(program, symbols).verify()))
        return signalPassFailure();
    if (failed(verifyRanges(module)))
      signalPassFailure();
  }
};

} // namespace
