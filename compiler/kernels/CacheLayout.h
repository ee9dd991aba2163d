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

struct CacheLayout {
  static constexpr int64_t block = SLC_CACHE_BLOCK;
  static constexpr int64_t panel = 64;
  static constexpr int64_t strip = 64;

  int64_t keyWidth;
  int64_t valueWidth;

  int64_t paddedValueWidth() const { return (valueWidth + 15) / 16 * 16; }
  // Elements of one head in a block, and of its key part.
  int64_t keyElements() const { return block * keyWidth; }
  int64_t headElements() const {
    return block * (keyWidth + paddedValueWidth());
  }
  // Width of the strip that starts at column `first`, a multiple of 64.
  int64_t stripWidth(int64_t first) const {
    return std::min(strip, paddedValueWidth() - first);
  }
};

} // namespace sluice::kernels
