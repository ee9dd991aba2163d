#include "compiler/checkpoint/Dequant.h"

#include <cmath>
#include <cstring>

namespace sluice::checkpoint {

static uint16_t half(const uint8_t *source) {
  uint16_t bits;
  std::memcpy(&bits, source, 2);
  return bits;
}

// Blocks of 32: byte i holds number i in its low and number 16 + i in its high
// four bits; bit i of `high` is the fifth of number i.
static void numbersOf32(const uint8_t *pairs, uint32_t high, Block &block) {
  for (int i = 0; i < 16; ++i) {
    block.numbers[i] = (pairs[i] & 15) | (high >> i & 1) << 4;
    block.numbers[16 + i] = pairs[i] >> 4 | (high >> (i + 16) & 1) << 4;
  }
}

static uint32_t word(const uint8_t *source) {
  uint32_t bits;
  std::memcpy(&bits, source, 4);
  return bits;
}

static void q4_0(const uint8_t *source, Block &block) {
  block.scale = half(source);
  numbersOf32(source + 2, 0, block);
}

static void q4_1(const uint8_t *source, Block &block) {
  block.scale = half(source);
  block.minimum = half(source + 2);
  numbersOf32(source + 4, 0, block);
}

static void q5_0(const uint8_t *source, Block &block) {
  block.scale = half(source);
  numbersOf32(source + 6, word(source + 2), block);
}

static void q5_1(const uint8_t *source, Block &block) {
  block.scale = half(source);
  block.minimum = half(source + 2);
  numbersOf32(source + 8, word(source + 4), block);
}

static void q8_0(const uint8_t *source, Block &block) {
  block.scale = half(source);
  for (int i = 0; i < 32; ++i)
    block.numbers[i] = source[2 + i] ^ 0x80; // two's complement plus 128
}

static void mxfp4(const uint8_t *source, Block &block) {
  block.scale = source[0];
  numbersOf32(source + 1, 0, block);
}

// Blocks of 256 in eight groups of 32, each with a six-bit scale and minimum
// packed in twelve bytes: the first four groups use the low bits of bytes 0-3
// and 4-7, the last four take four bits from bytes 8-11 and the two bits left
// over in the first eight.
static void sharesOf256(const uint8_t *source, Block &block) {
  block.scale = half(source);
  block.minimum = half(source + 2);
  const uint8_t *packed = source + 4;
  for (int k = 0; k < 4; ++k) {
    block.scales[k] = packed[k] & 63;
    block.minimums[k] = packed[4 + k] & 63;
    block.scales[4 + k] = (packed[8 + k] & 15) | (packed[k] >> 6) << 4;
    block.minimums[4 + k] = packed[8 + k] >> 4 | (packed[4 + k] >> 6) << 4;
  }
}

// Two groups share 32 bytes: low halves, then high halves. Bit g of byte i of
// `high` is the fifth of number i of group g.
static void numbersOf256(const uint8_t *pairs, const uint8_t *high,
                         Block &block) {
  for (int group = 0; group < 8; ++group)
    for (int i = 0; i < 32; ++i) {
      int low = pairs[group / 2 * 32 + i] >> (group % 2 * 4) & 15;
      int fifth = high ? high[i] >> group & 1 : 0;
      block.numbers[group * 32 + i] = low | fifth << 4;
    }
}

static void q4_k(const uint8_t *source, Block &block) {
  sharesOf256(source, block);
  numbersOf256(source + 16, nullptr, block);
}

static void q5_k(const uint8_t *source, Block &block) {
  sharesOf256(source, block);
  numbersOf256(source + 48, source + 16, block);
}

// 16 scales of eight bits; each half of the block has 64 bytes of low four bits
// (two runs of 32 share bytes with the next two runs) and 32 bytes of high two
// bits shared by its four runs.
static void q6_k(const uint8_t *source, Block &block) {
  const uint8_t *low = source, *high = source + 128;
  block.scale = half(source + 208);
  std::memcpy(block.scales, source + 192, 16);
  for (int run = 0; run < 8; ++run) {
    int part = run / 4, inner = run % 4;
    const uint8_t *pairs = low + part * 64 + inner % 2 * 32;
    for (int i = 0; i < 32; ++i)
      block.numbers[run * 32 + i] = (pairs[i] >> (inner / 2 * 4) & 15) |
                                    (high[part * 32 + i] >> (2 * inner) & 3)
                                        << 4;
  }
}

BlockUnpacker blockUnpacker(DType type) {
  switch (type) {
  case DType::Q4_0:
    return q4_0;
  case DType::Q4_1:
    return q4_1;
  case DType::Q5_0:
    return q5_0;
  case DType::Q5_1:
    return q5_1;
  case DType::Q8_0:
    return q8_0;
  case DType::Q4_K:
    return q4_k;
  case DType::Q5_K:
    return q5_k;
  case DType::Q6_K:
    return q6_k;
  case DType::MXFP4:
    return mxfp4;
  default:
    return nullptr;
  }
}

void blockValues(const format::ElemInfo &info, const Block &block, float *out) {
  const format::BlockInfo &shared = info.blocks;
  if (shared.floats) { // the largest scale is beyond f32, its half is not
    float half = std::ldexp(1.0f, int(block.scale) - 128);
    for (int64_t i = 0; i < info.block; ++i)
      out[i] = 2 * format::kE2M1[block.numbers[i] & 15] * half;
    return;
  }
  float scale = f16ToFloat(block.scale), minimum = f16ToFloat(block.minimum);
  for (int64_t first = 0; first < info.block; first += shared.group) {
    int64_t group = first / shared.group;
    float step = scale, base = minimum;
    if (shared.nested) {
      step = scale * float(block.scales[group]);
      base = -(minimum * float(block.minimums[group]));
    }
    for (int64_t i = first; i < first + shared.group; ++i) {
      float product = step * float(int(block.numbers[i]) - shared.offset);
      out[i] = shared.minimum ? product + base : product;
    }
  }
}

} // namespace sluice::checkpoint
