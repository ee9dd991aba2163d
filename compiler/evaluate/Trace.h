// What an evaluation computed on the way, with the places in the YAML.
#pragma once

#include "compiler/evaluate/Evaluate.h"
#include "llvm/Support/raw_ostream.h"

namespace sluice::evaluate {

// The places of a location as `file:line:column`, of a fused op those of its
// parts in order, without callers.
std::vector<std::string> placesOf(mlir::Location location);
// "layer/q": the path of the op's node in the spec, of a fused op that of its
// last part; empty if it has none.
std::string pathOf(mlir::Location location);

// A copy of an event, in numbers whatever its type.
struct Record {
  std::string op; // "llm.linear"
  mlir::Location location;
  unsigned result, results; // its number, and how many the op has
  int64_t layer;            // -1: outside of layers
  Tensor value;
};
Record recordOf(const Event &event);

// What one step gave.
struct StepResults {
  std::string entry;           // its name
  std::vector<Record> records; // if they were asked for
  std::vector<Output> outputs;
};

// Runs the steps one after the other.
llvm::FailureOr<std::vector<StepResults>> runSteps(mlir::ModuleOp module,
                                                   const Weights &weights,
                                                   llvm::ArrayRef<Step> steps,
                                                   bool trace);

// One JSON object, a line per record and per output: {"steps": [{"entry",
// "trace": [{"op", "result", "layer", "path", "at": [places], "shape",
// "data"}], "outputs": [{"name", "shape", "data"}]}]}. Numbers as Python's json
// reads them, NaN and Infinity included.
void writeJson(llvm::ArrayRef<StepResults> steps, llvm::raw_ostream &out);

} // namespace sluice::evaluate
