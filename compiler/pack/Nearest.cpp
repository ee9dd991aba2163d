// Numbers in blocks that were not: scales by search.
#include "compiler/pack/Blocks.h"

#include <algorithm>
#include <cmath>

namespace sluice::pack {

using checkpoint::Block;
using checkpoint::f16ToFloat, checkpoint::floatToF16;

namespace {

// To the nearest whole number, ties to even, for sizes below 2^22.
inline float rounded(float x) {
  constexpr float shift = 0x1.8p23f;
  return (x + shift) - shift;
}

// A scale with what else makes values of numbers.
struct Shares {
  float scale, inverse, minimum, offset, top;

  float number(float value) const {
    float number = rounded((value - minimum) * inverse) + offset;
    number = number < 0 ? 0 : number;
    return number > top ? top : number;
  }
};

// What the nearest numbers miss of the values: the weighted sum of squares.
// Sixteen sums side by side, as compilers turn them into vector code; nothing
// is contracted, so every kind of processor finds the same.
[[gnu::always_inline]] inline float missed(const float *values,
                                           const float *weights, int64_t count,
                                           const Shares &shares) {
  constexpr int lanes = 16;
  float sums[lanes] = {};
  for (int64_t i = 0; i < count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) {
      float value = values[i + lane];
      float found = (shares.number(value) - shares.offset) * shares.scale;
      float miss = value - (found + shares.minimum);
      sums[lane] += miss * miss * weights[i + lane];
    }
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane)
      sums[lane] += sums[lane + half];
  return sums[0];
}

using Missed = float (*)(const float *, const float *, int64_t, const Shares &);
[[gnu::target("arch=x86-64-v4")]] float missedV4(const float *values,
                                                 const float *weights,
                                                 int64_t count,
                                                 const Shares &shares) {
  return missed(values, weights, count, shares);
}
[[gnu::target("arch=x86-64-v3")]] float missedV3(const float *values,
                                                 const float *weights,
                                                 int64_t count,
                                                 const Shares &shares) {
  return missed(values, weights, count, shares);
}
float missedBase(const float *values, const float *weights, int64_t count,
                 const Shares &shares) {
  return missed(values, weights, count, shares);
}
Missed missedHere() {
  static const Missed best =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq")
          ? missedV4
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
          ? missedV3
          : missedBase;
  return best;
}

struct Nearest {
  const format::ElemInfo &info;
  const float *values, *weights;
  Block best = {};
  float error = INFINITY;

  int most() const { return (1 << info.blocks.bits) - 1; }

  Shares sharesOf(const Block &block) const {
    float scale = f16ToFloat(block.scale);
    return {scale, scale == 0 ? 0 : 1 / scale, f16ToFloat(block.minimum),
            float(info.blocks.offset), float(most())};
  }

  // Whether they are nearer than the best so far, which they become.
  bool tryShares(const Block &block) {
    float sum = missedHere()(values, weights, info.block, sharesOf(block));
    if (!(sum < error))
      return false;
    error = sum;
    best.scale = block.scale;
    best.minimum = block.minimum;
    return true;
  }

  void takeNumbers() {
    Shares shares = sharesOf(best);
    for (int64_t i = 0; i < info.block; ++i)
      best.numbers[i] = uint8_t(shares.number(values[i]));
  }

  // Codes of four-bit floats for an exponent.
  void tryExponent(int exponent) {
    Block block;
    float sum = 0;
    block.scale = uint16_t(std::clamp(exponent + 127, 0, 254));
    float scale = std::ldexp(1.0f, int(block.scale) - 127);
    for (int64_t i = 0; i < info.block; ++i) {
      float size = std::abs(values[i]) / scale;
      int code = 0; // of the nearest of the eight sizes
      for (int less = 0; less < 7; ++less)
        code += size > (format::kE2M1[less] + format::kE2M1[less + 1]) / 2;
      float miss = size - format::kE2M1[code];
      sum += miss * miss * weights[i];
      block.numbers[i] = uint8_t(code | (std::signbit(values[i]) ? 8 : 0));
    }
    sum *= scale * scale;
    if (sum < error) {
      error = sum;
      best = block;
    }
  }

  // The least squares fit of the shares to the numbers that were found.
  bool refine() {
    Block block = best;
    double n = 0, a = 0, b = 0, x = 0, xy = 0;
    for (int64_t i = 0; i < info.block; ++i) {
      double number = int(best.numbers[i]) - info.blocks.offset;
      double weight = weights[i];
      n += weight;
      a += weight * number * number;
      b += weight * number;
      x += weight * values[i];
      xy += weight * number * values[i];
    }
    if (info.blocks.minimum) {
      double det = n * a - b * b;
      if (det <= 0)
        return false;
      block.scale = floatToF16(float((n * xy - b * x) / det));
      block.minimum = floatToF16(float((a * x - b * xy) / det));
    } else if (a > 0) {
      block.scale = floatToF16(float(xy / a));
    }
    return tryShares(block);
  }
};

// Scales around the one that just holds the range, as so many of them that make
// it: less clips a few values and is nearer to all others.
constexpr int kSteps = 12;
float stepsOf(int most, int i) { return float(most - 1) + float(i) / 3; }

} // namespace

std::optional<Block> nearestBlock(format::Elem elem, const float *values,
                                  const float *weights) {
  static const std::vector<float> equal(checkpoint::maxBlockValues, 1.0f);
  const format::ElemInfo &info = format::infoOf(elem);
  // Columns of which none matters are all alike.
  if (!weights || std::all_of(weights, weights + info.block,
                              [](float weight) { return weight == 0; }))
    weights = equal.data();
  Nearest search{info, values, weights};
  float low = values[0], high = low;
  for (float value : std::span(values, size_t(info.block))) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  float largest = std::max(std::abs(low), std::abs(high));
  if (!std::isfinite(largest))
    return std::nullopt;
  if (info.blocks.floats) {
    int exponent = largest > 0 ? std::ilogb(largest) - 2 : -127;
    for (int more : {0, 1, -1})
      search.tryExponent(exponent + more);
    return std::isfinite(search.error) ? std::optional(search.best)
                                       : std::nullopt;
  }
  int most = info.blocks.minimum ? search.most() : info.blocks.offset;
  for (int i = 0; i < kSteps; ++i) {
    Block block;
    float steps = stepsOf(most, i);
    if (info.blocks.minimum) {
      float base = std::min(low, 0.0f);
      block.scale = floatToF16((std::max(high, 0.0f) - base) / steps);
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
  if (!std::isfinite(search.error))
    return std::nullopt;
  search.takeNumbers();
  for (int i = 0; i < 3 && search.refine(); ++i)
    search.takeNumbers();
  return search.best;
}

} // namespace sluice::pack
