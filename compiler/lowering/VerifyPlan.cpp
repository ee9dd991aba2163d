#include "compiler/formula/FromRegion.h"
#include "compiler/kernels/Kernels.h"
#include "compiler/lowering/Liveness.h"
#include "compiler/lowering/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSwitch.h"

namespace sluice::plan {
#define GEN_PASS_DEF_VERIFYPLANPASS
#include "compiler/lowering/Passes.h.inc"
} // namespace sluice::plan

using namespace mlir;
using namespace sluice::plan;

namespace {

// Of a head and of the number of heads; products of two stay in range.
constexpr int64_t maxWidth = int64_t(1) << 24;

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
  Builder builder(kernel.getContext());
  for (auto [what, found, expected] :
       {std::tuple("inputs", kernel.getInputs(),
                   builder.getStrArrayAttr(signature->inputs)),
        std::tuple("outputs", kernel.getOutputs(),
                   builder.getStrArrayAttr(signature->outputs)),
        std::tuple("dims", kernel.getDims(),
                   builder.getStrArrayAttr(signature->dims))})
    if (found != expected)
      return kernel.emitOpError()
             << "has the " << what << " (" << listOf(found)
             << "), its kind has (" << listOf(expected) << ")";
  return success();
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
    return verifyDims(step, kernel, operands);
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

  LogicalResult verifyDims(StepOpInterface step, KernelOp kernel,
                           ArrayRef<sluice::plan::Operand> operands) {
    Operation *op = step;
    for (auto name : kernel.getDims().getAsRange<StringAttr>())
      if (!step.getDims().contains(name))
        return op->emitOpError()
               << "leaves out the dim '" << name.getValue() << "'";
    if (step.getDims().size() != kernel.getDims().size())
      return op->emitOpError() << "has more dims than its kernel ("
                               << listOf(kernel.getDims()) << ")";
    for (const sluice::plan::Operand &operand : operands) {
      auto dim =
          step.getDims().getAs<IntegerAttr>((operand.name + ".stride").str());
      if (dim && operand.buffer && dim.getInt() != rowStride(operand.buffer))
        return op->emitOpError()
               << "gives '" << operand.name << "' rows " << dim.getInt()
               << " apart, its buffer has " << rowStride(operand.buffer);
    }
    if (failed(verifyWidths(step, kernel, operands)) ||
        failed(verifyScratch(step, kernel)) ||
        failed(verifyExperts(step, operands)))
      return failure();
    return verifyHeads(step, kernel, operands);
  }

  static LogicalResult verifyScratch(StepOpInterface step, KernelOp kernel) {
    SmallVector<int64_t> bounds;
    for (auto name : kernel.getDims().getAsRange<StringAttr>())
      bounds.push_back(step.getDims().getAs<IntegerAttr>(name).getInt());
    int64_t needed = sluice::kernels::scratchBytes(kernel.getKind(),
                                                   kernel.getConfig(), bounds);
    if (step.getScratch() >= needed)
      return success();
    return step->emitOpError()
           << "has " << step.getScratch()
           << " bytes of scratch, its kernel needs " << needed;
  }

  // Every token has `top_k` places in what lists pairs of token and expert, and
  // scores and offsets are those of all experts.
  static LogicalResult verifyExperts(StepOpInterface step,
                                     ArrayRef<sluice::plan::Operand> operands) {
    auto chosen = step.getDims().getAs<IntegerAttr>("top_k"),
         all = step.getDims().getAs<IntegerAttr>("experts");
    bool scores = llvm::any_of(operands, [](const auto &operand) {
      return operand.name == "idx" && operand.written;
    });
    for (const sluice::plan::Operand &operand : operands)
      if (scores && all && operand.name == "x" && operand.buffer &&
          all.getInt() > rowStride(operand.buffer) - operand.index)
        return step->emitOpError()
               << "is for " << all.getInt() << " experts, 'x' for "
               << rowStride(operand.buffer) - operand.index;
    for (const sluice::plan::Operand &operand : operands) {
      auto buffer = operand.buffer ? operand.buffer.getDefiningOp<BufferOp>()
                                   : BufferOp();
      if (!buffer)
        continue;
      int64_t scale = static_cast<int64_t>(buffer.getRowScale()),
              columns = static_cast<int64_t>(buffer.getColumns());
      auto [count, places] =
          llvm::StringSwitch<std::pair<IntegerAttr, int64_t>>(operand.name)
              .Cases({"pairs", "position"}, {chosen, scale})
              .Cases({"idx", "weight"}, {chosen, columns})
              .Case("offsets", {all, columns - 1})
              .Default({IntegerAttr(), 0});
      if (count && count.getInt() != places)
        return step->emitOpError()
               << "is for " << count.getInt()
               << (count == all ? " experts" : " experts of a token") << ", '"
               << operand.name << "' for " << places;
    }
    return success();
  }

  // Heads side by side fit into their rows, and a cache has their shape.
  LogicalResult verifyHeads(StepOpInterface step, KernelOp kernel,
                            ArrayRef<sluice::plan::Operand> operands) {
    auto number = [&](StringRef name, int64_t otherwise) {
      auto value = step.getDims().getAs<IntegerAttr>(name);
      if (!value)
        value = kernel.getConfig().getAs<IntegerAttr>(name);
      return value ? value.getInt() : otherwise;
    };
    int64_t width = number("head_dim", 0);
    if (width == 0)
      return success();
    int64_t heads = number("heads", 1), kvHeads = number("kv_heads", heads),
            valueWidth = number("value_dim", width),
            rotary = number("rotary", 0), from = number("from", 0);
    for (int64_t value : {width, heads, kvHeads, valueWidth})
      if (value < 1 || value > maxWidth)
        return step->emitOpError() << "has an impossible number of heads or of "
                                      "elements in one: "
                                   << value;
    if (heads % kvHeads != 0)
      return step->emitOpError()
             << "shares " << kvHeads << " heads of keys among " << heads;
    if (rotary < 0 || from < 0 || rotary > width || from > width ||
        from + 2 * rotary > width)
      return step->emitOpError() << "turns " << rotary << " pairs from element "
                                 << from << " on, heads have " << width;
    bool attends = kernel.getKind() == "attend";
    for (const sluice::plan::Operand &operand : operands) {
      int64_t needed = llvm::StringSwitch<int64_t>(operand.name)
                           .Cases({"x", "q"}, heads * width)
                           .Case("k", kvHeads * width)
                           .Case("v", kvHeads * valueWidth)
                           .Case("y", heads * (attends ? valueWidth : width))
                           .Case("table", 2 * rotary)
                           .Default(0);
      if (operand.buffer && needed > rowStride(operand.buffer) - operand.index)
        return step->emitOpError() << "takes " << needed << " elements of '"
                                   << operand.name << "', whose rows have "
                                   << rowStride(operand.buffer) - operand.index;
      if (auto state = operand.symbol
                           ? dyn_cast_or_null<StateOp>(
                                 symbols.lookup(operand.symbol.getValue()))
                           : StateOp())
        if (failed(verifyCache(step, state, {kvHeads, width},
                               {kvHeads, valueWidth})))
          return failure();
    }
    return success();
  }

  static LogicalResult verifyCache(StepOpInterface step, StateOp state,
                                   ArrayRef<int64_t> key,
                                   ArrayRef<int64_t> value) {
    Builder builder(state.getContext());
    if (state.getShapes() ==
        builder.getArrayAttr({builder.getDenseI64ArrayAttr(key),
                              builder.getDenseI64ArrayAttr(value)}))
      return success();
    return step->emitOpError()
           << "keeps keys of [" << key << "] and values of [" << value
           << "] in @" << state.getSymName() << ", which has other shapes";
  }

  // K elements of a row of x and N of a row of y, for each of the heads; a sum
  // takes N of x and gives one.
  static LogicalResult verifyWidths(StepOpInterface step, KernelOp kernel,
                                    ArrayRef<sluice::plan::Operand> operands) {
    auto dim = [&](StringRef name, int64_t otherwise) {
      auto value = step.getDims().getAs<IntegerAttr>(name);
      return value ? value.getInt() : otherwise;
    };
    int64_t heads = dim("heads", 1);
    for (const sluice::plan::Operand &operand : operands) {
      if (!operand.buffer || (operand.name != "x" && operand.name != "y"))
        continue;
      bool sums = kernel.getKind() == "sum";
      StringRef name = operand.name == "x" && !sums ? "K" : "N";
      int64_t width = rowStride(operand.buffer) - operand.index;
      int64_t count = operand.name == "y" && sums ? 1 : dim(name, 0);
      if (count < 0 || heads < 1 || count > width / heads)
        return step->emitOpError()
               << "takes " << name << " = " << count << " elements of '"
               << operand.name << "', whose rows have " << width;
    }
    return success();
  }

  // The library multiplies and adds to what is there, nothing else.
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
// with products for a library leaves its counts to an earlier one without, too,
// for where the library takes none of them.
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
            !(programs[i].hasProductsForLibrary() &&
              !programs[j].hasProductsForLibrary() &&
              programs[j].getMin() < programs[i].getMin())) {
          InFlightDiagnostic error =
              programs[i].emitOpError("takes token counts of another program");
          error.attachNote(programs[j].getLoc()) << "of this one";
          return error;
        }
  return success();
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
