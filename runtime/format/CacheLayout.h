// Where a block of a cache keeps keys and values: the one description that
// kernels, plan, checks and snapshots share. A block holds SLC_CACHE_BLOCK =
// 128 positions of one layer, f32, and is a run of heads:
//
//   head:   keys, then values
//   keys:   2 panels of 64 positions, each [key width][64 positions]
//   values: strips of 64 columns, each [128 positions][64]; the last strip is
//           as wide as what is left, rounded up to 16 columns
//
// Without values of their own (attention takes channels of the keys), a head is
// its keys alone, row after row: [128 positions][key width, rounded up to 16].
//
// A key panel is what the product q.k streams (positions are its columns), a
// strip of values is what the product p.v streams (positions are its rows), so
// both run at the speed of a packed weight. Rows of keys that are values, too,
// are read as values by the product p.v; of the scores they are the rows, and
// the queries, turned, are the packed weight. Padding columns are written as
// zero by append.
#pragma once

#include "runtime/format/kernel_abi.h"

#include <span>
#include <string_view>
#include <vector>

namespace sluice::format {

// Int is int64_t where the widths are known, or what a code generator has for
// dims.
template <typename Int> struct CacheLayout {
  static constexpr int64_t block = SLC_CACHE_BLOCK; // positions
  static constexpr int64_t panel = 64;              // positions of keys
  static constexpr int64_t strip = 64;              // columns of values

  Int keyWidth; // elements of a head
  Int valueWidth;

  // Elements of a row of values with the padding of the last strip.
  Int paddedValueWidth() const { return (valueWidth + 15) / 16 * 16; }
  // Elements of the keys of one head in a block, and of the whole head.
  Int keyElements() const { return keyWidth * block; }
  Int headElements() const { return (keyWidth + paddedValueWidth()) * block; }
};

// Of a cache of keys alone.
template <typename Int> struct KeyRows {
  static constexpr int64_t block = SLC_CACHE_BLOCK;

  Int width; // elements of a head

  // Elements from one position to the next.
  Int stride() const { return (width + 15) / 16 * 16; }
  Int headElements() const { return stride() * block; }
};

// A field of a state: k [heads, width], v [heads, width].
struct NamedShape {
  std::string_view name; // "k" or "v"
  std::vector<int64_t> shape;
};

// Bytes of one block of one layer, at most 2^62. Fields have two axes of at
// least 0 and less than 2^31.
int64_t cacheBlockBytes(std::span<const NamedShape> fields);

} // namespace sluice::format
