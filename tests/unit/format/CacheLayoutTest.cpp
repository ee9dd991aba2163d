#include "runtime/format/CacheLayout.h"

#include <gtest/gtest.h>

#include <utility>

using namespace sluice::format;

namespace {

int64_t bytesOf(int64_t heads, int64_t keyWidth, int64_t valueWidth) {
  const NamedShape fields[] = {{"k", {heads, keyWidth}},
                               {"v", {heads, valueWidth}}};
  return cacheBlockBytes(fields);
}

TEST(CacheLayout, ValuesAreRoundedUpTo16ColumnsAndKeysAreNot) {
  for (auto [width, padded] : {std::pair<int64_t, int64_t>{1, 16},
                               {15, 16},
                               {16, 16},
                               {17, 32},
                               {64, 64},
                               {65, 80},
                               {128, 128}}) {
    CacheLayout<int64_t> layout{width, width};
    EXPECT_EQ(layout.paddedValueWidth(), padded) << width;
    EXPECT_EQ(layout.keyElements(), width * 128) << width;
    EXPECT_EQ(layout.headElements(), (width + padded) * 128) << width;
  }
}

TEST(CacheLayout, ABlockIsItsHeadsOneAfterTheOther) {
  for (int64_t heads : {1, 3, 8})
    for (int64_t keyWidth : {4, 24, 72})
      for (int64_t valueWidth : {5, 48, 80}) {
        CacheLayout<int64_t> layout{keyWidth, valueWidth};
        EXPECT_EQ(bytesOf(heads, keyWidth, valueWidth),
                  heads * layout.headElements() * 4)
            << heads << " " << keyWidth << " " << valueWidth;
      }
}

TEST(CacheLayout, OnlyTheFieldOfValuesIsPadded) {
  const NamedShape other[] = {{"latent", {2, 5}}};
  EXPECT_EQ(cacheBlockBytes(other), 2 * 5 * 128 * 4);
  const NamedShape values[] = {{"v", {2, 5}}};
  EXPECT_EQ(cacheBlockBytes(values), 2 * 16 * 128 * 4);
  EXPECT_EQ(cacheBlockBytes({}), 0);
}

TEST(CacheLayout, KeysAloneAreRowsOfWholeVectors) {
  for (int64_t width : {1, 16, 40, 576}) {
    const NamedShape keys[] = {{"k", {2, width}}};
    KeyRows<int64_t> rows{width};
    EXPECT_EQ(rows.stride(), (width + 15) / 16 * 16) << width;
    EXPECT_EQ(rows.headElements(), rows.stride() * 128) << width;
    EXPECT_EQ(cacheBlockBytes(keys), 2 * rows.headElements() * 4) << width;
  }
}

// Heads of keys and of values need not be of one number.
TEST(CacheLayout, EveryFieldCountsItsOwnHeads) {
  const NamedShape fields[] = {{"k", {4, 3}}, {"v", {2, 3}}};
  EXPECT_EQ(cacheBlockBytes(fields), (4 * 3 + 2 * 16) * 128 * 4);
}

TEST(CacheLayout, BlocksAreWholeLinesOfTheMemory) {
  for (int64_t width = 1; width < 40; ++width)
    EXPECT_EQ(bytesOf(1, width, width) % 64, 0) << width;
}

TEST(CacheLayout, SizesStopAt2To62) {
  constexpr int64_t most = INT32_MAX;
  EXPECT_EQ(bytesOf(most, most, most), int64_t(1) << 62);
  EXPECT_EQ(bytesOf(0, most, most), 0);
  EXPECT_LT(bytesOf(1, most, most), int64_t(1) << 62);
}

} // namespace
