// Where the attention kernels keep keys and values. A block holds
// SLC_CACHE_BLOCK = 128 positions of one layer, f32, and is a run of heads:
//
//   head:   keys, then values
//   keys:   2 panels of 64 positions, each [key width][64 positions]
//   values: strips of 64 columns, each [128 positions][64]; the last strip is
//           as wide as what is left, rounded up to 16 columns
//
// A key panel is what the product q.k streams (positions are its columns), a
// strip of values is what the product p.v streams (positions are its rows), so
// both run at the speed of a packed weight. Padding columns of the last strip
// are written as zero by append.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace sluice::kernels {

// Int is int64_t where the widths are constants, Expr where they are dims.
template <typename Int> struct CacheLayout {
  static constexpr int64_t block = SLC_CACHE_BLOCK;
  static constexpr int64_t panel = 64;
  static constexpr int64_t strip = 64;

  Int keyWidth;
  Int valueWidth;

  Int paddedValueWidth() const { return (valueWidth + 15) / 16 * 16; }
  // Elements of one head in a block, and of its key part.
  Int keyElements() const { return keyWidth * block; }
  Int headElements() const { return (keyWidth + paddedValueWidth()) * block; }
};

// The operand that names a cache (slc_cache).
class CacheOperand {
public:
  CacheOperand(KernelBuilder &k, llvm::StringRef name);

  // f32 memref of one head in the block that holds position `position` of a
  // sequence.
  mlir::Value head(Expr sequence, Expr position, Expr headBytes);

  Expr held(Expr sequence) { return toIndex(k.load(heldRows, sequence)); }
  Expr total(Expr sequence) { return toIndex(k.load(totalRows, sequence)); }

private:
  KernelBuilder &k;
  mlir::Value pool, table, heldRows, totalRows;
  Expr blockBytes, tableStride;
};

// Writes the key or the value of one head at a position of its block; `head`
// comes from CacheOperand::head, the row from x at base.
void appendKey(KernelBuilder &k, CacheLayout<Expr> layout, mlir::Value head,
               Expr position, mlir::Value x, Expr base);
void appendValue(KernelBuilder &k, CacheLayout<Expr> layout, mlir::Value head,
                 Expr position, mlir::Value x, Expr base);

} // namespace sluice::kernels
