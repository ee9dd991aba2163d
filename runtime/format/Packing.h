// How the numbers of a weight lie in an artifact: the one description from
// which plan, packer, artifact, checks, tools and kernels take sizes and names.
//
// For a matrix [N, K], Np = N rounded up to 64 and Kp = K rounded up to the
// panelDepth of the element; what is added is zero.
//
//   rows        row-major, no padding; vectors too
//   panel       panels of 64 rows, Np * Kp elements. f32: element (n, k) lies
//   at
//               (n/64)*64*Kp + k*64 + n%64; bf16: at
//               (n/64)*64*Kp + (k/2)*128 + (n%64)*2 + k%2
//   panel_glu   two matrices of one shape as panels: gate 0, up 0, gate 1, ...
//   vector_glu  two vectors of one length in runs of 64: gate 0..63, up 0..63,
//   ...
//
// Leading axes (experts) repeat all of it.
//
// In a block format a number is a whole number times the scale of its group:
// i8x32 has an f16 for 32 numbers of a row. In rows a group is its scale, then
// its numbers. In a panel the group g of K is the scales of 64 rows, then for
// each k of the group the numbers of 64 rows.
#pragma once

#include "runtime/format/artifact_generated.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::format {

// How a number is stored: alone, or in a block of `group` numbers of a row that
// share what `groupBytes` holds beside them.
struct ElemInfo {
  const char *name;   // as IR and tools print it
  int64_t group;      // numbers that share a scale; 1: none
  int64_t groupBytes; // of a group with its scale
  int64_t panelDepth; // K of a panel is rounded up to this; 0: no panels
  const char *stored; // what checkpoints call the same numbers; null: nothing
};
// Of a value that a damaged file may hold: no bytes.
const ElemInfo &infoOf(Elem elem);
std::optional<Elem> elemNamed(std::string_view name); // by ElemInfo::name
// The format that holds exactly what a checkpoint of this type does.
std::optional<Elem> elemStored(std::string_view type);
// Numbers share a scale with their group.
inline bool isBlocks(Elem elem) { return infoOf(elem).group > 1; }

// Bytes of a number by itself, not in a block.
inline int64_t elemBytes(Elem elem) { return infoOf(elem).groupBytes; }

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
