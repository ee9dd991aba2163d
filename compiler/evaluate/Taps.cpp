#include "compiler/evaluate/Taps.h"

#include "compiler/evaluate/Trace.h"
#include "dialects/llm/Taps.h"

#include <set>

using namespace mlir;

namespace sluice::evaluate {

// Whether the value is rows that its op has computed.
static bool isComputed(OpResult value) {
  Operation *op = value.getOwner();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return isa<llm::LLMDialect>(op->getDialect()) && type &&
         type.getElementType().isF32() && llm::hasRows(type) &&
         !isa<llm::ReshapeOp, llm::SliceOp, llm::SplitOp>(op);
}

namespace {

// Taps functions in the order in which they are first called.
class Tapper {
public:
  explicit Tapper(ModuleOp module) : module(module) {}

  void visit(func::FuncOp function) {
    if (!visited.insert(function).second)
      return;
    // Rows within `experts` are in another order.
    for (Operation &op : llvm::make_early_inc_range(function.front()))
      if (auto call = dyn_cast<func::CallOp>(op))
        visit(module.lookupSymbol<func::FuncOp>(call.getCallee()));
      else
        tap(&op);
  }

private:
  void tap(Operation *op) {
    OpBuilder builder(op);
    builder.setInsertionPointAfter(op);
    std::vector<std::string> places = placesOf(op->getLoc());
    std::string path = pathOf(op->getLoc());
    for (OpResult result : op->getResults()) {
      if (!isComputed(result))
        continue;
      std::string name = std::to_string(count++) + " " +
                         op->getName().getStringRef().str() + " " +
                         (path.empty() ? "-" : path) + " " +
                         (places.empty() ? "-" : places.back());
      llm::TapOp::create(builder, op->getLoc(), result, name);
    }
  }

  ModuleOp module;
  std::set<Operation *> visited;
  int64_t count = 0;
};

} // namespace

void tapResults(ModuleOp module) {
  Tapper tapper(module);
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(llm::entryAttr))
      tapper.visit(function);
}

namespace {

// The rows of each sequence in what a step gives.
class Split {
public:
  Split(const Step &step, std::vector<Named> &out) : out(out) {
    for (const Sequence &sequence : step.sequences)
      rows.push_back(int64_t(sequence.inputs.begin()->second.size()));
    all = std::accumulate(rows.begin(), rows.end(), int64_t(0));
  }

  void add(const std::string &name, const Tensor &tensor) {
    // What has no row per token has one per sequence.
    bool perToken = tensor.shape[0] == all;
    int64_t columns = int64_t(tensor.data.size()) / tensor.shape[0];
    const float *from = tensor.data.data();
    for (auto [s, count] : llvm::enumerate(rows)) {
      int64_t size = (perToken ? count : 1) * columns;
      Tensor part{Shape{perToken ? count : 1, columns}};
      std::copy_n(from, size, part.data.begin());
      out.push_back({name + "." + std::to_string(s), share(std::move(part))});
      from += size;
    }
  }

private:
  std::vector<Named> &out;
  std::vector<int64_t> rows;
  int64_t all = 0;
};

void addInputs(const Step &step, const std::string &prefix,
               std::vector<Named> &out) {
  for (auto [s, sequence] : llvm::enumerate(step.sequences))
    for (const auto &[name, values] : sequence.inputs) {
      Ints ids{Shape{int64_t(values.size())}};
      ids.data = values;
      out.push_back({(prefix.empty() ? name : prefix) + "." + std::to_string(s),
                     share(std::move(ids))});
    }
}

} // namespace

Result<std::vector<Named>> referenceOf(ModuleOp module, const Weights &weights,
                                       ArrayRef<Step> steps) {
  std::vector<Named> tensors;
  for (const Step &step : steps.drop_back())
    addInputs(step, "source_ids", tensors);
  addInputs(steps.back(), "", tensors);
  Split split(steps.back(), tensors);
  Evaluator evaluator(module, weights);
  States states;
  std::map<std::string, int64_t> times;
  for (const Step &step : steps) {
    if (&step == &steps.back())
      evaluator.observe([&](const Event &event) {
        auto tap = dyn_cast<llm::TapOp>(event.op);
        if (tap && event.tensor)
          split.add(llm::tapName(tap.getName(), times[tap.getName().str()]++),
                    *event.tensor);
      });
    FailureOr<std::vector<Output>> outputs = evaluator.run(step, states);
    if (failed(outputs))
      return Status(Code::InvalidArgument, "the module cannot be evaluated");
    if (&step == &steps.back())
      for (const Output &output : *outputs)
        split.add(output.name, output.value);
  }
  return tensors;
}

} // namespace sluice::evaluate
