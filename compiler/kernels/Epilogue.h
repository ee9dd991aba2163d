// What follows a sum of products, in this order and rounded after each step:
//
//   v = acc + bias;  v = act(v), or with glu act(min(gate, gate_max)) * up'
//   v = v * scale;   v = cap * tanh(v / cap);   v = v + residual
//
// where up' = clamp(up, -up_limit, up_limit) + up_add. Shared by `linear` and
// by `post`, which finishes rows that the engine has summed.
#pragma once

#include "compiler/kernels/Kinds.h"

namespace sluice::kernels {

struct Epilogue {
  bool bias = false, glu = false, residual = false;
  llvm::StringRef act = "none";
  double beta = 1.0;
  std::optional<double> gateMax, upLimit, upAdd, scale, cap;

  explicit Epilogue(const Attrs &attrs);

  // Panels of the sum that belong to one panel of the result: gate and up.
  int64_t parts() const { return glu ? 2 : 1; }
  // Sums of a row of n results: gate and up in panels of their own.
  Size sums(const Size &n) const {
    return glu ? 2 * n.roundedUp(SLC_PANEL) : n;
  }
  // The attributes above, to be listed by a kind.
  static llvm::SmallVector<Attribute> attributes();

  // Sixteen results. `acc(part)` and `biasOf(part)` give sixteen sums of the
  // gate (0) and the up part (1), `residualOf()` sixteen old values.
  Expr apply(KernelBuilder &k, llvm::function_ref<Expr(int64_t part)> acc,
             llvm::function_ref<Expr(int64_t part)> biasOf,
             llvm::function_ref<Expr()> residualOf) const;
};

} // namespace sluice::kernels
