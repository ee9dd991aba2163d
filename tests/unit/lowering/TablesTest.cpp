// Tables against values worked out by hand from their definitions.
#include "compiler/lowering/Common.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace sluice::plan;
using testing::ElementsAre;
using testing::FloatEq;

namespace {

TEST(Alibi, PowerOfTwoHeads) {
  EXPECT_THAT(alibiSlopes(4, 1.0f),
              ElementsAre(0.25f, 0.0625f, 0.015625f, 0.00390625f));
  EXPECT_THAT(alibiSlopes(2, 0.5f), ElementsAre(0.03125f, 0.001953125f));
}

// Six heads: four slopes for 4 heads, then every second one of those for 8,
// which begin 2^-1, 2^-2, 2^-3.
TEST(Alibi, OtherHeads) {
  EXPECT_THAT(alibiSlopes(6, 1.0f), ElementsAre(0.25f, 0.0625f, 0.015625f,
                                                0.00390625f, 0.5f, 0.125f));
}

// Eight buckets one way: 0 to 3 exact, 4 to 7 on a log scale up to 16, so
// bucket 4 + floor(log2(d / 4) * 2): 4..5, 6..7 (rounded up from 5.66), 8..11,
// 12..16. Keys after the query share bucket 0.
TEST(Buckets, OneWay) {
  auto table = distanceBuckets(8, 16, false);
  ASSERT_EQ(table.size(), 33u);
  std::vector<int32_t> back(table.begin(), table.begin() + 17);
  EXPECT_THAT(back,
              ElementsAre(7, 7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 4, 4, 3, 2, 1, 0));
  for (size_t i = 17; i < table.size(); ++i)
    EXPECT_EQ(table[i], 0) << i;
}

// The upper half of the buckets is for keys after the query.
TEST(Buckets, BothWays) {
  auto table = distanceBuckets(8, 8, true);
  EXPECT_THAT(table,
              ElementsAre(3, 3, 3, 3, 3, 2, 2, 1, 0, 5, 6, 6, 7, 7, 7, 7, 7));
}

} // namespace
