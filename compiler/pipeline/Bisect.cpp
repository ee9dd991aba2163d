#include "compiler/pipeline/Bisect.h"

#include "compiler/evaluate/Difference.h"
#include "compiler/evaluate/Steps.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;

namespace sluice::pipeline {

using evaluate::Difference;
using evaluate::Step;
using evaluate::StepResults;

// What the passes did, as the instrumentation finds it.
struct Findings {
  struct Line {
    std::string pass;
    Difference difference; // of the outputs to those of the first module
  };
  std::vector<Line> lines;
  std::vector<StepResults> first, last;
  std::string culprit; // the first pass beyond the tolerance
  std::string where;   // the op that it moved
};

static std::string describe(const evaluate::Moved &moved) {
  std::string text;
  llvm::raw_string_ostream out(text);
  const evaluate::Record &record = *moved.record;
  std::vector<std::string> places = evaluate::placesOf(record.location);
  out << (places.empty() ? "unknown place" : places.back()) << ": "
      << record.op;
  if (std::string path = evaluate::pathOf(record.location); !path.empty())
    out << " (" << path << ")";
  if (record.layer >= 0)
    out << " of layer " << record.layer;
  out << " in step " << moved.step + 1
      << llvm::format(": off by %.3g, %.3g of its largest value",
                      moved.difference.absolute, moved.difference.relative);
  if (places.size() > 1)
    out << "; fused from " << llvm::join(ArrayRef(places).drop_back(), ", ");
  return text;
}

namespace {

class Comparison : public PassInstrumentation {
public:
  Comparison(Findings &findings, const evaluate::Weights &weights,
             ArrayRef<Step> steps, double tolerance)
      : findings(findings), weights(weights), steps(steps),
        tolerance(tolerance) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    auto module = dyn_cast<ModuleOp>(op);
    if (!module || !findings.culprit.empty())
      return;
    auto results = evaluate::runSteps(module, weights, steps, true);
    if (failed(results)) {
      findings.culprit = pass->getArgument();
      findings.where = "the module cannot be evaluated any more";
      return;
    }
    Difference difference = differenceOf(findings.first, *results);
    findings.lines.push_back({pass->getArgument().str(), difference});
    if (difference.relative > tolerance) {
      findings.culprit = pass->getArgument();
      auto moved = firstMoved(steps, findings.last, *results, tolerance);
      findings.where =
          moved ? describe(*moved) : "no single op, only the outputs";
    }
    findings.last = std::move(*results);
  }

private:
  Findings &findings;
  const evaluate::Weights &weights;
  ArrayRef<Step> steps;
  double tolerance;
};

} // namespace

static evaluate::Sequence sequenceOf(int32_t slot, const std::string &input,
                                     ArrayRef<int32_t> ids) {
  evaluate::Sequence sequence;
  sequence.slot = slot;
  sequence.inputs[input] = {ids.begin(), ids.end()};
  sequence.wanted = evaluate::Wanted::Last;
  return sequence;
}

Result<std::vector<Step>> trialSteps(ModuleOp module, const Trial &trial) {
  Result<std::string> name = evaluate::defaultEntry(module);
  if (!name.ok())
    return name.status();
  std::vector<Step> steps;
  if (!trial.sourceIds.empty()) {
    std::string source = evaluate::entryOfKind(module, "source");
    if (source.empty())
      return Status(Code::InvalidArgument,
                    "--source-ids are for a model with an encoder");
    steps.push_back({source, {}});
    for (auto [slot, ids] : llvm::enumerate(trial.sourceIds))
      steps.back().sequences.push_back(
          sequenceOf(int32_t(slot), evaluate::tokensOf(module, source), ids));
  }
  bool cut = evaluate::entryOfKind(module, "generate") == *name;
  std::string tokens = evaluate::tokensOf(module, *name);
  Step begin{*name, {}}, end{*name, {}};
  for (auto [slot, list] : llvm::enumerate(trial.ids)) {
    ArrayRef<int32_t> ids(list);
    if (cut && ids.size() > 1)
      begin.sequences.push_back(
          sequenceOf(int32_t(slot), tokens, ids.drop_back()));
    end.sequences.push_back(
        sequenceOf(int32_t(slot), tokens, cut ? ids.take_back() : ids));
  }
  if (!begin.sequences.empty())
    steps.push_back(std::move(begin));
  steps.push_back(std::move(end));
  return steps;
}

Status bisect(ModuleOp module, PassManager &passes,
              const evaluate::Weights &weights, ArrayRef<Step> steps,
              double tolerance, llvm::raw_ostream &out) {
  auto first = evaluate::runSteps(module, weights, steps, true);
  if (failed(first))
    return Status(Code::InvalidArgument,
                  "the module cannot be evaluated before the passes");
  Findings findings;
  findings.first = findings.last = std::move(*first);
  passes.addInstrumentation(
      std::make_unique<Comparison>(findings, weights, steps, tolerance));
  LogicalResult ran = passes.run(module);
  out << "outputs after            largest difference   relative\n";
  for (const Findings::Line &line : findings.lines)
    out << llvm::format("%-24s %18.3g %10.3g\n", line.pass.c_str(),
                        line.difference.absolute, line.difference.relative);
  if (failed(ran))
    return Status(Code::Internal, "the passes failed");
  if (findings.culprit.empty()) {
    out << llvm::format("no pass moves the outputs by more than %.3g\n",
                        tolerance);
    return {};
  }
  return Status(Code::Internal, "the pass '" + findings.culprit +
                                    "' moves the outputs; " + findings.where);
}

} // namespace sluice::pipeline
