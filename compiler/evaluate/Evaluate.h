// An evaluator of the `llm` dialect: plain loops in f32 with sums in f64, op by
// op as LLM*Ops.td defines them. It takes a module of any stage from `model` to
// `fused`, shares no code with lowering and kernels, and is what they are
// compared with.
//
//   Evaluator evaluator(module, seededWeights(7));
//   States states;
//   Step step{"generate", {{0, {{"ids", {5, 9, 2}}}}}};
//   llvm::FailureOr<std::vector<Output>> outputs = evaluator.run(step, states);
//
// Errors are diagnostics at the op, with what was expected and found.
#pragma once

#include "compiler/evaluate/States.h"
#include "compiler/evaluate/Value.h"
#include "compiler/evaluate/Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace sluice::evaluate {

// The rows whose outputs a caller wants of a sequence (`llm.wanted_rows`).
enum class Wanted { None, Last, All };

// New tokens of one sequence.
struct Sequence {
  int32_t slot = 0;
  // By the names of the entry's inputs; all have one element per token. Left
  // out: positions and what else the runtime counts, and token types, which
  // are 0. The first step of a slot is its prompt.
  std::map<std::string, std::vector<int32_t>> inputs;
  Wanted wanted = Wanted::All;
};

// One call of an entry: a ragged batch. Sequences go on where their slots are.
struct Step {
  std::string entry;
  std::vector<Sequence> sequences;
};

struct Output {
  std::string name;
  Tensor value;
};

// A result of an op that holds numbers.
struct Event {
  mlir::Operation *op;
  unsigned result; // number of the op's result; of a tap, 0: what it names
  int64_t layer;   // of the block the op stands in, -1 in an entry
  const Tensor *tensor = nullptr;
  const Ints *ints = nullptr;
};
using Observer = std::function<void(const Event &)>;

class Evaluator {
public:
  Evaluator(mlir::ModuleOp module, Weights weights)
      : module(module), weights(std::move(weights)) {}

  // Called with every result that holds numbers, in the order of evaluation.
  void observe(Observer observer) { this->observer = std::move(observer); }

  // Runs an entry and returns what it gives, in the entry's order.
  mlir::FailureOr<std::vector<Output>> run(const Step &step, States &states);

private:
  mlir::ModuleOp module;
  Weights weights;
  Observer observer;
};

} // namespace sluice::evaluate
