#include "compiler/kernels/PanelProduct.h"
#include "compiler/codegen/Target.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

using namespace mlir;

namespace sluice::kernels {

// Sixteen i32, each a pair of bf16, as what the dot instruction takes.
static Expr asPairs(KernelBuilder &k, Expr words) {
  return k.expr(
      vector::BitCastOp::create(k.b(), k.vec(k.b().getBF16Type(), 32), words));
}

static Expr dot(KernelBuilder &k, Expr sum, Expr a, Expr b) {
  return k.expr(x86vector::DotBF16Op::create(k.b(), sum.type(), sum,
                                             asPairs(k, a), asPairs(k, b)));
}

// Eight k: the words of a step hold them, and its shares are loaded once.
Values PanelProduct::blockStep(KernelBuilder &k, int64_t columns,
                               ArrayRef<Expr> sums, ArrayRef<Expr> xBase,
                               Expr wBase, Expr i) const {
  Values result(sums);
  int64_t vectors = columns / Lanes::width;
  Expr at = i * BlockReader::step;
  for (int64_t c = 0; c < vectors; ++c) {
    Values w = blocks->panelColumns(wBase, column + c * Lanes::width, at);
    for (auto [r, base] : llvm::enumerate(xBase))
      for (int64_t j = 0; j < BlockReader::step; ++j) {
        Expr &sum = result[r * vectors + c];
        sum = fma(w[j], splat(k.load(x, base + at + j), Lanes::width), sum);
      }
  }
  return result;
}

// Two k in the order of Dot, of numbers that are f32.
Values PanelProduct::pairStep(KernelBuilder &k, int64_t columns,
                              ArrayRef<Expr> sums, ArrayRef<Expr> xBase,
                              Expr wAt, Expr i) const {
  Values result(sums);
  int64_t vectors = columns / Lanes::width;
  for (int64_t odd : {1, 0}) {
    Values row;
    for (int64_t c = 0; c < vectors; ++c)
      row.push_back(
          k.loadVector(w, wAt + (odd * SLC_PANEL + c * Lanes::width)));
    for (auto [r, base] : llvm::enumerate(xBase)) {
      Expr one = splat(k.load(x, base + i * 2 + odd), Lanes::width);
      for (int64_t c = 0; c < vectors; ++c) {
        Expr &sum = result[r * vectors + c];
        sum = fma(row[c], one, sum);
      }
    }
  }
  return result;
}

Values PanelProduct::step(KernelBuilder &k, int64_t columns,
                          ArrayRef<Expr> sums, ArrayRef<Expr> xBase, Expr wBase,
                          Expr i, bool half) const {
  if (arithmetic == Blocks)
    return blockStep(k, columns, sums, xBase, wBase, i);
  int64_t vectors = columns / Lanes::width;
  Expr wAt = wBase + i * wStride;
  if (arithmetic == F32 && oddFirst)
    return pairStep(k, columns, sums, xBase, wAt, i);
  Values even, odd;
  for (int64_t c = 0; c < vectors; ++c) {
    Expr words = k.loadVector(w, wAt + c * Lanes::width);
    if (arithmetic == Widen) {
      even.push_back(bitcast(words << 16, k.f32()));
      odd.push_back(bitcast(words & 0xffff0000u, k.f32()));
    } else {
      even.push_back(words);
    }
  }
  Values result;
  for (auto [r, base] : llvm::enumerate(xBase)) {
    Expr first = k.load(x, base + (arithmetic == Widen ? i * 2 : i));
    Expr second;
    if (arithmetic == Widen && !half)
      second = splat(k.load(x, base + i * 2 + 1), Lanes::width);
    if (arithmetic == Dot && half)
      first = first & 0xffff;
    first = splat(first, Lanes::width);
    for (int64_t c = 0; c < vectors; ++c) {
      Expr sum = sums[r * vectors + c];
      if (arithmetic == Dot) {
        sum = dot(k, sum, even[c], first);
      } else {
        if (second && oddFirst)
          sum = fma(odd[c], second, sum);
        sum = fma(even[c], first, sum);
        if (second && !oddFirst)
          sum = fma(odd[c], second, sum);
      }
      result.push_back(sum);
    }
  }
  return result;
}

void PanelProduct::prefetch(KernelBuilder &k, int64_t columns, Expr wAt,
                            Expr step) const {
  if (!prefetchBytes && !prefetchRun)
    return;
  Expr from =
      prefetchRun ? prefetchRun + step * columns : wAt + prefetchBytes / 4;
  for (int64_t c = 0; c < columns; c += Lanes::width)
    k.prefetch(w, from + c);
}

Values PanelProduct::multiply(KernelBuilder &k, int64_t columns, Values sums,
                              ArrayRef<Expr> xBase, Expr wBase, Expr from,
                              Expr to, bool half) const {
  return k.loop(from, to, 1, sums, [&](Expr i, ArrayRef<Expr> carried) {
    prefetch(k, columns, wBase + i * wStride, i - from);
    return step(k, columns, carried, xBase, wBase, i, half);
  });
}

// As many sums as the registers hold beside the weights of a step; widened
// weights take two registers for each that is loaded.
static ArrayRef<Tile> tilesOf(const codegen::Target &target,
                              PanelProduct::Arithmetic arithmetic) {
  // Whole sums of a group stand beside the sums.
  static const Tile bytes[] = {{6, 32}, {4, 32}, {2, 64}, {1, 64}};
  static const Tile emulated[] = {{1, 16}};
  if (arithmetic == PanelProduct::Bytes)
    return target.hasAvx512Vnni ? ArrayRef<Tile>(bytes) : emulated;
  bool widens =
      arithmetic == PanelProduct::Widen || arithmetic == PanelProduct::Blocks;
  static const Tile zmm[] = {{6, 64}, {4, 64}, {2, 64}, {1, 64}};
  static const Tile ymm[] = {{6, 16}, {4, 16}, {2, 32}, {1, 64}};
  ArrayRef<Tile> tiles = target.hasAvx512 ? zmm : ymm;
  return widens ? tiles.drop_front() : tiles;
}

void PanelProduct::forTiles(KernelBuilder &k, Expr n,
                            function_ref<void(Tile, Expr)> body) const {
  Expr done = k.index(0);
  for (Tile tile : tilesOf(k.target(), arithmetic)) {
    Expr end = tile.rows == 1 ? n : done + (n - done) / tile.rows * tile.rows;
    k.loop(done, end, tile.rows, [&](Expr row) { body(tile, row); });
    done = end;
  }
}

} // namespace sluice::kernels
