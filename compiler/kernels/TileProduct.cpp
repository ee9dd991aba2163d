#include "compiler/kernels/TileProduct.h"
#include "mlir/Dialect/AMX/AMXDialect.h"

using namespace mlir;

namespace sluice::kernels {

// Half of the registers hold sums.
static constexpr int64_t sumTiles = 4;
static constexpr int64_t tileColumns = 16;

static Expr loadTile(KernelBuilder &k, Value memref, Expr at, int64_t stride) {
  auto type =
      amx::TileType::get({TileProduct::rows, TileProduct::depth},
                         cast<MemRefType>(memref.getType()).getElementType());
  return k.expr(amx::TileLoadOp::create(k.b(), type, memref,
                                        ValueRange{static_cast<Value>(at)},
                                        k.index(stride)));
}

// The sums of all column tiles of a pass stay in registers over the whole of
// k; each tile of x is used for all of them and each tile of w for all rows.
void TileProduct::pass(KernelBuilder &k, int64_t rowTiles, int64_t columnTiles,
                       Expr xAt, Expr wAt, Expr steps, Expr sumsAt) const {
  auto sumType = amx::TileType::get({rows, tileColumns}, k.f32());
  Values zero;
  for (int64_t i = 0; i < rowTiles * columnTiles; ++i)
    zero.push_back(k.expr(amx::TileZeroOp::create(k.b(), sumType)));
  Values done = k.loop(
      k.index(0), steps, 1, zero, [&](Expr step, ArrayRef<Expr> carried) {
        Values a, next(carried);
        for (int64_t r = 0; r < rowTiles; ++r)
          a.push_back(loadTile(
              k, x, xAt + tileStride(steps) * r + step * (rows * depth),
              depth));
        for (int64_t c = 0; c < columnTiles; ++c) {
          Expr b = loadTile(
              k, w, wAt + step * (depth * SLC_PANEL) + c * (2 * tileColumns),
              2 * SLC_PANEL);
          for (int64_t r = 0; r < rowTiles; ++r) {
            Expr &sum = next[r * columnTiles + c];
            sum = k.expr(amx::TileMulFOp::create(k.b(), sumType, a[r], b, sum));
          }
        }
        return next;
      });
  for (int64_t r = 0; r < rowTiles; ++r)
    for (int64_t c = 0; c < columnTiles; ++c) {
      Expr at = sumsAt + (r * rows * SLC_PANEL + c * tileColumns);
      amx::TileStoreOp::create(k.b(), sums, ValueRange{static_cast<Value>(at)},
                               done[r * columnTiles + c], k.index(SLC_PANEL));
    }
}

void TileProduct::multiply(KernelBuilder &k, int64_t rowTiles, Expr xAt,
                           Expr wAt, Expr steps, Expr sumsAt) const {
  int64_t columnTiles = sumTiles / rowTiles;
  int64_t columns = columnTiles * tileColumns;
  for (int64_t first = 0; first < SLC_PANEL; first += columns)
    pass(k, rowTiles, columnTiles, xAt, wAt + first * 2, steps, sumsAt + first);
}

} // namespace sluice::kernels
