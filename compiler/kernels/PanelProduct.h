// The inner loop that matrix products and both halves of attention share: some
// rows of x times a panel of w, whose k-th row of 16..64 columns is contiguous.
// Sums live in registers, weights are loaded once for all rows of the tile.
//
// The order of the additions along k is the order of k, in one chain per
// element, whatever the tile. bf16 products take pairs of k and add the odd
// product first, each with one rounding, as vdpbf16ps does; targets without it
// do the same with f32 arithmetic.
#pragma once

#include "compiler/kernels/BlockReader.h"

namespace sluice::kernels {

// Rows and columns of the sums that one pass of the inner loop keeps in
// registers.
struct Tile {
  int64_t rows, columns;
};

struct PanelProduct {
  enum Arithmetic {
    F32,    // x f32, w f32: one k a step, with oddFirst two
    Widen,  // x f32, w pairs of bf16, which become f32: two k a step
    Dot,    // x and w pairs of bf16: two k a step
    Blocks, // x f32, w in blocks, which become f32: eight k a step
    Bytes   // LinearBytes.cpp; here for its tiles
  };
  Arithmetic arithmetic = F32;
  bool oddFirst = false;       // F32, Widen: the order of Dot, not that of k
  mlir::Value x;               // memref of f32, for Dot of i32 (pairs)
  mlir::Value w;               // memref of f32, else of i32 (pairs)
  int64_t wStride = SLC_PANEL; // elements of w between steps
  // Blocks: in the place of w; panels start at bytes, `column` is the first.
  BlockReader *blocks = nullptr;
  Expr column;
  // What a step fetches ahead, as many bytes as it uses: those that lie
  // prefetchBytes further on (0: nothing), or, where that would skip lines
  // because a tile is narrower than the panel, the next of a run of bytes from
  // the element `prefetchRun` on.
  int64_t prefetchBytes = 0;
  Expr prefetchRun;

  int64_t kPerStep() const {
    return arithmetic == Blocks             ? BlockReader::step
           : arithmetic == F32 && !oddFirst ? 1
                                            : 2;
  }

  // Adds the steps [from, to) to `sums` (rows x columns/16 vectors, row by row)
  // and returns the new sums. xBase[r] is the element of x where row r has step
  // 0, wBase that of w. `half`: the step has one k only (the even one), what
  // follows it in x is not read as a number.
  Values multiply(KernelBuilder &k, int64_t columns, Values sums,
                  llvm::ArrayRef<Expr> xBase, Expr wBase, Expr from, Expr to,
                  bool half = false) const;

  // Covers rows [0, n) with the largest tiles that fit: body(tile, first row).
  void forTiles(KernelBuilder &k, Expr n,
                llvm::function_ref<void(Tile, Expr row)> body) const;

private:
  Values pairStep(KernelBuilder &k, int64_t columns, llvm::ArrayRef<Expr> sums,
                  llvm::ArrayRef<Expr> xBase, Expr wAt, Expr i) const;
  Values blockStep(KernelBuilder &k, int64_t columns, llvm::ArrayRef<Expr> sums,
                   llvm::ArrayRef<Expr> xBase, Expr wBase, Expr i) const;
  Values step(KernelBuilder &k, int64_t columns, llvm::ArrayRef<Expr> sums,
              llvm::ArrayRef<Expr> xBase, Expr wBase, Expr i, bool half) const;
  void prefetch(KernelBuilder &k, int64_t columns, Expr wAt, Expr step) const;
};

} // namespace sluice::kernels
