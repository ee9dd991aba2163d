#include "compiler/pack/Blocks.h"

#include "compiler/checkpoint/DType.h"
#include "compiler/checkpoint/Message.h"

#include <algorithm>
#include <cmath>

namespace sluice::pack {

static bool fits(const float *values, int64_t count, float scale,
                 int8_t *numbers) {
  for (int64_t i = 0; i < count; ++i) {
    float number = std::nearbyint(values[i] / scale);
    if (!(number >= -128 && number <= 127) || number * scale != values[i])
      return false;
    numbers[i] = static_cast<int8_t>(number);
  }
  return true;
}

// The largest magnitude is one of 128 multiples of the scale; writers of such
// files make it 127, so that is tried first.
Result<Block> blockOf(format::Elem elem, const float *values) {
  const format::ElemInfo &info = format::infoOf(elem);
  float largest = 0;
  bool numbers = true; // max passes over what is none
  for (int64_t i = 0; i < info.group; ++i) {
    largest = std::max(largest, std::abs(values[i]));
    numbers &= !std::isnan(values[i]);
  }
  Block block;
  if (largest == 0 && numbers)
    return block;
  for (int steps = numbers ? 127 : -1; steps >= 0; --steps)
    for (float sign : {1.0f, -1.0f}) {
      float exact = sign * largest / static_cast<float>(steps ? steps : 128);
      block.scale = checkpoint::floatToF16(exact);
      float scale = checkpoint::f16ToFloat(block.scale);
      if (scale != 0 && std::isfinite(scale) &&
          fits(values, info.group, scale, block.numbers))
        return block;
    }
  return Status(Code::Unsupported,
                checkpoint::message("the values ", values[0], ", ", values[1],
                                    ", ... are no whole multiples of one f16, "
                                    "so they cannot be kept as ",
                                    info.name));
}

} // namespace sluice::pack
