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
                                      {"heads", 1},
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
                  {"heads", 1},
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

// Of three groups of a row each has choices of its own, at its own place.
TEST_F(RoutingTest, GroupsOfARowAreChosenFromByThemselves) {
  constexpr int64_t groups = 3, members = 7, best = 2;
  Rows<float> grouped = Rows<float>(rows, groups * members).random(5, 4);
  Rows<int32_t> at(rows, groups * best);
  Rows<float> values(rows, groups * best);
  Kernel::Call call = {.operands = {{"x", grouped}, {"idx", at}},
                       .dims = {{"experts", members},
                                {"top_k", best},
                                {"heads", groups},
                                {"x.stride", grouped.stride},
                                {"idx.stride", at.stride}},
                       .rows = rows};
  Kernel("top_k").results(call, at);
  call.operands["y"] = values;
  call.dims["y.stride"] = values.stride;
  Kernel("pick").results(call, values);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t g = 0; g < groups; ++g) {
      std::vector<float> sorted;
      for (int64_t m = 0; m < members; ++m)
        sorted.push_back(grouped.at(r, g * members + m));
      std::sort(sorted.rbegin(), sorted.rend());
      for (int64_t i = 0; i < best; ++i) {
        int32_t index = at.at(r, g * best + i);
        ASSERT_TRUE(index >= 0 && index < members);
        EXPECT_EQ(values.at(r, g * best + i), sorted[size_t(i)]);
        EXPECT_EQ(values.at(r, g * best + i),
                  grouped.at(r, g * members + index));
      }
    }
}

TEST_F(RoutingTest, ChosenIsOneAtTheIndicesAndZeroElsewhere) {
  topK(x);
  Rows<float> mask(rows, experts);
  Kernel("chosen").results({.operands = {{"idx", idx}, {"y", mask}},
                            .dims = {{"experts", experts},
                                     {"top_k", count},
                                     {"idx.stride", idx.stride},
                                     {"y.stride", mask.stride}},
                            .rows = rows},
                           mask);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t e = 0; e < experts; ++e) {
      bool chosen = false;
      for (int64_t i = 0; i < count; ++i)
        chosen |= idx.at(r, i) == e;
      EXPECT_EQ(mask.at(r, e), chosen ? 1.0f : 0.0f) << r << " " << e;
    }
}

} // namespace
