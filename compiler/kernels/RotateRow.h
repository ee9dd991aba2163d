// Rotary position embedding of one row, shared by `rotate` and by the fused
// preparation of attention.
#pragma once

#include "compiler/kernels/RowMath.h"

namespace sluice::kernels {

// 2 * rotary channels from `from` on are rotated in pairs: channel i with i +
// rotary, or adjacent ones.
struct Rotation {
  bool adjacent;
  int64_t from;
  Expr rotary;
};

// y of `width` channels: y0 = x0 * cos - x1 * sin, y1 = x0 * sin + x1 * cos,
// each product and sum rounded; the other channels are copied. A row of the
// table is `rotary` cosines, then as many sines. y may be x.
void rotateRow(KernelBuilder &k, Rotation rotation, Expr width, Row table,
               Row x, Row y);

} // namespace sluice::kernels
