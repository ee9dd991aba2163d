#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

constexpr int64_t rows = 3, width = 282, panels = (width + 63) / 64;

TEST(PostTest, GatesFromAlternatingPanels) {
  Rows<float> x = Rows<float>(rows, panels * 128).random(1, 6);
  Rows<float> bias = Rows<float>(1, panels * 128).random(2);
  Rows<float> residual = Rows<float>(rows, width).random(3), y(rows, width);
  std::vector<float> expected;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < width; ++c) {
      int64_t at = c / 64 * 128 + c % 64;
      double gate = std::min(x.at(r, at) + bias.at(0, at), 4.0f);
      double up = x.at(r, at + 64) + bias.at(0, at + 64);
      up = std::clamp(up, -3.0, 3.0) + 1;
      double value = gate / (1 + std::exp(-1.5 * gate)) * up;
      expected.push_back(float(value + residual.at(r, c)));
    }
  Kernel post("post", R"({bias, glu, act = "swish", beta = 1.5 : f32,
      gate_max = 4.0 : f32, up_limit = 3.0 : f32, up_add = 1.0 : f32,
      residual})");
  expectNear(post.results({.operands = {{"x", x},
                                        {"bias", bias},
                                        {"residual", residual},
                                        {"y", y}},
                           .dims = {{"N", width},
                                    {"x.stride", x.stride},
                                    {"residual.stride", residual.stride},
                                    {"y.stride", y.stride}},
                           .rows = rows},
                          y),
             expected, 2e-6, 2e-6);
}

TEST(PostTest, ScalesAndCaps) {
  Rows<float> x = Rows<float>(rows, width).random(1, 40), y(rows, width);
  std::vector<float> expected;
  for (float value : x.values())
    expected.push_back(float(30 * std::tanh(value * 0.5 / 30)));
  Kernel post("post", "{scale = 0.5 : f32, cap = 30.0 : f32}");
  Kernel::Call call = {
      .operands = {{"x", x}, {"y", y}},
      .dims = {{"N", width}, {"x.stride", x.stride}, {"y.stride", y.stride}},
      .rows = rows};
  std::vector<float> values = post.results(call, y);
  expectNear(values, expected, 1e-6, 1e-6);
  call.operands["y"] = x;
  ASSERT_EQ(post.run(call), 0);
  EXPECT_EQ(x.values(), values);
}

} // namespace
