#include "compiler/checkpoint/DType.h"

#include "compiler/checkpoint/Dequant.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace sluice::checkpoint {

// In the order of DType.
static constexpr BlockFormat formats[] = {
    {"F32", 1, 4},       {"F16", 1, 2},      {"BF16", 1, 2},
    {"F64", 1, 8},       {"I8", 1, 1},       {"I16", 1, 2},
    {"I32", 1, 4},       {"I64", 1, 8},      {"U8", 1, 1},
    {"U16", 1, 2},       {"U32", 1, 4},      {"U64", 1, 8},
    {"BOOL", 1, 1},      {"F8_E4M3", 1, 1},  {"F8_E5M2", 1, 1},
    {"F8_E8M0", 1, 1},   {"F4", 2, 1},       {"C64", 1, 8},
    {"Q4_0", 32, 18},    {"Q4_1", 32, 20},   {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},    {"Q8_0", 32, 34},   {"Q8_1", 32, 36},
    {"Q2_K", 256, 84},   {"Q3_K", 256, 110}, {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},  {"Q6_K", 256, 210}, {"Q8_K", 256, 292},
    {"IQ1_S", 256, 50},  {"IQ1_M", 256, 56}, {"IQ2_XXS", 256, 66},
    {"IQ2_XS", 256, 74}, {"IQ2_S", 256, 82}, {"IQ3_XXS", 256, 98},
    {"IQ3_S", 256, 110}, {"IQ4_NL", 32, 18}, {"IQ4_XS", 256, 136},
    {"TQ1_0", 256, 54},  {"TQ2_0", 256, 66}, {"MXFP4", 32, 17},
    {"NVFP4", 64, 36},   {"Q1_0", 128, 18},
};
static_assert(std::size(formats) == size_t(DType::Q1_0) + 1);

const BlockFormat &blockFormat(DType type) { return formats[size_t(type)]; }

float f16ToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 31, mantissa = bits & 0x3ff;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) {
    // Subnormal: mantissa * 2^-24, exact in f32.
    float value = float(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t floatToF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u)
    return sign | 0x7e00 | uint16_t((bits >> 13) & 0x3ff);
  if (bits >= 0x47800000u) // 2^16 and above
    return sign | 0x7c00;
  if (bits < 0x38800000u) {
    // Below 2^-14 the result is subnormal: adding 0.5 lets the FPU round at the
    // last bit of f16's subnormals, which is bit 0 of 0.5's mantissa.
    float shifted = std::bit_cast<float>(bits) + 0.5f;
    return sign | uint16_t(std::bit_cast<uint32_t>(shifted) - 0x3f000000u);
  }
  bits += ((bits >> 13) & 1) + 0xfff;
  return sign | uint16_t((bits - 0x38000000u) >> 13);
}

static float f8e4m3ToFloat(uint8_t bits) {
  int exponent = (bits >> 3) & 15, mantissa = bits & 7;
  float value;
  if (exponent == 15 && mantissa == 7)
    value = std::bit_cast<float>(0x7fc00000u);
  else if (exponent == 0)
    value = float(mantissa) * 0x1p-9f;
  else
    value = std::ldexp(float(8 + mantissa), exponent - 10);
  return bits & 0x80 ? -value : value;
}

template <typename T>
static void convert(const uint8_t *source, size_t count, float *out) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, source + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

static uint16_t load16(const uint8_t *source, size_t index) {
  uint16_t bits;
  std::memcpy(&bits, source + 2 * index, 2);
  return bits;
}

static bool plainToFloat(DType type, const uint8_t *source, size_t count,
                         float *out) {
  switch (type) {
  case DType::F32:
    if (count > 0)
      std::memcpy(out, source, count * sizeof(float));
    return true;
  case DType::F16:
    for (size_t i = 0; i < count; ++i)
      out[i] = f16ToFloat(load16(source, i));
    return true;
  case DType::BF16:
    for (size_t i = 0; i < count; ++i)
      out[i] = bf16ToFloat(load16(source, i));
    return true;
  case DType::F64:
    return convert<double>(source, count, out), true;
  case DType::I8:
    return convert<int8_t>(source, count, out), true;
  case DType::I16:
    return convert<int16_t>(source, count, out), true;
  case DType::I32:
    return convert<int32_t>(source, count, out), true;
  case DType::I64:
    return convert<int64_t>(source, count, out), true;
  case DType::U8:
    return convert<uint8_t>(source, count, out), true;
  case DType::U16:
    return convert<uint16_t>(source, count, out), true;
  case DType::U32:
    return convert<uint32_t>(source, count, out), true;
  case DType::U64:
    return convert<uint64_t>(source, count, out), true;
  case DType::Bool:
    for (size_t i = 0; i < count; ++i)
      out[i] = source[i] ? 1.0f : 0.0f;
    return true;
  case DType::F8_E4M3:
    for (size_t i = 0; i < count; ++i)
      out[i] = f8e4m3ToFloat(source[i]);
    return true;
  case DType::F8_E5M2: // the upper half of an f16
    for (size_t i = 0; i < count; ++i)
      out[i] = f16ToFloat(uint16_t(source[i] << 8));
    return true;
  default:
    return false;
  }
}

bool isReadable(DType type) {
  return plainToFloat(type, nullptr, 0, nullptr) || blockUnpacker(type);
}

bool isInteger(DType type) { return type >= DType::I8 && type <= DType::Bool; }

bool toFloat(DType type, const uint8_t *source, size_t count, float *out) {
  if (plainToFloat(type, source, count, out))
    return true;
  BlockUnpacker unpack = blockUnpacker(type);
  std::optional<format::Elem> elem = format::elemStored(dtypeName(type));
  if (!unpack || !elem)
    return false;
  const BlockFormat &format = blockFormat(type);
  Block block;
  for (size_t i = 0; i < count / format.values; ++i) {
    unpack(source + i * format.bytes, block);
    blockValues(format::infoOf(*elem), block, out + i * format.values);
  }
  return true;
}

} // namespace sluice::checkpoint
