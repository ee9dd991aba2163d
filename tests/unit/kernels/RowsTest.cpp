#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

TEST(ConvertTest, RoundsToNearestEven) {
  Rows<float> x = Rows<float>(3, 90).random(1);
  x.at(0, 0) = 1.00390625f; // between 1 and 1.0078125: to even
  x.at(0, 1) = 1.01171875f;
  Rows<Bf16> y(3, 90);
  for (const char *target : {"native", "x86-64-v4", "x86-64-v3"}) {
    if (!runsHere(target))
      continue;
    Kernel convert("convert", "{}", "", target);
    std::vector<Bf16> values = convert.results(
        {.operands = {{"x", x}, {"y", y}},
         .dims = {{"N", 90}, {"x.stride", x.stride}, {"y.stride", y.stride}},
         .rows = 3},
        y);
    std::vector<float> expected = x.values();
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i].bits, Bf16(expected[i]).bits) << target << " " << i;
  }
}

// The place of element (n, c) of a packed matrix [N][columns].
int64_t packed(int64_t n, int64_t c, int64_t columns, bool pairs) {
  int64_t depth = pairs ? 32 : 16;
  int64_t padded = (columns + depth - 1) / depth * depth;
  int64_t panel = n / 64 * 64 * padded;
  return pairs ? panel + c / 2 * 128 + n % 64 * 2 + c % 2
               : panel + c * 64 + n % 64;
}

template <typename T> void checkEmbedding(const std::string &element) {
  // Wider than a tile, not a multiple of 16.
  const int64_t vocabulary = 130, width = 266, rows = 4;
  std::vector<T> dense(vocabulary * width), panels(192 * 288);
  for (int64_t n = 0; n < vocabulary; ++n)
    for (int64_t c = 0; c < width; ++c)
      panels[packed(n, c, width, sizeof(T) == 2)] = dense[n * width + c] =
          T(float(n) + float(c) / 1024);
  Rows<int32_t> ids(rows, 1);
  int32_t chosen[rows] = {129, 0, 64, 7};
  std::vector<float> expected;
  for (int64_t row = 0; row < rows; ++row) {
    ids.at(row, 0) = chosen[row];
    for (int64_t c = 0; c < width; ++c)
      expected.push_back(dense[chosen[row] * width + c]);
  }
  Rows<float> y(rows, width);
  for (bool panel : {false, true}) {
    Kernel embedding("embedding", "{weight = \"" + element + "\", layout = \"" +
                                      (panel ? "panel" : "rows") + "\"}");
    void *w = panel ? panels.data() : dense.data();
    EXPECT_EQ(embedding.results({.operands = {{"ids", ids}, {"w", w}, {"y", y}},
                                 .dims = {{"N", width},
                                          {"V", vocabulary},
                                          {"ids.stride", ids.stride},
                                          {"y.stride", y.stride}},
                                 .rows = rows},
                                y),
              expected)
        << element << " panel " << panel;
  }
}

TEST(EmbeddingTest, ReadsRowsAndPanels) {
  checkEmbedding<float>("f32");
  checkEmbedding<Bf16>("bf16");
}

class SequenceRows : public ::testing::Test {
protected:
  Batch batch{{3, 1, 2}, {1, 2, 5}};
  Rows<float> x = Rows<float>(6, 282).random(1), y{3, 282};
  Kernel::Call call = {
      .operands = {{"x", x}, {"y", y}},
      .dims = {{"N", 282}, {"x.stride", x.stride}, {"y.stride", y.stride}},
      .rows = 3,
      .batch = batch.get()};

  std::vector<float> rowsOf(const std::vector<int64_t> &rows) {
    std::vector<float> values;
    for (int64_t row : rows)
      values.insert(values.end(), &x.at(row, 0), &x.at(row, 0) + 282);
    return values;
  }
};

TEST_F(SequenceRows, GathersWantedFirstAndLast) {
  EXPECT_EQ(Kernel("gather_rows", "{which = \"wanted\"}").results(call, y),
            rowsOf({1, 2, 5}));
  EXPECT_EQ(Kernel("gather_rows", "{which = \"first\"}").results(call, y),
            rowsOf({0, 3, 4}));
  EXPECT_EQ(Kernel("gather_rows", "{which = \"last\"}").results(call, y),
            rowsOf({2, 3, 5}));
}

TEST_F(SequenceRows, Pools) {
  std::vector<float> mean, largest;
  int64_t starts[] = {0, 3, 4, 6};
  for (int64_t s = 0; s < 3; ++s)
    for (int64_t c = 0; c < 282; ++c) {
      float sum = 0, most = -INFINITY;
      for (int64_t row = starts[s]; row < starts[s + 1]; ++row) {
        sum += x.at(row, c);
        most = std::max(most, x.at(row, c));
      }
      mean.push_back(sum / float(starts[s + 1] - starts[s]));
      largest.push_back(most);
    }
  EXPECT_EQ(Kernel("pool_rows", "{by = \"mean\"}").results(call, y), mean);
  EXPECT_EQ(Kernel("pool_rows", "{by = \"max\"}").results(call, y), largest);
}

} // namespace
