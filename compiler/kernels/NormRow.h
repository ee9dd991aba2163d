// The arithmetic of one normalised row. The `norm` kernel and the prologue of
// products share it, so a fused norm gives the bits of a separate one.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace sluice::kernels {

struct Norm {
  // rms:   x / sqrt(mean(x^2) + eps)
  // layer: (x - mean) / sqrt(mean((x - mean)^2) + eps)
  // l2:    x / sqrt(sum(x^2) + eps), or x / max(sqrt(sum(x^2)), eps)
  enum Kind { Rms, Layer, L2Sum, L2Max } kind;
  double eps;
};

// What normalising needs to know of a row.
struct RowMoments {
  Expr mean;  // null except for layer
  Expr scale; // f32 scalar
};

// `element` gives 16 elements of the row of n, 0 in masked lanes; it is called
// for one pass over the row (two for layer).
RowMoments rowMoments(KernelBuilder &k, Norm norm, Expr n,
                      llvm::function_ref<Expr(Lanes)> element);

// (x - mean) * scale * weight + bias; weight and bias may be null.
Expr normalised(RowMoments moments, Expr x, Expr weight, Expr bias);

} // namespace sluice::kernels
