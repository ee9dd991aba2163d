// Products in vector registers: block by block of K, each panel of the weight
// for all rows of a chunk.
#include "compiler/kernels/LinearKernel.h"

using namespace mlir;

namespace sluice::kernels {

// How far ahead of its use the weight is fetched.
static constexpr int64_t kPrefetchBytes = 8192;

void LinearKernel::useVectors() {
  Expr padded = panelDepth(width, config.weight);
  stageStride = padded + shape.stagePadding;
  chunk = k.index(shape.chunk);
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
    panelElements = blocks->panelBytes(width);
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
  if (!shape.spreads)
    return;
  chunk = spreadChunk(padded, k.index(kSpreadRows), chunk);
  if (shape.staged)
    stageAt = stageAt + stageStride * chunk * 4;
  spreadProduct.oddFirst = product.oddFirst;
  spreadProduct.x = product.x;
  spreadProduct.w = k.scratch(k.f32(), stageAt);
  spreadProduct.wStride = spreadProduct.kPerStep() * kColumns;
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
      if (!shape.spreads)
        return multiplyRun(product, g, first, n, wBase, run, runEnd);
      k.when(
          n >= kSpreadRows,
          [&] {
            spreadRun(wBase, run, runEnd);
            multiplyRun(spreadProduct, g, first, n, -(run * kColumns), run,
                        runEnd);
          },
          [&] { multiplyRun(product, g, first, n, wBase, run, runEnd); });
    });
    each(totals, totalBase, [&](Expr i) {
      return k.loadVector(totals, totalBase + i) + k.loadVector(sums, i);
    });
  });
}

// The weights of a run as f32.
void LinearKernel::spreadRun(Expr wBase, Expr from, Expr to) {
  auto store = [&](Expr value, Expr at, int64_t c) {
    k.storeVector(value, spreadProduct.w,
                  (at - from) * kColumns + c * Lanes::width);
  };
  int64_t vectors = kColumns / Lanes::width, perStep = product.kPerStep();
  k.loop(from / perStep, ceilDiv(to, perStep), 1, [&](Expr i) {
    Expr at = i * perStep;
    for (int64_t c = 0; c < vectors; ++c) {
      if (blocks) {
        Values columns =
            blocks->panelColumns(wBase, k.index(c * Lanes::width), at);
        for (auto [j, column] : llvm::enumerate(columns))
          store(column, at + int64_t(j), c);
        continue;
      }
      Expr words = wBase + i * kColumns + c * Lanes::width;
      k.prefetch(product.w, words + kPrefetchBytes / 4);
      words = k.loadVector(product.w, words);
      store(bitcast(words << 16, k.f32()), at, c);
      store(bitcast(words & 0xffff0000u, k.f32()), at + 1, c);
    }
  });
}

// sums += x * panel for k in [from, to); from is even.
void LinearKernel::multiplyRun(const PanelProduct &by, const Group &g,
                               Expr first, Expr n, Expr wBase, Expr from,
                               Expr to) {
  if (shape.arithmetic == PanelProduct::Bytes)
    return byteRuns(n, wBase, from, to);
  by.forTiles(k, n, [&](Tile tile, Expr row) {
    tileRun(by, g, tile, row, first, wBase, from, to);
  });
}

// Of some rows.
void LinearKernel::tileRun(const PanelProduct &by, const Group &g, Tile tile,
                           Expr row, Expr first, Expr wBase, Expr from,
                           Expr to) {
  int64_t perStep = by.kPerStep();
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
  PanelProduct here = by;
  bool fetches = by.arithmetic != PanelProduct::Blocks && by.w == product.w;
  if (fetches && tile.columns == kColumns)
    here.prefetchBytes = kPrefetchBytes;
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
                        by.blocks ? wBase : wBase + column, begin, end);
    if (!shape.staged && perStep == 2)
      acc = here.multiply(k, tile.columns, acc, xBase, wBase + column, end,
                          ceilDiv(to, perStep), /*half=*/true);
    for (auto [value, base] : llvm::zip(acc, at))
      k.storeVector(value, sums, base);
  });
}

} // namespace sluice::kernels
