// Products of bf16 on the tile unit (AMX): rows in tiles of 16 times a panel of
// 64 columns, 32 elements of k a step. A tile of x is 16 rows of 32 elements,
// one of w 16 pairs of k of 16 columns, one of sums 16 x 16 of f32; eight fit
// in the registers. The processor configures them once and releases them at
// the end of the kernel, both emitted by LLVM.
//
// The order of the additions is the unit's (see SLC_K_BLOCK), over the whole of
// k, whatever the number of rows.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace sluice::kernels {

struct TileProduct {
  static constexpr int64_t rows = 16;  // of a tile
  static constexpr int64_t depth = 32; // elements of k in a tile

  mlir::Value x;    // memref of bf16: tiles of [16][32], those of a row run on
  mlir::Value w;    // memref of bf16: panels [k/2][64][2]
  mlir::Value sums; // memref of f32, rows of 64

  // Elements of x between two tiles of rows.
  static Expr tileStride(Expr steps) { return steps * (rows * depth); }

  // sums[sumsAt ...][64] = x * panel for one or two tiles of rows; xAt and wAt
  // are the first elements, `steps` is k / 32 rounded up.
  void multiply(KernelBuilder &k, int64_t rowTiles, Expr xAt, Expr wAt,
                Expr steps, Expr sumsAt) const;

private:
  void pass(KernelBuilder &k, int64_t rowTiles, int64_t columnTiles, Expr xAt,
            Expr wAt, Expr steps, Expr sumsAt) const;
};

} // namespace sluice::kernels
