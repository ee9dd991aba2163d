// The block-quantised types of GGUF.
#pragma once

#include "compiler/checkpoint/DType.h"

namespace sluice::checkpoint {

// Converts one block. Every product and sum is rounded to f32 by itself (no
// fused multiply-add), in the order of the reference, so results are bit-equal.
using BlockDequantizer = void (*)(const uint8_t *block, float *out);

// Null for types without one.
BlockDequantizer blockDequantizer(DType type);

} // namespace sluice::checkpoint
