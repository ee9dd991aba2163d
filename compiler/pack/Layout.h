// How the artifact orders the elements of a weight.
#pragma once

#include "runtime/format/kernel_abi.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::pack {

using Shape = std::vector<int64_t>;

enum class Elem { F32, BF16 };

// For a matrix [N, K], Np = N rounded up to 64, Kp = K rounded up to 16 (f32)
// or 32 (bf16); what is added is zero.
enum class Layout {
  // Row-major, no padding; vectors too.
  Rows,
  // Panels of 64 rows, Np * Kp elements. f32: element (n, k) lies at
  // (n/64)*64*Kp + k*64 + n%64; bf16: at
  // (n/64)*64*Kp + (k/2)*128 + (n%64)*2 + k%2.
  Panel,
  // Two matrices of one shape as panels: gate 0, up 0, gate 1, up 1, ...
  PanelGlu,
  // Two vectors of one length in runs of 64: gate 0..63, up 0..63, ...
  VectorGlu,
};

constexpr int64_t panelRows = SLC_PANEL;

constexpr int64_t elemBytes(Elem elem) { return elem == Elem::F32 ? 4 : 2; }

// K is rounded up to a multiple of this.
constexpr int64_t panelDepth(Elem elem) {
  return elem == Elem::F32 ? SLC_PANEL_DEPTH_F32 : SLC_PANEL_DEPTH_BF16;
}

const char *layoutName(Layout layout);
// "rows", "vector" (the same), "panel", "panel_glu", "vector_glu".
Result<Layout> layoutByName(std::string_view name);

// The size of one instance. `shape` is the whole weight with its parts joined
// along the rows: [rows, K], or [experts, rows, K]; the glu layouts have both
// halves in `rows`. Vectors are [rows] or [experts, rows].
Result<int64_t> packedBytes(Layout layout, Elem elem, const Shape &shape);

} // namespace sluice::pack
