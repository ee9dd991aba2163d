// Products in the tiles of AMX: a long chunk is staged in tiles, and a run of
// panels that fits the level-2 cache takes it 32 rows at a time, so that each
// weight is read from memory once in a chunk.
#include "compiler/kernels/LinearKernel.h"

using namespace mlir;

namespace sluice::kernels {

void LinearKernel::useTiles() {
  Expr padded = panelDepth(width, config.weight);
  steps = padded / TileProduct::depth;
  totalRows = kTileRows;
  Expr stageAt = k.index(epilogue.parts() * kTileRows * kColumns * 4);
  stage = k.scratch(k.bf16(), stageAt);
  Type bf16 = k.b().getBF16Type();
  tiles = {k.scratch(bf16, stageAt), k.operand("w", bf16), totals};
  panelElements = padded * kColumns;
}

void LinearKernel::tileGroup(const Group &g, KernelBuilder::Range mine) {
  constexpr int64_t runBytes = 1 << 20; // half a level-2 cache
  Expr padded = steps * TileProduct::depth;
  Expr panelBytes = padded * (2 * kColumns * epilogue.parts());
  Expr run = max(runBytes / panelBytes, k.index(1));
  Expr chunk = tileChunk(padded, k.index(kTileRows), k.index(kMaxTileChunk));
  k.when(mine.from < mine.to, [&] {
    k.loop(k.index(0), g.count, chunk, [&](Expr done) {
      Expr first = g.first + done;
      Expr n = min(g.count - done, chunk);
      k.loop(k.index(0), n, 1, [&](Expr r) { stageRow(g, first + r, r); });
      k.loop(mine.from, mine.to, run, [&](Expr from) {
        Expr to = min(from + run, mine.to);
        k.loop(k.index(0), n, kTileRows, [&](Expr at) {
          Expr rows = min(n - at, k.index(kTileRows));
          k.loop(from, to, 1,
                 [&](Expr p) { tilePanel(g, first, at, rows, p); });
        });
      });
    });
  });
}

// Rows that fill up the last tile are whatever the scratch holds; nobody reads
// their sums.
void LinearKernel::tilePanel(const Group &g, Expr first, Expr at, Expr n,
                             Expr p) {
  int64_t parts = epilogue.parts();
  Expr xAt = at / TileProduct::rows * TileProduct::tileStride(steps);
  k.loop(k.index(0), k.index(parts), 1, [&](Expr part) {
    Expr wAt = g.weight + (p * parts + part) * panelElements;
    Expr sumsAt = part * (kTileRows * kColumns);
    k.when(
        n > TileProduct::rows,
        [&] { tiles.multiply(k, 2, xAt, wAt, steps, sumsAt); },
        [&] { tiles.multiply(k, 1, xAt, wAt, steps, sumsAt); });
  });
  finishRows(g, first + at, n, p);
}

} // namespace sluice::kernels
