#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace sluice::testing;

namespace {

// silu(a) * b + 2, with a comparison thrown in.
const char *const body = R"(
  func.func @body(%a: f32, %b: f32) -> f32 {
    %one = arith.constant 1.0 : f32
    %two = arith.constant 2.0 : f32
    %n = arith.negf %a : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %a, %d : f32
    %m = arith.mulf %s, %b : f32
    %y = arith.addf %m, %two : f32
    %big = arith.cmpf ogt, %a, %one : f32
    %z = arith.select %big, %y, %m : f32
    return %z : f32
  })";

float expectedOf(float a, float b) {
  double m = a / (std::exp(-double(a)) + 1) * b;
  return float(a > 1 ? m + 2 : m);
}

TEST(MapTest, BroadcastsRowsOuterAndInner) {
  const int64_t rows = 3, outer = 2, inner = 282;
  Rows<float> x = Rows<float>(rows, outer * inner).random(1, 4);
  Rows<float> y(rows, outer * inner);
  Rows<float> perRow = Rows<float>(rows, outer).random(2); // splat over inner
  Rows<float> constant = Rows<float>(1, inner).random(3);  // for all rows

  struct Second {
    Rows<float> &values;
    int64_t stride, outerStep, innerStep;
  };
  for (Second second :
       {Second{perRow, perRow.stride, 1, 0}, Second{constant, 0, 0, 1}}) {
    std::vector<float> expected;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < inner; ++i)
          expected.push_back(expectedOf(
              x.at(r, o * inner + i),
              second.values.data()[r * second.stride + o * second.outerStep +
                                   i * second.innerStep]));
    Kernel map("map",
               second.innerStep ? "{inputs = 2}"
                                : "{inputs = 2, splat = \"01\"}",
               body);
    expectNear(
        map.results({.operands = {{"x0", x}, {"x1", second.values}, {"y", y}},
                     .dims = {{"outer", outer},
                              {"inner", inner},
                              {"x0.stride", x.stride},
                              {"x0.outer", inner},
                              {"x1.stride", second.stride},
                              {"x1.outer", second.outerStep},
                              {"y.stride", y.stride},
                              {"y.outer", inner}},
                     .rows = rows},
                    y),
        expected, 1e-6, 1e-6);
  }
}

TEST(MapTest, AnEmptyBodyCopiesColumns) {
  Rows<float> x = Rows<float>(3, 90).random(1), y(3, 24);
  Kernel copy("map", "{inputs = 1}",
              "func.func @body(%a: f32) -> f32 { return %a : f32 }");
  // Two groups of 12 columns, taken from columns 5 and 50 on.
  std::vector<float> values =
      copy.results({.operands = {{"x0", &x.at(0, 5)}, {"y", y}},
                    .dims = {{"outer", 2},
                             {"inner", 12},
                             {"x0.stride", x.stride},
                             {"x0.outer", 45},
                             {"y.stride", y.stride},
                             {"y.outer", 12}},
                    .rows = 3},
                   y);
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < 24; ++c)
      ASSERT_EQ(values[r * 24 + c], x.at(r, 5 + c / 12 * 45 + c % 12));
}

} // namespace
