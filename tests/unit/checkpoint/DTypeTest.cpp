#include "compiler/checkpoint/Checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

using namespace sluice::checkpoint;

namespace {

TEST(DType, EveryF16SurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = f16ToFloat(uint16_t(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(f16ToFloat(floatToF16(value)))) << bits;
    else
      EXPECT_EQ(floatToF16(value), bits);
  }
}

TEST(DType, F16RoundsToNearestEven) {
  EXPECT_EQ(floatToF16(1.0f + 0x1p-11f), 0x3c00);     // a tie, down
  EXPECT_EQ(floatToF16(1.0f + 3 * 0x1p-11f), 0x3c02); // a tie, up
  EXPECT_EQ(floatToF16(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01);
  EXPECT_EQ(floatToF16(65519.0f), 0x7bff);
  EXPECT_EQ(floatToF16(65520.0f), 0x7c00); // infinity
  EXPECT_EQ(floatToF16(0x1p-25f), 0x0000); // half the smallest: a tie, down
  EXPECT_EQ(floatToF16(-3 * 0x1p-25f), 0x8002);
}

TEST(DType, Bf16RoundsToNearestEven) {
  EXPECT_EQ(floatToBf16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(floatToBf16(1.0f + 3 * 0x1p-8f), 0x3f82);
  EXPECT_EQ(floatToBf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBf16(-0.0f), 0x8000);
  // A NaN whose payload lies in the dropped half must not become infinity.
  EXPECT_TRUE(
      std::isnan(bf16ToFloat(floatToBf16(std::bit_cast<float>(0x7f800001)))));
}

TEST(DType, PlainTypes) {
  float out[2];
  double doubles[] = {0.1, -1e300};
  ASSERT_TRUE(
      toFloat(DType::F64, reinterpret_cast<uint8_t *>(doubles), 2, out));
  EXPECT_EQ(out[0], 0.1f);
  EXPECT_EQ(out[1], -std::numeric_limits<float>::infinity());
  uint8_t e4m3[] = {0x7e, 0x81}; // the largest; minus the smallest
  ASSERT_TRUE(toFloat(DType::F8_E4M3, e4m3, 2, out));
  EXPECT_EQ(out[0], 448.0f);
  EXPECT_EQ(out[1], -0x1p-9f);
  uint8_t e5m2[] = {0x7b, 0x01};
  ASSERT_TRUE(toFloat(DType::F8_E5M2, e5m2, 2, out));
  EXPECT_EQ(out[0], 57344.0f);
  EXPECT_EQ(out[1], 0x1p-16f);
  EXPECT_FALSE(isReadable(DType::IQ2_XS));
  EXPECT_FALSE(isReadable(DType::F8_E8M0));
}

class Quantised : public testing::TestWithParam<std::string> {};

// The blocks and their values come from another implementation.
TEST_P(Quantised, EqualsTheReferenceBitByBit) {
  auto checkpoint = Checkpoint::open(SLUICE_GGUF_VECTORS);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const TensorInfo *blocks = checkpoint->find(GetParam());
  const TensorInfo *values = checkpoint->find(GetParam() + ".f32");
  ASSERT_TRUE(blocks && values);
  EXPECT_EQ(dtypeName(blocks->dtype), GetParam());
  ASSERT_EQ(blocks->shape, values->shape);
  std::vector<float> found(blocks->elements()), expected(found.size());
  ASSERT_TRUE(
      checkpoint->readRows(*values, 0, values->rows(), expected.data()).ok());
  // Row by row, so that offsets of rows are exercised too.
  for (int64_t row = 0; row < blocks->rows(); ++row)
    ASSERT_TRUE(
        checkpoint
            ->readRows(*blocks, row, 1, found.data() + row * blocks->columns())
            .ok());
  // The other implementation's table of four-bit floats has no negative zero.
  if (GetParam() == "MXFP4")
    for (float &value : found)
      value = value == 0 ? 0 : value;
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(found[i]),
              std::bit_cast<uint32_t>(expected[i]))
        << "value " << i << ": " << found[i] << " instead of " << expected[i];
  // A range that begins and ends inside of blocks.
  std::vector<float> part(found.size() - 5);
  ASSERT_TRUE(
      checkpoint->readElements(*blocks, 3, part.size(), part.data()).ok());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), found.begin() + 3));
}

INSTANTIATE_TEST_SUITE_P(Types, Quantised,
                         testing::Values("F16", "BF16", "Q4_0", "Q4_1", "Q5_0",
                                         "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K",
                                         "MXFP4"),
                         [](const auto &info) { return info.param; });

} // namespace
