// The products of attention. Keys of a cache with values are panels, and the
// queries are multiplied with them row by row; keys that are values, too, lie
// in rows, so there the queries are the panel. The sums are the same, in the
// order of the channels.
#include "compiler/kernels/AttendKernel.h"

using namespace mlir;

namespace sluice::kernels {

// How far ahead of its use the cache is fetched.
static constexpr int64_t kPrefetchBytes = 4096;
static constexpr int64_t kPrefetchRows = 8; // of keys alone

KernelBuilder::Range AttendKernel::panelsSeen(const Tile &tile, Expr start) {
  return {max(tile.low - start, k.index(0)) / kPanel * kPanel,
          min(ceilDiv(tile.high - start, kPanel) * kPanel, k.index(kBlock))};
}

void AttendKernel::product(const PanelProduct &panel, Expr rows, Expr xStride,
                           Expr xOffset, Expr wBase, int64_t width, Expr from,
                           Expr to, Value z, Expr zBase, int64_t zStride) {
  panel.forTiles(k, rows, [&](kernels::Tile tile, Expr row) {
    int64_t columns = tile.columns;
    while (width % columns)
      columns -= Lanes::width;
    Values xBase;
    for (int64_t r = 0; r < tile.rows; ++r)
      xBase.push_back((row + r) * xStride + xOffset);
    int64_t vectors = columns / Lanes::width;
    k.loop(k.index(0), k.index(width), columns, [&](Expr column) {
      Values sums(tile.rows * vectors, k.reals(0));
      sums = panel.multiply(k, columns, sums, xBase, wBase + column, from, to);
      for (auto [i, sum] : llvm::enumerate(sums))
        k.storeVector(sum, z,
                      zBase + (row + i / vectors) * zStride + column +
                          i % vectors * Lanes::width);
    });
  });
}

// weights[row][position] = q . k for the panels that are seen.
void AttendKernel::scores(const Tile &tile, Value head, Expr start) {
  PanelProduct panel;
  panel.x = queries;
  panel.w = head;
  panel.prefetchBytes = kPrefetchBytes;
  KernelBuilder::Range seen = panelsSeen(tile, start);
  k.loop(seen.from, seen.to, kPanel, [&](Expr first) {
    product(panel, tile.rows, k.index(qWidth), k.index(0),
            first * layout.keyWidth, kPanel, k.index(0),
            k.index(layout.keyWidth), weights, first, kBlock);
  });
}

// turned[position][row] = k . q, then weights[row][position].
void AttendKernel::scoresOfRows(const Tile &tile, Value head, Expr start) {
  PanelProduct panel;
  panel.x = head;
  panel.w = queries;
  panel.wStride = kAttendRows;
  Expr from = max(tile.low - start, k.index(0));
  Expr to = min(tile.high - start, k.index(kBlock));
  panel.forTiles(k, to - from, [&](kernels::Tile shape, Expr position) {
    auto multiply = [&](Expr first, Expr end, int64_t columns) {
      Values xBase;
      for (int64_t r = 0; r < shape.rows; ++r)
        xBase.push_back((from + position + r) * keyRows.stride());
      int64_t vectors = columns / Lanes::width;
      k.loop(first, end, columns, [&](Expr column) {
        Values sums(shape.rows * vectors, k.reals(0));
        sums = panel.multiply(k, columns, sums, xBase, column, k.index(0),
                              k.index(keyRows.width));
        for (auto [i, sum] : llvm::enumerate(sums))
          k.storeVector(sum, turned,
                        (from + position + i / vectors) * kAttendRows + column +
                            i % vectors * Lanes::width);
      });
    };
    // Columns behind the last row are whatever the scratch holds.
    Expr whole = tile.rows / shape.columns * shape.columns;
    multiply(k.index(0), whole, shape.columns);
    multiply(whole, tile.rows, Lanes::width);
  });
  KernelBuilder::Range seen = panelsSeen(tile, start);
  Expr step = iota * static_cast<int32_t>(kAttendRows);
  k.loop(k.index(0), tile.rows, 1, [&](Expr row) {
    k.loop(seen.from, seen.to, Lanes::width, [&](Expr i) {
      k.storeVector(k.gather(turned, i * kAttendRows + row, step), weights,
                    row * kBlock + i);
    });
  });
}

// blockOut = weights * v.
void AttendKernel::weigh(const Tile &tile, Value head, Expr start) {
  int64_t padded = layout.paddedValueWidth();
  int64_t whole = padded / kStrip * kStrip;
  if (whole)
    k.loop(k.index(0), k.index(whole), kStrip,
           [&](Expr first) { weighStrip(tile, head, start, first, kStrip); });
  if (whole < padded)
    weighStrip(tile, head, start, k.index(whole), padded - whole);
}

void AttendKernel::weighStrip(const Tile &tile, Value head, Expr start,
                              Expr first, int64_t width) {
  PanelProduct panel;
  panel.x = weights;
  panel.w = head;
  panel.wStride = keysAlone ? keyRows.stride() : width;
  panel.prefetchBytes =
      keysAlone ? kPrefetchRows * keyRows.stride() * 4 : kPrefetchBytes;
  // Only positions that exist: what lies behind was never written.
  Expr from = max(tile.low - start, k.index(0));
  Expr to = min(tile.high - start, k.index(kBlock));
  Expr wBase = keysAlone ? first : first * kBlock + layout.keyElements();
  product(panel, tile.rows, k.index(kBlock), k.index(0), wBase, width, from, to,
          blockOut, first, layout.paddedValueWidth());
}

} // namespace sluice::kernels
