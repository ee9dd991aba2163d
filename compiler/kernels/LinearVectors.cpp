// Products in vector registers: block by block of K, each panel of the weight
// for all rows of a chunk.
#include "compiler/kernels/LinearKernel.h"

using namespace mlir;

namespace sluice::kernels {

void LinearKernel::useVectors() {
  Expr padded = panelDepth(width, config.weight);
  stageStride = padded;
  totalRows = shape.chunk;
  int64_t sumBytes = shape.chunk * kColumns * 4;
  sums = k.scratch(k.f32(), k.index(epilogue.parts() * sumBytes));
  Expr stageAt = k.index((epilogue.parts() + 1) * sumBytes);
  if (shape.staged)
    stage = k.scratch(shape.stagedBf16 ? k.bf16() : k.f32(), stageAt);

  product.arithmetic = shape.arithmetic;
  product.oddFirst = config.compute == Elem::BF16;
  if (isBlocks(config.weight)) {
    blocks.emplace(k, "w", config.weight, width);
    product.blocks = &*blocks;
    panelElements = blocks->panelBytes();
  } else {
    product.w = k.operand("w", config.weight == Elem::BF16 ? k.i32() : k.f32());
    panelElements = padded * kColumns / product.kPerStep();
  }
  if (shape.arithmetic == PanelProduct::Bytes)
    useBytes();
  else if (shape.arithmetic == PanelProduct::Dot)
    product.x =
        shape.staged ? k.scratch(k.i32(), stageAt) : k.operand("x", k.i32());
  else
    product.x = shape.staged ? stage : x;
}

void LinearKernel::panel(const Group &g, Expr first, Expr n, Expr p) {
  int64_t parts = epilogue.parts();
  k.loop(k.index(0), k.index(parts), 1, [&](Expr part) {
    Expr wBase = g.weight + (p * parts + part) * panelElements;
    sumPanel(g, first, n, wBase, part * (shape.chunk * kColumns));
  });
  finishRows(g, first, n, p);
}

// totals[r] = x[first + r] * panel for r < n.
void LinearKernel::sumPanel(const Group &g, Expr first, Expr n, Expr wBase,
                            Expr totalBase) {
  auto each = [&](Value memref, Expr base, function_ref<Expr(Expr)> value) {
    k.loop(k.index(0), n * kColumns, Lanes::width,
           [&](Expr i) { k.storeVector(value(i), memref, base + i); });
  };
  each(totals, totalBase, [&](Expr) { return k.reals(0); });
  Expr length = select(width > SLC_K_BLOCK, k.index(SLC_K_BLOCK),
                       k.index(SLC_K_BLOCK_SHORT));
  k.loop(k.index(0), width, length, [&](Expr block) {
    Expr blockEnd = min(block + length, width);
    each(sums, k.index(0), [&](Expr) { return k.reals(0); });
    k.loop(block, blockEnd, shape.kRun, [&](Expr run) {
      Expr runEnd = min(run + shape.kRun, blockEnd);
      product.forTiles(k, n, [&](Tile tile, Expr row) {
        if (shape.arithmetic == PanelProduct::Bytes)
          byteRun(tile, row, wBase, run, runEnd);
        else
          tileRun(g, tile, row, first, wBase, run, runEnd);
      });
    });
    each(totals, totalBase, [&](Expr i) {
      return k.loadVector(totals, totalBase + i) + k.loadVector(sums, i);
    });
  });
}

// sums[row ...] += x * panel for k in [from, to); from is even.
void LinearKernel::tileRun(const Group &g, Tile tile, Expr row, Expr first,
                           Expr wBase, Expr from, Expr to) {
  int64_t perStep = product.kPerStep();
  int64_t xPerStep = shape.arithmetic == PanelProduct::Dot ? 2 : 1;
  Values xBase;
  for (int64_t r = 0; r < tile.rows; ++r) {
    Expr at = shape.staged ? (row + r) * stageStride
                           : within((first + row + r) * xStride, g.xFrom);
    xBase.push_back(at / xPerStep);
  }
  // Staged rows end in zeros, so an odd last k is an ordinary step.
  Expr begin = from / perStep;
  Expr end = shape.staged ? ceilDiv(to, perStep) : to / perStep;
  PanelProduct here = product;
  // The hardware keeps up with one row.
  bool fetches = shape.arithmetic != PanelProduct::Blocks;
  if (fetches && tile.rows > 1 && tile.columns == kColumns)
    here.prefetchBytes = 8192;
  k.loop(k.index(0), k.index(kColumns), tile.columns, [&](Expr column) {
    Values acc;
    Values at;
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.columns; c += Lanes::width) {
        at.push_back((row + r) * kColumns + column + c);
        acc.push_back(k.loadVector(sums, at.back()));
      }
    // Each pass over a run fetches its share of the next run.
    if (fetches && tile.columns < kColumns)
      here.prefetchRun = wBase + end * kColumns + column * (end - begin);
    here.column = column;
    acc = here.multiply(k, tile.columns, acc, xBase,
                        fetches ? wBase + column : wBase, begin, end);
    if (!shape.staged && perStep == 2)
      acc = here.multiply(k, tile.columns, acc, xBase, wBase + column, end,
                          ceilDiv(to, perStep), /*half=*/true);
    for (auto [value, base] : llvm::zip(acc, at))
      k.storeVector(value, sums, base);
  });
}

} // namespace sluice::kernels
