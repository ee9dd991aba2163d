// What the functions of ops see: the values and the batch of one run of an
// entry.
#pragma once

#include "compiler/evaluate/Evaluate.h"
#include "dialects/llm/LLMOps.h"

namespace sluice::evaluate {

// The rows of one sequence in a step.
struct Span {
  int32_t slot;
  int64_t first, rows;
  int64_t past; // tokens of the slot before this step
};

struct Batch {
  std::vector<Span> sequences;
  std::vector<int64_t> wanted; // rows whose outputs the caller asked for
  int64_t rows = 0;
};

class OpTable;

// What terms of a mask name: an int for each row of the step.
using MaskValues = std::vector<const Ints *>;

class Run {
public:
  Run(mlir::ModuleOp module, const Weights &weights, States &states,
      const Observer &observer, Batch batch)
      : states(states), batch(std::move(batch)), module(module),
        weights(weights), observer(observer) {}

  // Evaluates a block with these arguments and returns what its terminator
  // gives. `layer` is that of the block, -1 for none.
  mlir::FailureOr<std::vector<Value>>
  block(mlir::Block &block, llvm::ArrayRef<Value> arguments, int64_t layer);
  // The same for the region of an op, in the layer of the op.
  mlir::FailureOr<std::vector<Value>> region(mlir::Region &region,
                                             llvm::ArrayRef<Value> arguments) {
    return block(region.front(), arguments, frames.back().layer);
  }

  // Operands. An absent one is a null pointer, or -1 as an index.
  const Value &get(mlir::Value value) const {
    return frames.back().values.at(value.getAsOpaquePointer());
  }
  const Tensor *tensor(mlir::Value value) const {
    return value ? std::get<std::shared_ptr<const Tensor>>(get(value)).get()
                 : nullptr;
  }
  const Ints &ints(mlir::Value value) const {
    return *std::get<std::shared_ptr<const Ints>>(get(value));
  }
  const Bias *bias(mlir::Value value) const {
    return value ? &std::get<Bias>(get(value)) : nullptr;
  }
  MaskValues maskValues(mlir::ValueRange values) const {
    MaskValues all;
    for (mlir::Value value : values)
      all.push_back(&ints(value));
    return all;
  }
  int64_t index(mlir::Value value) const {
    return value ? std::get<int64_t>(get(value)) : -1;
  }
  mlir::FailureOr<Tensor> weight(llm::UseOp op);
  // What the slot holds in the fixed state of the op.
  Tensor &fixed(int32_t slot, llm::StateInterface op);

  // Tells whoever observes of a value that an op has made, or names.
  void tell(mlir::Operation *op, unsigned result, const Value &value) const;

  States &states;
  const Batch batch;

private:
  struct Frame {
    std::map<void *, Value> values; // by the opaque pointer of an mlir::Value
    int64_t layer;
  };

  mlir::FailureOr<std::vector<Value>> call(mlir::func::CallOp call);
  // What a slot holds in a fixed state before its first token.
  Tensor initial(llm::StateOp state, int64_t layer);
  mlir::FailureOr<std::vector<Value>> evaluate(mlir::Operation *op);

  mlir::ModuleOp module;
  const Weights &weights;
  const Observer &observer;
  std::vector<Frame> frames;
};

// One function per op, taken from `*Ops.cpp` of this folder: each file there
// defines `void add<File>(OpTable &)`, and nothing else lists them.
class OpTable {
public:
  using Function = std::function<mlir::FailureOr<std::vector<Value>>(
      Run &, mlir::Operation *)>;

  // `function` takes the run and the op and gives a tensor, ints or another
  // value for the op's one result, or a vector of values for all of them; any
  // of these may be a FailureOr.
  template <typename Interface, typename Fn> void addInterface(Fn function) {
    interfaces.push_back(
        {[](mlir::Operation *op) { return mlir::isa<Interface>(op); },
         [function](Run &run, mlir::Operation *op) {
           return results(function(run, mlir::cast<Interface>(op)));
         }});
  }
  template <typename OpTy, typename Fn> void add(Fn function) {
    table[OpTy::getOperationName()] = [function](Run &run,
                                                 mlir::Operation *op) {
      return results(function(run, mlir::cast<OpTy>(op)));
    };
  }
  // Null if neither the op nor an interface of it has a function.
  const Function *find(mlir::Operation *op) const {
    auto found = table.find(op->getName().getStringRef());
    if (found != table.end())
      return &found->second;
    for (const auto &[has, function] : interfaces)
      if (has(op))
        return &function;
    return nullptr;
  }
  bool contains(llvm::StringRef name) const { return table.contains(name); }

private:
  using Results = mlir::FailureOr<std::vector<Value>>;
  template <typename T> static Results results(T made) {
    return std::vector<Value>{share(std::move(made))};
  }
  static Results results(std::vector<Value> made) { return made; }
  template <typename T> static Results results(mlir::FailureOr<T> made) {
    if (failed(made))
      return mlir::failure();
    return results(std::move(*made));
  }

  llvm::StringMap<Function> table;
  std::vector<std::pair<bool (*)(mlir::Operation *), Function>> interfaces;
};

const OpTable &opTable();

} // namespace sluice::evaluate
