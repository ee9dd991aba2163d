// The shift against plain loops that hold every row of a sequence.
#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace sluice::testing;

namespace {

constexpr int64_t kSlots = 5;

class ShiftTest : public ::testing::TestWithParam<int64_t> {
protected:
  Rows<float> started() {
    return Rows<float>(kSlots, GetParam()).fill([](int64_t slot, int64_t c) {
      return float(1000 * slot + c);
    });
  }

  std::vector<float> run(Rows<float> &x, Rows<float> &state, const Batch &batch,
                         int workers = 1) {
    Rows<float> y(x.rows, x.columns);
    EXPECT_EQ(kernel.run({.operands = {{"x", x}, {"y", y}, {"state", state}},
                          .dims = {{"N", x.columns},
                                   {"x.stride", x.stride},
                                   {"y.stride", y.stride}},
                          .rows = x.rows,
                          .workers = workers,
                          .batch = batch.get()}),
              0);
    EXPECT_TRUE(y.paddingIsUntouched());
    EXPECT_TRUE(state.paddingIsUntouched());
    return y.values();
  }

  Kernel kernel{"shift", "{}"};
};

TEST_P(ShiftTest, GivesTheRowBeforeAndKeepsTheLast) {
  std::vector<int32_t> counts = {3, 1, 9};
  std::vector<int32_t> slots = {3, 0, 2};
  Batch batch(counts);
  std::copy(slots.begin(), slots.end(), batch.slot.begin());
  Rows<float> x = Rows<float>(batch.tokens(), GetParam()).random(1);
  Rows<float> before = started();
  for (int workers : {1, 2, 3, 16}) {
    Rows<float> state = started();
    std::vector<float> y = run(x, state, batch, workers);
    for (size_t s = 0; s < counts.size(); ++s)
      for (int64_t t = 0; t < counts[s]; ++t)
        for (int64_t c = 0; c < GetParam(); ++c) {
          int64_t row = batch.first[s] + t;
          ASSERT_EQ(y[size_t(row * GetParam() + c)],
                    t ? x.at(row - 1, c) : before.at(slots[s], c))
              << "sequence " << s << " row " << t << " column " << c;
        }
    for (int64_t slot = 0; slot < kSlots; ++slot)
      for (int64_t c = 0; c < GetParam(); ++c) {
        auto at = std::find(slots.begin(), slots.end(), slot);
        float expected = before.at(slot, c);
        if (at != slots.end())
          expected = x.at(batch.first[size_t(at - slots.begin()) + 1] - 1, c);
        ASSERT_EQ(state.at(slot, c), expected) << slot << " " << c;
      }
  }
}

TEST_P(ShiftTest, ChunksGiveTheRowsAndTheStateOfTheWhole) {
  Rows<float> x = Rows<float>(11, GetParam()).random(2);
  Rows<float> state = started();
  Batch whole({11});
  std::vector<float> expected = run(x, state, whole), found;
  Rows<float> other = started();
  int64_t done = 0;
  for (int32_t count : {1, 4, 1, 5}) {
    Rows<float> part =
        Rows<float>(count, GetParam()).fill([&](int64_t r, int64_t c) {
          return x.at(done + r, c);
        });
    Batch batch({count});
    std::vector<float> values = run(part, other, batch);
    found.insert(found.end(), values.begin(), values.end());
    done += count;
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(other.values(), state.values());
}

// Less than a vector, whole ones, one column more.
INSTANTIATE_TEST_SUITE_P(Widths, ShiftTest,
                         ::testing::Values(1, 15, 16, 17, 48, 90));

} // namespace
