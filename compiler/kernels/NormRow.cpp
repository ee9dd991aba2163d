#include "compiler/kernels/NormRow.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::kernels {

static Expr rowMean(KernelBuilder &k, Expr n, function_ref<Expr(Lanes)> element,
                    Expr count) {
  Values sums = k.lanes(n, {k.reals(0)}, [&](Lanes at, ArrayRef<Expr> carried) {
    return Values{carried[0] + element(at)};
  });
  return k.sumLanes(sums[0]) / count;
}

RowMoments rowMoments(KernelBuilder &k, Norm norm, Expr n,
                      function_ref<Expr(Lanes)> element) {
  Expr count = toFloat(n, k.f32());
  RowMoments moments;
  Expr squares;
  if (norm.kind == Norm::Layer) {
    moments.mean = rowMean(k, n, element, count);
    Expr mean = splat(moments.mean, Lanes::width);
    squares = k.sumOfSquares(n, [&](Lanes at) {
      Expr centred = element(at) - mean;
      return at.mask ? select(at.mask, centred, centred.like(0)) : centred;
    });
  } else {
    squares = k.sumOfSquares(n, element);
  }
  Expr root;
  switch (norm.kind) {
  case Norm::Rms:
  case Norm::Layer:
    root = sqrt(squares / count + norm.eps);
    break;
  case Norm::L2Sum:
    root = sqrt(squares + norm.eps);
    break;
  case Norm::L2Max:
    root = max(sqrt(squares), k.real(norm.eps));
    break;
  }
  moments.scale = 1.0 / root;
  return moments;
}

Expr normalised(RowMoments moments, Expr x, Expr weight, Expr bias) {
  if (moments.mean)
    x = x - splat(moments.mean, Lanes::width);
  x = x * splat(moments.scale, Lanes::width);
  if (weight)
    x = x * weight;
  return bias ? x + bias : x;
}

} // namespace sluice::kernels
