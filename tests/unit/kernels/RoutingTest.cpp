#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace sluice::testing;

namespace {

constexpr int64_t rows = 5, experts = 90, count = 6;

class RoutingTest : public ::testing::Test {
protected:
  Rows<float> x = Rows<float>(rows, experts).random(1, 4);
  Rows<float> correction = Rows<float>(1, experts).random(2);
  Rows<float> scores{rows, experts}, weight{rows, count}, routed{rows, count};
  Rows<int32_t> idx{rows, count}, routedIdx{rows, count};

  void topK(Rows<float> &from) {
    Kernel("top_k").results({.operands = {{"x", from}, {"idx", idx}},
                             .dims = {{"experts", experts},
                                      {"top_k", count},
                                      {"x.stride", from.stride},
                                      {"idx.stride", idx.stride}},
                             .rows = rows},
                            idx);
  }
  void pick(Rows<float> &from) {
    Kernel("pick").results(
        {.operands = {{"x", from}, {"idx", idx}, {"y", weight}},
         .dims = {{"experts", from.columns},
                  {"top_k", count},
                  {"x.stride", from.stride},
                  {"idx.stride", idx.stride},
                  {"y.stride", weight.stride}},
         .rows = rows},
        weight);
  }
  // softmax or normalize, in place when from is to.
  void groups(const char *kind, Rows<float> &from, Rows<float> &to) {
    ASSERT_EQ(Kernel(kind).run({.operands = {{"x", from}, {"y", to}},
                                .dims = {{"N", from.columns},
                                         {"heads", 1},
                                         {"x.stride", from.stride},
                                         {"y.stride", to.stride}},
                                .rows = rows}),
              0);
  }
  void route(const std::string &attributes) {
    Kernel kernel("route", attributes);
    Kernel::Call call = {
        .operands = {{"x", x}, {"idx", routedIdx}, {"weight", routed}},
        .dims = {{"experts", experts},
                 {"top_k", count},
                 {"x.stride", x.stride},
                 {"idx.stride", routedIdx.stride},
                 {"weight.stride", routed.stride}},
        .rows = rows};
    if (kernel.hasInput("correction"))
      call.operands["correction"] = correction;
    kernel.results(call, routed);
    kernel.results(call, routedIdx);
  }
};

TEST_F(RoutingTest, TopKIsAStableSort) {
  x.at(0, 70) = x.at(0, 3) = x.at(0, 31) = 100; // ties
  x.at(1, 5) = INFINITY;
  for (int64_t e = 0; e < experts; ++e)
    x.at(2, e) = -INFINITY;
  topK(x);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int32_t> order(experts);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return std::pair(-x.at(row, a), a) < std::pair(-x.at(row, b), b);
    });
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(idx.at(row, i), order[i]) << row << " " << i;
  }
}

TEST_F(RoutingTest, TopKOfNaNsIsALegalIndex) {
  for (int64_t e = 0; e < experts; ++e)
    x.at(3, e) = NAN;
  topK(x);
  for (int64_t i = 0; i < count; ++i)
    EXPECT_TRUE(idx.at(3, i) >= 0 && idx.at(3, i) < experts);
}

TEST_F(RoutingTest, PickTakesTheChosen) {
  topK(x);
  pick(x);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(weight.at(row, i), x.at(row, idx.at(row, i)));
}

TEST_F(RoutingTest, RouteHasTheBitsOfItsParts) {
  groups("softmax", x, scores);
  topK(scores);
  pick(scores);
  groups("normalize", weight, weight);
  route(R"({score = "softmax", order = "score_first",
            normalize = 0.0 : f32})");
  EXPECT_EQ(routedIdx.values(), idx.values());
  EXPECT_EQ(routed.values(), weight.values());

  topK(x);
  pick(x);
  groups("softmax", weight, weight);
  route(R"({score = "softmax", order = "top_first"})");
  EXPECT_EQ(routedIdx.values(), idx.values());
  EXPECT_EQ(routed.values(), weight.values());
}

TEST_F(RoutingTest, CorrectionRanksButDoesNotWeigh) {
  route(R"({score = "sigmoid", order = "score_first", correction,
            scale = 2.5 : f32})");
  Rows<float> ranking(rows, experts);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t e = 0; e < experts; ++e)
      ranking.at(row, e) =
          1 / (1 + std::exp(-x.at(row, e))) + correction.at(0, e);
  topK(ranking);
  EXPECT_EQ(routedIdx.values(), idx.values());
  std::vector<float> expected;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < count; ++i)
      expected.push_back(2.5f /
                         (1 + std::exp(-x.at(row, routedIdx.at(row, i)))));
  expectNear(routed.values(), expected, 1e-6);
}

} // namespace
