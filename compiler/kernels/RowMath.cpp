#include "compiler/kernels/RowMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace sluice::kernels {

static constexpr double infinity = std::numeric_limits<double>::infinity();

void tiles(KernelBuilder &k, Expr rows, Expr n,
           function_ref<void(Expr, Expr, Expr)> body) {
  constexpr int64_t width = 256;
  Expr perRow = ceilDiv(n, width);
  k.items(rows * perRow, [&](Expr item) {
    Expr first = item % perRow * width;
    body(item / perRow, first, min(n - first, first.like(width)));
  });
}

Expr rowSum(KernelBuilder &k, Row x, Expr n) {
  Values sums = k.lanes(n, {k.reals(0)}, [&](Lanes at, ArrayRef<Expr> sum) {
    return Values{sum[0] + k.load(x.memref, x.base, at)};
  });
  return k.sumLanes(sums[0]);
}

// The largest of n elements, in all lanes.
static Expr rowMax(KernelBuilder &k, Row x, Expr n) {
  Values maxima =
      k.lanes(n, {k.reals(-infinity)}, [&](Lanes at, ArrayRef<Expr> best) {
        return Values{max(k.load(x.memref, x.base, at, -infinity), best[0])};
      });
  return splat(k.maxLanes(maxima[0]), Lanes::width);
}

void softmaxRow(KernelBuilder &k, Row x, Row y, Expr n) {
  Expr top = rowMax(k, x, n);
  Values sums = k.lanes(n, {k.reals(0)}, [&](Lanes at, ArrayRef<Expr> sum) {
    // Lanes outside the row are exp(-infinity) = 0.
    Expr e = exp(k.load(x.memref, x.base, at, -infinity) - top);
    k.store(e, y.memref, y.base, at);
    return Values{sum[0] + e};
  });
  Expr sum = splat(k.sumLanes(sums[0]), Lanes::width);
  k.lanes(n, [&](Lanes at) {
    k.store(k.load(y.memref, y.base, at) / sum, y.memref, y.base, at);
  });
}

void logSoftmaxRow(KernelBuilder &k, Row x, Row y, Expr n) {
  Expr top = rowMax(k, x, n);
  Values sums = k.lanes(n, {k.reals(0)}, [&](Lanes at, ArrayRef<Expr> sum) {
    return Values{sum[0] + exp(k.load(x.memref, x.base, at, -infinity) - top)};
  });
  Expr length = log(splat(k.sumLanes(sums[0]), Lanes::width));
  k.lanes(n, [&](Lanes at) {
    k.store(k.load(x.memref, x.base, at) - top - length, y.memref, y.base, at);
  });
}

void normalizeRow(KernelBuilder &k, Row x, Row y, Expr n, double eps) {
  Expr sum = splat(rowSum(k, x, n) + eps, Lanes::width);
  k.lanes(n, [&](Lanes at) {
    k.store(k.load(x.memref, x.base, at) / sum, y.memref, y.base, at);
  });
}

void topKRow(KernelBuilder &k, Row x, Row indices, Expr n, Expr count) {
  // Each round takes the first element behind the one found before in the order
  // (value falling, index rising), so nothing needs to be marked.
  Values before = {k.real(infinity), k.index(-1)};
  k.loop(k.index(0), count, 1, before, [&](Expr i, ArrayRef<Expr> last) {
    Values none = {k.real(-infinity), k.index(-1)};
    auto visit = [&](Expr e, ArrayRef<Expr> best) {
      Expr v = k.load(x.memref, x.base + e);
      Expr behind = (v < last[0]) | ((v == last[0]) & (e > last[1]));
      Expr better = behind & ((v > best[0]) | (best[1] < 0));
      return Values{select(better, v, best[0]), select(better, e, best[1])};
    };
    Values best = k.loop(k.index(0), n, 1, none, visit);
    // A row of NaNs has no largest element; its indices must still be legal.
    Expr chosen = max(best[1], k.index(0));
    k.store(toI32(k, chosen), indices.memref, indices.base + i);
    return best;
  });
}

void pickRow(KernelBuilder &k, Row x, Row indices, Row y, Expr count) {
  k.loop(k.index(0), count, 1, [&](Expr i) {
    Expr e = toIndex(k.load(indices.memref, indices.base + i));
    k.store(k.load(x.memref, x.base + e), y.memref, y.base + i);
  });
}

Expr toI32(KernelBuilder &k, Expr x) {
  return k.expr(arith::IndexCastOp::create(k.b(), k.i32(), x));
}

} // namespace sluice::kernels
