#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace sluice::testing;

namespace {

TEST(RopeTableTest, StaysExactAtFarPositions) {
  const int64_t rows = 6, n = 45;
  int32_t positions[rows] = {0, 1, 17, 4096, 131071, 10000000};
  Rows<int32_t> pos(rows, 1);
  Rows<float> freqs(1, n), y(rows, 2 * n);
  for (int64_t i = 0; i < n; ++i)
    freqs.at(0, i) = float(std::pow(10000.0, -double(i) / n));
  std::vector<float> expected;
  for (int64_t r = 0; r < rows; ++r) {
    pos.at(r, 0) = positions[r];
    for (int part = 0; part < 2; ++part)
      for (int64_t i = 0; i < n; ++i) {
        float angle = float(positions[r]) * freqs.at(0, i);
        float value =
            float(part ? std::sin(double(angle)) : std::cos(double(angle)));
        expected.push_back(value * 1.25f);
      }
  }
  for (const char *target : {"native", "x86-64-v3"}) {
    Kernel table("rope_table", "{amplitude = 1.25 : f32}", "", target);
    // One ulp: the f64 value may lie next to a rounding boundary.
    expectNear(
        table.results({.operands = {{"pos", pos}, {"freqs", freqs}, {"y", y}},
                       .dims = {{"N", n},
                                {"pos.stride", pos.stride},
                                {"y.stride", y.stride}},
                       .rows = rows},
                      y),
        expected, 1.2e-7);
  }
}

TEST(RopeTableTest, TakesFrequenciesOfEachRow) {
  const int64_t rows = 5, n = 19;
  Rows<int32_t> pos(rows, 1);
  Rows<float> freqs = Rows<float>(rows, n).random(3), y(rows, 2 * n);
  std::vector<float> expected;
  for (int64_t r = 0; r < rows; ++r) {
    pos.at(r, 0) = int32_t(1000 * r + 3);
    for (int part = 0; part < 2; ++part)
      for (int64_t i = 0; i < n; ++i) {
        double angle = float(pos.at(r, 0)) * freqs.at(r, i);
        expected.push_back(float(part ? std::sin(angle) : std::cos(angle)));
      }
  }
  Kernel table("rope_table", "{each}");
  expectNear(
      table.results({.operands = {{"pos", pos}, {"freqs", freqs}, {"y", y}},
                     .dims = {{"N", n},
                              {"pos.stride", pos.stride},
                              {"freqs.stride", freqs.stride},
                              {"y.stride", y.stride}},
                     .rows = rows},
                    y),
      expected, 1.2e-7);
}

TEST(FreqsNtkTest, IsRightToTheLastBit) {
  const float numbers[] = {1.0f, 1.0000001f, 1.4142135f, 1.4142137f, 3.0f,
                           7.0f, 129.3f,     65535.0f,   1e-3f};
  const int64_t rows = std::size(numbers), n = 75;
  Rows<float> x(rows, 1), y(rows, n);
  std::vector<float> expected;
  for (int64_t r = 0; r < rows; ++r) {
    x.at(r, 0) = numbers[r];
    double theta = 500000.0 * std::pow(double(numbers[r]), n / (n - 1.0));
    for (int64_t i = 0; i < n; ++i)
      expected.push_back(float(std::pow(theta, -double(i) / n)));
  }
  for (const char *target : {"native", "x86-64-v3"}) {
    Kernel freqs("freqs_ntk", "{theta = 500000.0 : f32}", "", target);
    auto results = freqs.results(
        {.operands = {{"x", x}, {"y", y}},
         .dims = {{"N", n}, {"x.stride", x.stride}, {"y.stride", y.stride}},
         .rows = rows},
        y);
    ASSERT_EQ(results.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_LE(std::abs(results[i] - expected[i]), expected[i] * 6e-8f)
          << "number " << i;
  }
}

struct Case {
  bool adjacent;
  int64_t from, rotary, width;
};

class RotateTest : public ::testing::TestWithParam<Case> {};

TEST_P(RotateTest, RotatesPairsAndCopiesTheRest) {
  const Case &c = GetParam();
  const int64_t rows = 4, heads = 3;
  Rows<float> x = Rows<float>(rows, heads * c.width).random(1);
  Rows<float> y(rows, heads * c.width);
  Rows<float> table = Rows<float>(rows, 2 * c.rotary).random(2);
  std::vector<float> expected = x.values();
  for (int64_t group = 0; group < rows * heads; ++group)
    for (int64_t i = 0; i < c.rotary; ++i) {
      float *base = &expected[group * c.width + c.from];
      float &first = base[c.adjacent ? 2 * i : i];
      float &second = base[c.adjacent ? 2 * i + 1 : i + c.rotary];
      float cosine = table.at(group / heads, i);
      float sine = table.at(group / heads, c.rotary + i);
      // Volatile: products are rounded before they are added.
      volatile float a = first * cosine, b = second * sine;
      volatile float d = first * sine, e = second * cosine;
      first = a - b;
      second = d + e;
    }
  Kernel rotate("rotate", std::string("{pairing = \"") +
                              (c.adjacent ? "adjacent" : "half") +
                              "\", from = " + std::to_string(c.from) + "}");
  Kernel::Call call = {.operands = {{"x", x}, {"table", table}, {"y", y}},
                       .dims = {{"heads", heads},
                                {"head_dim", c.width},
                                {"rotary", c.rotary},
                                {"x.stride", x.stride},
                                {"table.stride", table.stride},
                                {"y.stride", y.stride}},
                       .rows = rows};
  EXPECT_EQ(rotate.results(call, y), expected);
  call.operands["y"] = x;
  ASSERT_EQ(rotate.run(call), 0);
  EXPECT_EQ(x.values(), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RotateTest,
    ::testing::Values(Case{false, 0, 32, 64}, Case{false, 0, 45, 90},
                      Case{false, 8, 10, 40}, Case{true, 0, 32, 64},
                      Case{true, 0, 45, 90}, Case{true, 4, 9, 24},
                      Case{true, 0, 3, 6}));

} // namespace
