#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

class GroupsTest : public ::testing::TestWithParam<int64_t> {
protected:
  const int64_t width = GetParam(), heads = 3, rows = 5;
  Rows<float> x = Rows<float>(rows, heads *width).random(1, 8);

  Kernel::Call call(Rows<float> &y) {
    return {.operands = {{"x", x}, {"y", y}},
            .dims = {{"N", width},
                     {"heads", heads},
                     {"x.stride", x.stride},
                     {"y.stride", y.stride}},
            .rows = rows};
  }
  // Calls body with each group, row by row.
  template <typename Body> void groups(Body body) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t head = 0; head < heads; ++head)
        body(&x.at(row, head * width));
  }
};

TEST_P(GroupsTest, Softmax) {
  std::vector<float> expected;
  groups([&](const float *group) {
    double most = *std::max_element(group, group + width), sum = 0;
    for (int64_t i = 0; i < width; ++i)
      sum += std::exp(group[i] - most);
    for (int64_t i = 0; i < width; ++i)
      expected.push_back(float(std::exp(group[i] - most) / sum));
  });
  Rows<float> y(rows, heads * width);
  Kernel softmax("softmax");
  std::vector<float> values = softmax.results(call(y), y);
  expectNear(values, expected, 1e-6, 1e-12);

  Kernel::Call inPlace = call(x);
  ASSERT_EQ(softmax.run(inPlace), 0);
  EXPECT_EQ(x.values(), values);
}

TEST_P(GroupsTest, LogSoftmax) {
  std::vector<float> expected;
  groups([&](const float *group) {
    double most = *std::max_element(group, group + width), sum = 0;
    for (int64_t i = 0; i < width; ++i)
      sum += std::exp(group[i] - most);
    for (int64_t i = 0; i < width; ++i)
      expected.push_back(float(group[i] - most - std::log(sum)));
  });
  Rows<float> y(rows, heads * width);
  Kernel kernel("log_softmax");
  std::vector<float> values = kernel.results(call(y), y);
  expectNear(values, expected, 1e-6, 1e-6);

  Kernel::Call inPlace = call(x);
  ASSERT_EQ(kernel.run(inPlace), 0);
  EXPECT_EQ(x.values(), values);
}

TEST_P(GroupsTest, SumAndNormalize) {
  std::vector<float> sums, shares;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t c = 0; c < heads * width; ++c)
      x.at(row, c) = std::fabs(x.at(row, c));
  groups([&](const float *group) {
    double sum = 0;
    for (int64_t i = 0; i < width; ++i)
      sum += group[i];
    sums.push_back(float(sum));
    for (int64_t i = 0; i < width; ++i)
      shares.push_back(float(group[i] / (sum + 0.25)));
  });
  Rows<float> total(rows, heads), y(rows, heads * width);
  expectNear(Kernel("sum").results(call(total), total), sums, 1e-6);
  expectNear(Kernel("normalize", "{eps = 0.25 : f32}").results(call(y), y),
             shares, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Widths, GroupsTest, ::testing::Values(1, 2, 24, 90));

TEST(SoftmaxTest, MaskedEntriesGetNothing) {
  Rows<float> x(1, 3), y(1, 3);
  x.at(0, 0) = 2, x.at(0, 1) = -INFINITY, x.at(0, 2) = 2;
  Kernel softmax("softmax");
  EXPECT_EQ(softmax.results({.operands = {{"x", x}, {"y", y}},
                             .dims = {{"N", 3},
                                      {"heads", 1},
                                      {"x.stride", 16},
                                      {"y.stride", 16}}},
                            y),
            (std::vector<float>{0.5f, 0, 0.5f}));
}

} // namespace
