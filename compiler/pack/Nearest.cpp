// Numbers in blocks that were not: scales by search.
#include "compiler/pack/Blocks.h"

#include <algorithm>
#include <cmath>

namespace sluice::pack {

using checkpoint::Block;
using checkpoint::f16ToFloat, checkpoint::floatToF16;

namespace {

// To the nearest whole number, ties to even, for sizes below 2^22.
float rounded(float x) {
  constexpr float shift = 0x1.8p23f;
  return (x + shift) - shift;
}

struct Nearest {
  const format::ElemInfo &info;
  const float *values;
  Block best;
  float error = INFINITY;

  std::optional<Block> found() const {
    return std::isfinite(error) ? std::optional(best) : std::nullopt;
  }

  int most() const { return (1 << info.blocks.bits) - 1; }

  // Numbers of a block; the sum of squares of what they miss. Eight sums side
  // by side, as compilers turn them into vector code.
  float numbersFor(float scale, float minimum, float *numbers) const {
    constexpr int lanes = 8;
    float inverse = scale == 0 ? 0 : 1 / scale, top = float(most());
    float offset = float(info.blocks.offset), sums[lanes] = {};
    for (int64_t i = 0; i < info.block; i += lanes)
      for (int lane = 0; lane < lanes; ++lane) {
        float value = values[i + lane];
        float number = rounded((value - minimum) * inverse) + offset;
        number = number < 0 ? 0 : number;
        number = number > top ? top : number;
        float miss = value - ((number - offset) * scale + minimum);
        sums[lane] += miss * miss;
        numbers[i + lane] = number;
      }
    float sum = 0;
    for (float part : sums)
      sum += part;
    return sum;
  }

  void tryShares(Block block) {
    float numbers[checkpoint::maxBlockValues];
    float sum =
        numbersFor(f16ToFloat(block.scale), f16ToFloat(block.minimum), numbers);
    if (!(sum < error))
      return;
    error = sum;
    for (int64_t i = 0; i < info.block; ++i)
      block.numbers[i] = uint8_t(numbers[i]);
    best = block;
  }

  // Codes of four-bit floats for an exponent.
  void tryExponent(int exponent) {
    Block block;
    float sum = 0;
    block.scale = uint16_t(std::clamp(exponent + 127, 0, 254));
    float scale = std::ldexp(1.0f, int(block.scale) - 127);
    for (int64_t i = 0; i < info.block; ++i) {
      float size = std::abs(values[i]) / scale;
      int code = 0; // to the nearest of the eight sizes
      while (code < 7 &&
             size > (format::kE2M1[code] + format::kE2M1[code + 1]) / 2)
        ++code;
      float miss = size - format::kE2M1[code];
      sum += miss * miss;
      block.numbers[i] = uint8_t(code | (std::signbit(values[i]) ? 8 : 0));
    }
    sum *= scale * scale;
    if (sum < error) {
      error = sum;
      best = block;
    }
  }

  // The least squares fit of the shares to the numbers that were found.
  void refine() {
    Block block = best;
    double n = double(info.block), a = 0, b = 0, x = 0, xy = 0;
    for (int64_t i = 0; i < info.block; ++i) {
      double number = int(best.numbers[i]) - info.blocks.offset;
      a += number * number;
      b += number;
      x += values[i];
      xy += number * values[i];
    }
    if (info.blocks.minimum) {
      double det = n * a - b * b;
      if (det <= 0)
        return;
      block.scale = floatToF16(float((n * xy - b * x) / det));
      block.minimum = floatToF16(float((a * x - b * xy) / det));
    } else if (a > 0) {
      block.scale = floatToF16(float(xy / a));
    }
    tryShares(block);
  }
};

// Scales around the one that just holds the range, as so many of them that make
// it: less clips a few values and is nearer to all others.
constexpr int kSteps = 24;
float stepsOf(int most, int i) { return float(most - 1) + float(i) / 6; }

} // namespace

std::optional<Block> nearestBlock(format::Elem elem, const float *values) {
  const format::ElemInfo &info = format::infoOf(elem);
  Nearest search{info, values, {}};
  auto [low, high] = std::minmax_element(values, values + info.block);
  float largest = std::max(std::abs(*low), std::abs(*high));
  if (!std::isfinite(largest))
    return std::nullopt;
  if (info.blocks.floats) {
    int exponent = largest > 0 ? std::ilogb(largest) - 2 : -127;
    for (int more : {0, 1, -1})
      search.tryExponent(exponent + more);
    return search.found();
  }
  int most = info.blocks.minimum ? search.most() : info.blocks.offset;
  for (int i = 0; i < kSteps; ++i) {
    Block block;
    float steps = stepsOf(most, i);
    if (info.blocks.minimum) {
      float base = std::min(*low, 0.0f);
      block.scale = floatToF16((std::max(*high, 0.0f) - base) / steps);
      block.minimum = floatToF16(base * std::min(float(most) / steps, 1.0f));
      search.tryShares(block);
      continue;
    }
    // The negative side holds one number more, so either sign is tried.
    for (float sign : {1.0f, -1.0f}) {
      block.scale = floatToF16(sign * largest / steps);
      search.tryShares(block);
    }
  }
  for (int i = 0; i < 3; ++i)
    search.refine();
  return search.found();
}

} // namespace sluice::pack
