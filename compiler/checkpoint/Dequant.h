// The block-quantised types of GGUF.
#pragma once

#include "compiler/checkpoint/DType.h"
#include "runtime/format/Packing.h"

namespace sluice::checkpoint {

// What a block of any format holds, each number and share by itself (see
// format::BlockInfo).
struct Block {
  uint16_t scale = 0, minimum = 0; // bits of an f16; of mxfp4 the exponent
  int8_t scales[16] = {};          // of nested formats
  uint8_t minimums[16] = {};
  uint8_t numbers[maxBlockValues] = {}; // with the offset
};

using BlockUnpacker = void (*)(const uint8_t *source, Block &block);
// Null for types that cannot be read.
BlockUnpacker blockUnpacker(DType type);

// The values of a block. Every product and sum is rounded to f32 by itself (no
// fused multiply-add), in the order of the reference, so results are bit-equal.
void blockValues(const format::ElemInfo &info, const Block &block, float *out);

} // namespace sluice::checkpoint
