// The arithmetic of one row that several kinds share, so that a fused kernel
// gives the bits of the separate ones.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace sluice::kernels {

// A row in memory: its memref and its first element.
struct Row {
  mlir::Value memref;
  Expr base;
};

// Splits rows of n elements among the workers in tiles of 256 columns, so that
// one long row keeps all of them busy. `body` gets the row, the tile's first
// column and its width. For kinds whose columns are independent.
void tiles(KernelBuilder &k, Expr rows, Expr n,
           llvm::function_ref<void(Expr row, Expr first, Expr width)> body);

// The sum of n elements: 16 lanes, then sumLanes.
Expr rowSum(KernelBuilder &k, Row x, Expr n);

// y = exp(x - max(x)) / sum(exp(x - max(x))); x and y may be one row.
void softmaxRow(KernelBuilder &k, Row x, Row y, Expr n);

// y = x - max(x) - log(sum(exp(x - max(x)))); x and y may be one row.
void logSoftmaxRow(KernelBuilder &k, Row x, Row y, Expr n);

// y = x / (sum(x) + eps); x and y may be one row.
void normalizeRow(KernelBuilder &k, Row x, Row y, Expr n, double eps);

// The indices (i32) of the `count` largest of n, largest first; of equal ones
// the lower index comes first.
void topKRow(KernelBuilder &k, Row x, Row indices, Expr n, Expr count);

// y[i] = x[indices[i]].
void pickRow(KernelBuilder &k, Row x, Row indices, Row y, Expr count);

// index -> i32.
Expr toI32(KernelBuilder &k, Expr x);

} // namespace sluice::kernels
