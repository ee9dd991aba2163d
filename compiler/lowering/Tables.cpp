// Tables that are computed while compiling: rotary frequencies and score
// biases. All arithmetic is f32, in the order of the op's definition.
#include "compiler/lowering/Common.h"

#include <cmath>
#include <numbers>

namespace sluice::plan {

static float number(mlir::FloatAttr attr) {
  return static_cast<float>(attr.getValueAsDouble());
}

llvm::SmallVector<float> ropeFrequencies(llm::RopeFreqsOp op) {
  llvm::SmallVector<float> freqs;
  float theta = number(op.getThetaAttr());
  float dims = static_cast<float>(op.getDims());
  for (int64_t i = 0; i < static_cast<int64_t>(op.getDims()) / 2; ++i)
    freqs.push_back(1.0f / std::pow(theta, static_cast<float>(2 * i) / dims));
  return freqs;
}

llvm::SmallVector<float> llama3Frequencies(llm::FreqsLlama3Op op,
                                           llvm::ArrayRef<float> freqs) {
  float factor = number(op.getFactorAttr()), low = number(op.getLowAttr()),
        high = number(op.getHighAttr()),
        original = static_cast<float>(op.getOriginal());
  llvm::SmallVector<float> scaled;
  for (float f : freqs) {
    float length = 2.0f * std::numbers::pi_v<float> / f;
    float ramp = (original / length - low) / (high - low);
    if (length < original / high)
      scaled.push_back(f);
    else if (length > original / low)
      scaled.push_back(f / factor);
    else
      scaled.push_back((1.0f - ramp) * f / factor + ramp * f);
  }
  return scaled;
}

llvm::SmallVector<float> yarnFrequencies(llm::FreqsYarnOp op,
                                         llvm::ArrayRef<float> freqs) {
  double dims = 2.0 * freqs.size();
  double theta = number(op.getThetaAttr()),
         original = static_cast<double>(op.getOriginal());
  auto channel = [&](double turns) {
    return dims * std::log(original / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(theta));
  };
  double low = channel(number(op.getFastAttr())),
         high = channel(number(op.getSlowAttr()));
  if (op.getTruncate()) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dims - 1);
  if (low == high)
    high += 0.001;
  float factor = number(op.getFactorAttr());
  llvm::SmallVector<float> scaled;
  for (size_t i = 0; i < freqs.size(); ++i) {
    float ramp = (static_cast<float>(i) - static_cast<float>(low)) /
                 static_cast<float>(high - low);
    ramp = std::min(std::max(ramp, 0.0f), 1.0f);
    // References stretch the period, not the frequency, and mix by what is left
    // of the whole. Beyond some thousand positions the last bit is seen.
    float kept = 1.0f - ramp;
    float period =
        std::pow(static_cast<float>(theta),
                 static_cast<float>(2 * i) / static_cast<float>(dims));
    float slow = 1.0f / period == freqs[i] ? 1.0f / (factor * period)
                                           : freqs[i] / factor;
    scaled.push_back(slow * (1.0f - kept) + freqs[i] * kept);
  }
  return scaled;
}

llvm::SmallVector<float> alibiSlopes(llm::AlibiOp op) {
  std::optional<llm::RoundTo> to = op.getRounded();
  float times = to ? 1.0f : op.getTimes();
  llvm::SmallVector<float> slopes;
  if (std::optional<llvm::ArrayRef<float>> given = op.getSlopes())
    for (float slope : *given)
      slopes.push_back(slope * times);
  else
    slopes = alibiSlopes(op.getHeads(), times, op.getMaximum().value_or(8.0f));
  for (float &slope : slopes) {
    if (!to)
      break;
    llvm::APFloat narrow(slope);
    bool lost;
    narrow.convert(*to == llm::RoundTo::f16 ? llvm::APFloat::IEEEhalf()
                                            : llvm::APFloat::BFloat(),
                   llvm::APFloat::rmNearestTiesToEven, &lost);
    narrow.convert(llvm::APFloat::IEEEsingle(),
                   llvm::APFloat::rmNearestTiesToEven, &lost);
    slope = narrow.convertToFloat();
  }
  return slopes;
}

llvm::SmallVector<float> alibiSlopes(int64_t heads, float times,
                                     float maximum) {
  int64_t power = 1;
  while (2 * power <= heads)
    power *= 2;
  llvm::SmallVector<float> slopes;
  for (int64_t h = 0; h < heads; ++h) {
    // Heads past the power of two take every second slope of the finer series.
    double exponent = h < power
                          ? -1.0 * maximum * (h + 1) / power
                          : -0.5 * maximum * (2 * (h - power) + 1) / power;
    slopes.push_back(static_cast<float>(std::exp2(exponent)) * times);
  }
  return slopes;
}

llvm::SmallVector<int32_t> distanceBuckets(int64_t buckets, int64_t maxDistance,
                                           bool bothWays) {
  int64_t half = bothWays ? buckets / 2 : buckets;
  int64_t exact = half / 2;
  float scale = static_cast<float>(
      std::log(static_cast<double>(maxDistance) / static_cast<double>(exact)));
  llvm::SmallVector<int32_t> table;
  for (int64_t key = -maxDistance; key <= maxDistance; ++key) {
    // `key` is the key's position minus the query's.
    int64_t base = bothWays && key > 0 ? half : 0;
    int64_t distance = bothWays ? std::abs(key) : std::max<int64_t>(-key, 0);
    int64_t bucket = distance;
    if (distance >= exact) {
      float place =
          std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
          scale * static_cast<float>(half - exact);
      bucket = std::min(exact + static_cast<int64_t>(place), half - 1);
    }
    table.push_back(static_cast<int32_t>(base + bucket));
  }
  return table;
}

} // namespace sluice::plan
