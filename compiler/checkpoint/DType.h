// Element types of checkpoint files and their exact conversion to f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::checkpoint {

// As safetensors and GGUF name them; those from Q4_0 on are blocks.
enum class DType {
  F32,
  F16,
  BF16,
  F64,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  Bool,
  F8_E4M3,
  F8_E5M2,
  F8_E8M0,
  F4,
  C64,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q8_1,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  Q8_K,
  IQ1_S,
  IQ1_M,
  IQ2_XXS,
  IQ2_XS,
  IQ2_S,
  IQ3_XXS,
  IQ3_S,
  IQ4_NL,
  IQ4_XS,
  TQ1_0,
  TQ2_0,
  MXFP4,
  NVFP4,
  Q1_0,
};

// How values are stored: `bytes` hold `values` consecutive ones of a row.
struct BlockFormat {
  const char *name; // as messages spell it
  int values;       // 1: each by itself
  int bytes;
};

const BlockFormat &blockFormat(DType type);
constexpr int maxBlockValues = 256; // of any type
inline std::string dtypeName(DType type) { return blockFormat(type).name; }

// True when readRows can convert the type to f32. Integers are readable: values
// beyond 2^24 are rounded to the nearest f32.
bool isReadable(DType type);
// Whole numbers and flags: no weight is stored so unless a format says it.
bool isInteger(DType type);

// Converts `count` values (a multiple of the block) starting at `source`, which
// needs no alignment. False when the type is not readable.
bool toFloat(DType type, const uint8_t *source, size_t count, float *out);

float f16ToFloat(uint16_t bits);  // exact
uint16_t floatToF16(float value); // to nearest, ties to even
inline float bf16ToFloat(uint16_t bits) {
  return __builtin_bit_cast(float, uint32_t(bits) << 16);
}
// To nearest, ties to even; NaN stays a quiet NaN.
inline uint16_t floatToBf16(float value) {
  uint32_t bits = __builtin_bit_cast(uint32_t, value);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return uint16_t(bits >> 16) | 0x40;
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

} // namespace sluice::checkpoint
