#include "compiler/checkpoint/Dequant.h"

#include <cstring>

namespace sluice::checkpoint {

static float half(const uint8_t *source) {
  uint16_t bits;
  std::memcpy(&bits, source, 2);
  return f16ToFloat(bits);
}

// Blocks of 32: byte i holds value i in its low and value 16 + i in its high
// four bits.

static void q4_0(const uint8_t *block, float *out) {
  float d = half(block);
  for (int i = 0; i < 16; ++i) {
    int pair = block[2 + i];
    out[i] = d * float((pair & 15) - 8);
    out[16 + i] = d * float((pair >> 4) - 8);
  }
}

static void q4_1(const uint8_t *block, float *out) {
  float d = half(block), m = half(block + 2);
  for (int i = 0; i < 16; ++i) {
    int pair = block[4 + i];
    out[i] = d * float(pair & 15) + m;
    out[16 + i] = d * float(pair >> 4) + m;
  }
}

// Bit i of `high` is the fifth bit of value i.

static void q5_0(const uint8_t *block, float *out) {
  float d = half(block);
  uint32_t high;
  std::memcpy(&high, block + 2, 4);
  for (int i = 0; i < 16; ++i) {
    int pair = block[6 + i];
    int low = (pair & 15) | int(high >> i & 1) << 4;
    int up = pair >> 4 | int(high >> (i + 16) & 1) << 4;
    out[i] = d * float(low - 16);
    out[16 + i] = d * float(up - 16);
  }
}

static void q5_1(const uint8_t *block, float *out) {
  float d = half(block), m = half(block + 2);
  uint32_t high;
  std::memcpy(&high, block + 4, 4);
  for (int i = 0; i < 16; ++i) {
    int pair = block[8 + i];
    int low = (pair & 15) | int(high >> i & 1) << 4;
    int up = pair >> 4 | int(high >> (i + 16) & 1) << 4;
    out[i] = d * float(low) + m;
    out[16 + i] = d * float(up) + m;
  }
}

static void q8_0(const uint8_t *block, float *out) {
  float d = half(block);
  for (int i = 0; i < 32; ++i)
    out[i] = d * float(static_cast<int8_t>(block[2 + i]));
}

// Blocks of 256 in eight groups of 32, each with a six-bit scale and minimum
// packed in twelve bytes: the first four groups use the low bits of bytes 0-3
// and 4-7, the last four take four bits from bytes 8-11 and the two bits left
// over in the first eight.
static void scaleAndMinimum(const uint8_t *packed, int group, int &scale,
                            int &minimum) {
  if (group < 4) {
    scale = packed[group] & 63;
    minimum = packed[group + 4] & 63;
    return;
  }
  int k = group - 4;
  scale = (packed[8 + k] & 15) | (packed[k] >> 6) << 4;
  minimum = packed[8 + k] >> 4 | (packed[4 + k] >> 6) << 4;
}

static void q4_k(const uint8_t *block, float *out) {
  float d = half(block), dmin = half(block + 2);
  const uint8_t *quants = block + 16;
  for (int group = 0; group < 8; ++group) {
    int scale, minimum;
    scaleAndMinimum(block + 4, group, scale, minimum);
    float step = d * float(scale), base = dmin * float(minimum);
    // Two groups share 32 bytes: low halves, then high halves.
    const uint8_t *pairs = quants + group / 2 * 32;
    int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i)
      out[group * 32 + i] = step * float(pairs[i] >> shift & 15) - base;
  }
}

static void q5_k(const uint8_t *block, float *out) {
  float d = half(block), dmin = half(block + 2);
  const uint8_t *high = block + 16, *quants = block + 48;
  for (int group = 0; group < 8; ++group) {
    int scale, minimum;
    scaleAndMinimum(block + 4, group, scale, minimum);
    float step = d * float(scale), base = dmin * float(minimum);
    const uint8_t *pairs = quants + group / 2 * 32;
    int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      int value = (pairs[i] >> shift & 15) | (high[i] >> group & 1) << 4;
      out[group * 32 + i] = step * float(value) - base;
    }
  }
}

// 16 scales of eight bits; each half of the block has 64 bytes of low four bits
// (two runs of 32 share bytes with the next two runs) and 32 bytes of high two
// bits shared by its four runs.
static void q6_k(const uint8_t *block, float *out) {
  const uint8_t *low = block, *high = block + 128, *scales = block + 192;
  float d = half(block + 208);
  for (int run = 0; run < 8; ++run) {
    int part = run / 4, inner = run % 4;
    const uint8_t *pairs = low + part * 64 + inner % 2 * 32;
    int shift = inner / 2 * 4;
    for (int i = 0; i < 32; ++i) {
      int value = (pairs[i] >> shift & 15) |
                  (high[part * 32 + i] >> (2 * inner) & 3) << 4;
      int scale = static_cast<int8_t>(scales[run * 2 + i / 16]);
      float step = d * float(scale);
      out[run * 32 + i] = step * float(value - 32);
    }
  }
}

BlockDequantizer blockDequantizer(DType type) {
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
  default:
    return nullptr;
  }
}

} // namespace sluice::checkpoint
