#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace sluice::testing;

namespace {

// What a norm of one group should give, in f64.
struct Reference {
  std::string kind;
  double eps;
  bool epsInMax = false;

  std::vector<double> operator()(const float *x, int64_t n) const {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n && kind == "layer"; ++i)
      mean += x[i] / double(n);
    for (int64_t i = 0; i < n; ++i)
      squares += (x[i] - mean) * (x[i] - mean);
    double length = epsInMax       ? std::max(std::sqrt(squares), eps)
                    : kind == "l2" ? std::sqrt(squares + eps)
                                   : std::sqrt(squares / double(n) + eps);
    std::vector<double> y;
    for (int64_t i = 0; i < n; ++i)
      y.push_back((x[i] - mean) / length);
    return y;
  }
};

struct Case {
  std::string attributes;
  Reference reference;
  bool weight, bias, perHead;
  int64_t heads, width;
};

class NormTest : public ::testing::TestWithParam<Case> {};

TEST_P(NormTest, MatchesTheFormula) {
  const Case &c = GetParam();
  const int64_t rows = 5, columns = c.heads * c.width;
  Rows<float> x = Rows<float>(rows, columns).random(1, 3);
  Rows<float> y(rows, columns);
  int64_t parameters = c.perHead ? columns : c.width;
  Rows<float> w = Rows<float>(1, parameters).random(2);
  Rows<float> b = Rows<float>(1, parameters).random(3);
  std::vector<float> expected;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t head = 0; head < c.heads; ++head) {
      auto group = c.reference(&x.at(row, head * c.width), c.width);
      for (int64_t i = 0; i < c.width; ++i) {
        int64_t p = c.perHead ? head * c.width + i : i;
        double value = group[i] * (c.weight ? w.at(0, p) : 1.0f);
        expected.push_back(float(value + (c.bias ? b.at(0, p) : 0.0f)));
      }
    }

  for (const char *target : {"native", "x86-64-v3"}) {
    Kernel norm("norm", c.attributes, "", target);
    Kernel::Call call = {.operands = {{"x", x}, {"y", y}},
                         .dims = {{"N", c.width},
                                  {"heads", c.heads},
                                  {"x.stride", x.stride},
                                  {"y.stride", y.stride}},
                         .rows = rows};
    if (c.weight)
      call.operands["w"] = w;
    if (c.bias)
      call.operands["b"] = b;
    expectNear(norm.results(call, y), expected, 2e-6, 2e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, NormTest,
    ::testing::Values(
        Case{R"({kind = "rms", weight, eps = 1.0e-5 : f32})",
             {"rms", 1e-5},
             true,
             false,
             false,
             1,
             88},
        Case{R"({kind = "rms", eps = 1.0e-6 : f32})",
             {"rms", 1e-6},
             false,
             false,
             false,
             3,
             24},
        Case{R"({kind = "rms", weight, per_head_weight, eps = 1.0e-6 : f32})",
             {"rms", 1e-6},
             true,
             false,
             true,
             4,
             90},
        Case{R"({kind = "layer", weight, bias, eps = 1.0e-5 : f32})",
             {"layer", 1e-5},
             true,
             true,
             false,
             1,
             90},
        Case{R"({kind = "layer", eps = 1.0e-5 : f32})",
             {"layer", 1e-5},
             false,
             false,
             false,
             2,
             64},
        Case{R"({kind = "l2", eps = 1.0e-6 : f32})",
             {"l2", 1e-6},
             false,
             false,
             false,
             2,
             24},
        Case{R"({kind = "l2", eps_in = "max", eps = 0.5 : f32})",
             {"l2", 0.5, true},
             false,
             false,
             false,
             8,
             1}));

TEST(NormTest, WritesBf16RoundedFromTheSameValues) {
  Rows<float> x = Rows<float>(3, 90).random(1), y(3, 90);
  Rows<Bf16> narrow(3, 90);
  Kernel::Call call = {
      .operands = {{"x", x}, {"y", y}},
      .dims = {{"N", 90}, {"heads", 1}, {"x.stride", 96}, {"y.stride", 96}},
      .rows = 3};
  std::vector<float> wide =
      Kernel("norm", R"({kind = "rms", eps = 1.0e-5 : f32})").results(call, y);
  call.operands["y"] = narrow;
  for (const char *target : {"native", "x86-64-v3"}) {
    Kernel norm("norm", R"({kind = "rms", out = "bf16", eps = 1.0e-5 : f32})",
                "", target);
    std::vector<Bf16> values = norm.results(call, narrow);
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i].bits, Bf16(wide[i]).bits) << target << " " << i;
  }
}

TEST(NormTest, MayOverwriteItsInput) {
  Rows<float> x = Rows<float>(2, 88).random(1), y(2, 88);
  Kernel norm("norm", R"({kind = "layer", eps = 1.0e-5 : f32})");
  Kernel::Call call = {
      .operands = {{"x", x}, {"y", y}},
      .dims = {{"N", 88}, {"heads", 1}, {"x.stride", 96}, {"y.stride", 96}},
      .rows = 2};
  std::vector<float> expected = norm.results(call, y);
  call.operands["y"] = x;
  ASSERT_EQ(norm.run(call), 0);
  EXPECT_EQ(x.values(), expected);
}

} // namespace
