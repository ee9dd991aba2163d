// Kinds that reduce the groups of a row: `heads` groups of N elements.
//
// `softmax`    y = exp(x - max x) / sum exp(x - max x)
// `log_softmax`  y = x - max x - log(sum exp(x - max x))
// `normalize`  y = x / (sum x + eps)
// `sum`        y[r][h] = sum of group h of x[r]
//
// y may be x but for sum.
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RowMath.h"

using namespace mlir;

namespace sluice::kernels {

static void groupSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N"), heads = s.dim("heads");
  s.rows("x", heads * n);
  s.writes();
  s.rows("y", heads * n);
}

static void sumSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N"), heads = s.dim("heads");
  s.rows("x", heads * n);
  s.writes();
  s.rows("y", heads);
}

// Calls `body` for each group; y has `yWidth` elements per group.
static void groups(KernelBuilder &k, Expr yWidth,
                   function_ref<void(Row x, Row y)> body) {
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Expr n = k.dim("N"), heads = k.dim("heads");
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  k.items(k.rows() * heads, [&](Expr item) {
    Expr row = item / heads, head = item % heads;
    body({x, row * xStride + head * n}, {y, row * yStride + head * yWidth});
  });
}

static LogicalResult buildSoftmax(KernelBuilder &k, const Attrs &, Region *) {
  Expr n = k.dim("N");
  groups(k, n, [&](Row x, Row y) { softmaxRow(k, x, y, n); });
  return success();
}

static LogicalResult buildLogSoftmax(KernelBuilder &k, const Attrs &,
                                     Region *) {
  Expr n = k.dim("N");
  groups(k, n, [&](Row x, Row y) { logSoftmaxRow(k, x, y, n); });
  return success();
}

static LogicalResult buildNormalize(KernelBuilder &k, const Attrs &attrs,
                                    Region *) {
  Expr n = k.dim("N");
  groups(k, n,
         [&](Row x, Row y) { normalizeRow(k, x, y, n, attrs.real("eps")); });
  return success();
}

static LogicalResult buildSum(KernelBuilder &k, const Attrs &, Region *) {
  groups(k, k.index(1), [&](Row x, Row y) {
    k.store(rowSum(k, x, k.dim("N")), y.memref, y.base);
  });
  return success();
}

void addGroupKinds(KindTable &table) {
  table["softmax"] = {{}, groupSignature, nullptr, buildSoftmax};
  table["log_softmax"] = {{}, groupSignature, nullptr, buildLogSoftmax};
  table["normalize"] = {
      {{Attribute::Real, "eps"}}, groupSignature, nullptr, buildNormalize};
  table["sum"] = {{}, sumSignature, nullptr, buildSum};
}

} // namespace sluice::kernels
