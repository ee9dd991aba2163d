// How the numbers of a weight lie in an artifact: the one description from
// which plan, packer, artifact, checks, tools and kernels take sizes and names.
//
// For a matrix [N, K], Np = N rounded up to 64 and Kp = K rounded up to the
// panelDepth of the element; what is added is zero.
//
//   rows        row-major, no padding; vectors too
//   panel       panels of 64 rows, Np * Kp elements. f32: (n, k) lies at
//               (n/64)*64*Kp + k*64 + n%64; bf16: at
//               (n/64)*64*Kp + (k/2)*128 + (n%64)*2 + k%2
//   panel_glu   two matrices of one shape as panels: gate 0, up 0, gate 1, ...
//   vector_glu  two vectors of one length in runs of 64: gate 0..63, up
//               0..63, ...
//
// Leading axes (experts) repeat all of it.
//
// In a block format a row is a run of blocks, and a value (n - offset) * scale,
// or n * scale + minimum, of a number n without sign and what its group has;
// see BlockInfo. In rows blocks lie one after the other, in a panel those of
// the same k of 64 rows side by side: each of the parts below for row 0, row 1,
// ...
//
//   scale      an f16; of mxfp4 the exponent, a byte
//   minimum    an f16, if there are minimums
//   scales     of nested formats, for each group a byte with sign ...
//   minimums   ... and one without: times the f16 of the block
//   numbers    for each 32 of them `bits` words of 32 bits
//
// Words of 8-bit numbers hold four numbers in order. Else the first four words
// have the low four bits of eight numbers each, at the bits of kNibble, and the
// rest is in the words behind: the number of word w whose low bits lie in half
// h of byte b has its fifth bit in bit 8b + 2w + h of the word, its fifth and
// sixth in bits 8b + 4(w%2) + 2h of the word w/2 of two.
#pragma once

#include "runtime/format/artifact_generated.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::format {

// What makes values of the numbers of a block.
struct BlockInfo {
  int bits = 0;         // of a number: 4, 5, 6 or 8
  int offset = 0;       // what is taken from it
  int group = 0;        // numbers that share a scale
  bool minimum = false; // which is added (of nested ones: taken away)
  bool nested = false;  // scales and minimums of groups are bytes
  bool floats = false;  // numbers are codes of kE2M1, the scale is 2^(e - 127)
};
// Where number i of eight has its low bits in their word.
inline constexpr int kNibble[8] = {0, 16, 8, 24, 4, 20, 12, 28};
// Values of four-bit floats.
inline constexpr float kE2M1[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                                    4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                                    -2.0f, -3.0f, -4.0f, -6.0f};

// How a number is stored: alone, or in a block of a row.
struct ElemInfo {
  const char *name;   // as IR and tools print it
  int64_t block;      // numbers of a block; 1: each by itself
  int64_t blockBytes; // of a block with all that it holds
  int64_t panelDepth; // K of a panel is rounded up to this; 0: no panels
  const char *stored; // what checkpoints call the same numbers; null: nothing
  BlockInfo blocks = {};
};
// Of a value that a damaged file may hold: no bytes.
const ElemInfo &infoOf(Elem elem);
std::optional<Elem> elemNamed(std::string_view name); // by ElemInfo::name
// The format that holds exactly what a checkpoint of this type does.
std::optional<Elem> elemStored(std::string_view type);
inline bool isBlocks(Elem elem) { return infoOf(elem).block > 1; }

// Bytes of a number by itself, not in a block.
inline int64_t elemBytes(Elem elem) { return infoOf(elem).blockBytes; }

// "panel_glu"
const char *nameOf(Layout layout);
std::optional<Layout> layoutNamed(std::string_view name);
// K is padded and rows lie in panels of 64.
inline bool isPanel(Layout layout) {
  return layout == Layout::Panel || layout == Layout::PanelGlu;
}
// The layout has two parts of one shape, gate and up.
inline bool isPaired(Layout layout) {
  return layout == Layout::PanelGlu || layout == Layout::VectorGlu;
}

// A weight's shape and how it is packed, from which its sizes follow.
struct Packing {
  Elem elem = Elem::F32;
  Layout layout = Layout::Rows;
  // Of one instance, with its parts joined along the rows: [rows, K] or
  // [experts, rows, K]; the paired layouts have both halves in `rows`. Vectors
  // are [rows] or [experts, rows].
  std::vector<int64_t> shape;

  // Empty, or the shapes that the layout and the element could have instead.
  std::string expected() const;

  // The rest holds for shapes that fit; sizes are at most 2^62.
  int64_t packedRows() const; // with padding; of vectors elements
  int64_t rowNumbers() const; // K with padding; of vectors 1
  int64_t numbers() const;    // of an instance, padding and all
  int64_t bytes() const;      // of an instance

private:
  // The axis of the rows.
  size_t rowAxis() const { return shape.size() - axes(); }
  size_t axes() const;
};

} // namespace sluice::format
