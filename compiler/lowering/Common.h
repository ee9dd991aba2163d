// What lowerings of several groups share.
#pragma once

#include "compiler/lowering/Walk.h"
#include "dialects/plan/Format.h"

namespace sluice::plan {

// A normalisation in front of something else.
struct NormOf {
  llvm::StringRef kind; // rms, layer, l2; empty for none
  mlir::FloatAttr eps;
  std::optional<Weight> weight, bias;

  explicit operator bool() const { return !kind.empty(); }
};

// Normalises rows in groups of `group` columns into `to`, f32 or bf16.
mlir::LogicalResult emitNorm(Walk &walk, mlir::Operation *op,
                             const NormOf &norm, const Rows &from, Rows to,
                             int64_t group, llvm::StringRef epsIn = {});

// As attributes of a kernel, and the operands of an attention's `step`.
void addBias(Walk &walk, const Bias &bias, Config &config, Step &step);
// As attributes of a kernel.
void addEpilogue(const llm::Epilogue &epilogue, Config &config);

// A matrix product with what comes before and after it; several weights are
// one product with the results side by side.
struct Product {
  Rows x;
  NormOf norm;
  llvm::SmallVector<Weight> weights, biases;
  std::optional<Rows> residual;
  llm::Compute compute = llm::Compute::f32;
  llm::Epilogue epilogue;
  int64_t width = 0; // columns of the result
  // Rows of stacked experts: "tokens" or "pairs" (see the kernel kind).
  llvm::StringRef rows;
};
mlir::FailureOr<Rows> lowerProduct(Walk &walk, mlir::Operation *op,
                                   const Product &product,
                                   llvm::StringRef name);

// Copies `outer` runs of `inner` columns, `fromStep` and `toStep` columns
// apart.
struct Runs {
  int64_t outer = 1, inner = 0, fromStep = 0, toStep = 0;
};
mlir::LogicalResult emitCopy(Walk &walk, mlir::Operation *op, const Rows &from,
                             const Rows &to, Runs runs);

// An elementwise op, its scalar form in `body`, whose operands have no rows.
struct Elements {
  mlir::Operation *op;
  mlir::Value result;
  llvm::SmallVector<mlir::Value> operands;
  mlir::Region body;
};
mlir::LogicalResult lowerWithoutRows(Walk &walk, Elements &elements);

// Whether a linear reads the same weight alone, so that an embedding can share
// its panels.
bool isPackedForProduct(llm::WeightOp weight);

llvm::SmallVector<float> ropeFrequencies(llm::RopeFreqsOp op);
llvm::SmallVector<float> llama3Frequencies(llm::FreqsLlama3Op op,
                                           llvm::ArrayRef<float> freqs);
llvm::SmallVector<float> yarnFrequencies(llm::FreqsYarnOp op,
                                         llvm::ArrayRef<float> freqs);
// Rounded if the op says so, else times `times`.
llvm::SmallVector<float> alibiSlopes(llm::AlibiOp op);
llvm::SmallVector<float> alibiSlopes(int64_t heads, float times,
                                     float maximum = 8);
// The bucket of every distance -D ... D.
llvm::SmallVector<int32_t> distanceBuckets(int64_t buckets, int64_t maxDistance,
                                           bool bothWays);

} // namespace sluice::plan
