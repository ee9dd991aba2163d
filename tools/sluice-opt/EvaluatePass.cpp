#include "tools/sluice-opt/EvaluatePass.h"

#include "compiler/evaluate/Steps.h"
#include "compiler/evaluate/Trace.h"
#include "compiler/pipeline/Inputs.h"

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

  std::optional<pipeline::Inputs> inputs;
};

} // namespace

void registerEvaluatePass() { PassRegistration<EvaluatePass>(); }

} // namespace sluice::tools
