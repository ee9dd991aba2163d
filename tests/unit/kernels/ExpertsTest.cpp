#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <numeric>

using namespace sluice::testing;

namespace {

constexpr int64_t tokens = 7, experts = 5, topK = 3, width = 282;

// Tokens that chose among the experts 0, 1, 2 and 4; expert 3 stays empty.
class ExpertsTest : public ::testing::Test {
protected:
  Rows<int32_t> idx =
      Rows<int32_t>(tokens, topK).fill([](int64_t t, int64_t i) {
        static const int32_t choices[][3] = {{4, 0, 1}, {0, 2, 4}, {1, 2, 0}};
        return choices[t % 3][i];
      });
  Rows<int32_t> offsets{1, experts + 1}, pairs{1, tokens * topK},
      position{1, tokens * topK};
  Rows<float> weight = Rows<float>(tokens, topK).random(1);

  void group() {
    Kernel("group").results({.operands = {{"idx", idx},
                                          {"offsets", offsets},
                                          {"pairs", pairs},
                                          {"position", position}},
                             .dims = {{"experts", experts},
                                      {"top_k", topK},
                                      {"idx.stride", idx.stride}},
                             .rows = tokens},
                            pairs);
  }
};

TEST_F(ExpertsTest, GroupSortsPairsStably) {
  group();
  std::vector<int32_t> order(tokens * topK);
  std::iota(order.begin(), order.end(), 0);
  auto expertOf = [&](int32_t p) { return idx.at(p / topK, p % topK); };
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(expertOf(a), a) < std::pair(expertOf(b), b);
  });
  EXPECT_EQ(pairs.values(), order);
  for (int64_t place = 0; place < tokens * topK; ++place)
    EXPECT_EQ(position.at(0, order[place]), place);
  for (int32_t e = 0; e <= experts; ++e)
    EXPECT_EQ(offsets.at(0, e),
              std::count_if(order.begin(), order.end(),
                            [&](int32_t p) { return expertOf(p) < e; }));
}

TEST_F(ExpertsTest, GatherPairsRepeatsRowsInSortedOrder) {
  group();
  Rows<float> x = Rows<float>(tokens, width).random(2);
  Rows<float> y(tokens * topK, width);
  for (bool scale : {false, true}) {
    std::vector<float> expected;
    for (int32_t p : pairs.values())
      for (int64_t c = 0; c < width; ++c)
        expected.push_back(x.at(p / topK, c) *
                           (scale ? weight.at(p / topK, p % topK) : 1.0f));
    Kernel gather("gather_pairs", scale ? "{scale}" : "{}");
    Kernel::Call call = {.operands = {{"x", x}, {"pairs", pairs}, {"y", y}},
                         .dims = {{"N", width},
                                  {"top_k", topK},
                                  {"x.stride", x.stride},
                                  {"y.stride", y.stride}},
                         .rows = tokens * topK};
    if (scale) {
      call.operands["weight"] = weight;
      call.dims["weight.stride"] = weight.stride;
    }
    EXPECT_EQ(gather.results(call, y), expected);
  }
}

TEST_F(ExpertsTest, CombineAddsInTheOrderOfTheChoice) {
  group();
  Rows<float> x = Rows<float>(tokens * topK, width).random(3);
  Rows<float> residual = Rows<float>(tokens, width).random(4);
  Rows<float> y(tokens, width);
  for (bool full : {false, true}) {
    std::vector<float> expected;
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t c = 0; c < width; ++c) {
        volatile float sum = 0;
        for (int64_t i = 0; i < topK; ++i) {
          float value = x.at(position.at(0, t * topK + i), c);
          volatile float term = full ? weight.at(t, i) * value : value;
          sum = i == 0 ? float(term) : sum + term;
        }
        expected.push_back(full ? sum + residual.at(t, c) : float(sum));
      }
    Kernel combine("combine", full ? "{weight, residual}" : "{}");
    Kernel::Call call = {
        .operands = {{"x", x}, {"position", position}, {"y", y}},
        .dims = {{"N", width},
                 {"top_k", topK},
                 {"x.stride", x.stride},
                 {"y.stride", y.stride}},
        .rows = tokens};
    if (full) {
      call.operands["weight"] = weight;
      call.dims["weight.stride"] = weight.stride;
      call.operands["residual"] = residual;
      call.dims["residual.stride"] = residual.stride;
    }
    EXPECT_EQ(combine.results(call, y), expected);
  }
}

} // namespace
