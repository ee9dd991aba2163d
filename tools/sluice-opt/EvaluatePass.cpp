#include "tools/sluice-opt/EvaluatePass.h"

#include "compiler/evaluate/Steps.h"
#include "compiler/evaluate/Taps.h"
#include "compiler/evaluate/Trace.h"
#include "compiler/pipeline/Inputs.h"
#include "runtime/tensors/TensorFile.h"

#include "mlir/Pass/Pass.h"
#include "llvm/Support/FileSystem.h"

#include <optional>

using namespace mlir;

namespace sluice::tools {

namespace {

class EvaluatePass : public PassWrapper<EvaluatePass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(EvaluatePass)

  EvaluatePass() = default;
  EvaluatePass(const EvaluatePass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "evaluate"; }
  StringRef getDescription() const final {
    return "Run an entry of a module of any stage from model to fused and "
           "print what it computes as JSON";
  }

  void runOnOperation() final {
    Result<std::vector<evaluate::Step>> parsed =
        evaluate::parseSteps(steps, getOperation());
    if (!parsed.ok())
      return fail(parsed.status());
    Result<evaluate::Weights> weights = openWeights();
    if (!weights.ok())
      return fail(weights.status());
    if (!reference.empty()) {
      if (Status status = writeReference(*weights, *parsed); !status.ok())
        fail(status);
      return;
    }
    auto results = evaluate::runSteps(getOperation(), *weights, *parsed, trace);
    if (failed(results))
      return signalPassFailure();
    std::error_code error;
    llvm::raw_fd_ostream out(to, error);
    if (error)
      return fail(Status(Code::Io, to + ": " + error.message()));
    evaluate::writeJson(*results, out);
    markAllAnalysesPreserved();
  }

private:
  void fail(const Status &status) {
    getOperation().emitError(status.message());
    signalPassFailure();
  }

  Status writeReference(const evaluate::Weights &weights,
                        ArrayRef<evaluate::Step> steps) {
    auto values = evaluate::referenceOf(getOperation(), weights, steps);
    if (!values.ok())
      return values.status();
    std::vector<NamedTensor> tensors;
    auto add = [&](const std::string &name, const auto &array) {
      tensors.push_back(
          {name, {array.shape.begin(), array.shape.end()}, array.data});
    };
    for (const auto &[name, value] : *values)
      if (auto *tensor =
              std::get_if<std::shared_ptr<const evaluate::Tensor>>(&value))
        add(name, **tensor);
      else if (auto *ints =
                   std::get_if<std::shared_ptr<const evaluate::Ints>>(&value))
        add(name, **ints);
    return writeTensors(reference, tensors);
  }

  Result<evaluate::Weights> openWeights() {
    if (checkpoint.empty())
      return evaluate::seededWeights(seed);
    pipeline::Options options;
    options.spec = spec;
    options.checkpoint = checkpoint;
    options.config = config;
    options.models = models;
    Result<pipeline::Inputs> read = pipeline::readInputs(options, llvm::errs());
    if (!read.ok())
      return read.status();
    inputs.emplace(std::move(*read));
    return evaluate::checkpointWeights(inputs->checkpoint, *inputs->model);
  }

  Option<std::string> steps{
      *this, "steps",
      llvm::cl::desc("what is run: `1,2,3 ; 7 | 4 ; 8` is two steps of two "
                     "sequences (compiler/evaluate/Steps.h)")};
  Option<unsigned> seed{*this, "seed", llvm::cl::init(0),
                        llvm::cl::desc("seed of the weights")};
  Option<std::string> checkpoint{
      *this, "checkpoint",
      llvm::cl::desc("take the weights from this checkpoint")};
  Option<std::string> spec{*this, "spec",
                           llvm::cl::desc("the checkpoint's spec")};
  Option<std::string> config{
      *this, "config", llvm::cl::desc("config.json of checkpoint=random:SEED")};
  Option<std::string> models{*this, "models", llvm::cl::init("models"),
                             llvm::cl::desc("folder of specs")};
  Option<bool> trace{*this, "trace", llvm::cl::init(false),
                     llvm::cl::desc("print every op's results, too")};
  Option<std::string> to{*this, "to", llvm::cl::init("-"),
                         llvm::cl::desc("file to write; -: standard output")};

  Option<std::string> reference{
      *this, "reference",
      llvm::cl::desc("print nothing, but write what was tapped in the last "
                     "step for sluice-run --compare")};

  std::optional<pipeline::Inputs> inputs;
};

class TapResultsPass
    : public PassWrapper<TapResultsPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TapResultsPass)

  StringRef getArgument() const final { return "tap-results"; }
  StringRef getDescription() const final {
    return "Tap the result of every op that computes rows; taps are outputs "
           "of the entries that are compiled from the module";
  }
  void runOnOperation() final { evaluate::tapResults(getOperation()); }
};

} // namespace

void registerEvaluatePasses() {
  PassRegistration<EvaluatePass>();
  PassRegistration<TapResultsPass>();
}

} // namespace sluice::tools
