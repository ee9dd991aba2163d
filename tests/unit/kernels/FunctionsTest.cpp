// The functions of compiled code against long double, on sweeps and at edges.
#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace sluice::testing;

namespace {

using Real = long double;
constexpr float infinity = std::numeric_limits<float>::infinity();

// fn(x) for each x, as the epilogue of a product computes it.
std::vector<float> compute(const std::string &fn, const std::vector<float> &xs,
                           const std::string &target = "native") {
  int64_t count = static_cast<int64_t>(xs.size());
  Rows<float> x = Rows<float>(1, count).fill(
      [&](int64_t, int64_t c) { return xs[size_t(c)]; });
  Rows<float> y(1, count);
  Kernel post("post", "{act = \"" + fn + "\"}", "", target);
  EXPECT_EQ(post.run({.operands = {{"x", x}, {"y", y}},
                      .dims = {{"N", count},
                               {"x.stride", x.stride},
                               {"y.stride", y.stride}}}),
            0);
  return y.values();
}

float valueAt(const std::string &fn, float x) { return compute(fn, {x})[0]; }

struct Function {
  const char *word;
  Real (*of)(Real);
  float from, to;
  Real ulps;     // of the result
  Real absolute; // and what may be lost where it is near 0
};

void PrintTo(const Function &f, std::ostream *out) { *out << f.word; }

// Evenly over the range, and close to 0 in every order of magnitude.
std::vector<float> sweep(float from, float to) {
  std::vector<float> xs;
  constexpr int count = 20011;
  for (int i = 0; i <= count; ++i)
    xs.push_back(from + (to - from) * (float(i) / count));
  for (int exponent = -30; exponent < 5; ++exponent)
    for (float mantissa : {1.0f, 1.1875f, 1.53125f, 1.99999988f})
      for (float sign : {1.0f, -1.0f})
        if (float x = sign * std::ldexp(mantissa, exponent);
            x >= from && x <= to)
          xs.push_back(x);
  return xs;
}

class Functions : public ::testing::TestWithParam<Function> {};

TEST_P(Functions, AreNearWhatTheyStandFor) {
  const Function &f = GetParam();
  std::vector<float> xs = sweep(f.from, f.to);
  std::vector<float> found = compute(f.word, xs);
  Real worst = 0;
  for (size_t i = 0; i < xs.size(); ++i) {
    Real expected = f.of(xs[i]);
    Real error = std::abs(found[i] - expected);
    Real limit = f.ulps * std::ldexp(std::abs(expected), -23) + f.absolute;
    ASSERT_LE(error, limit) << f.word << "(" << xs[i] << ") is " << found[i]
                            << ", expected " << double(expected);
    worst = std::max(worst, error / std::ldexp(std::abs(expected), -23));
  }
  RecordProperty("worst_ulps", std::to_string(double(worst)));
}

TEST_P(Functions, HaveTheSameBitsOnEveryTarget) {
  const Function &f = GetParam();
  std::vector<float> xs = sweep(f.from, f.to);
  std::vector<float> expected = compute(f.word, xs, "x86-64-v3");
  for (const char *target : {"x86-64-v4", "native"})
    if (runsHere(target)) {
      EXPECT_EQ(compute(f.word, xs, target), expected) << target;
    }
}

Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }

INSTANTIATE_TEST_SUITE_P(
    Words, Functions,
    ::testing::Values(
        Function{"exp", [](Real x) { return std::exp(x); }, -87, 88, 1, 0},
        Function{"log", [](Real x) { return std::log(x); }, 1e-30f, 1e6f, 1, 0},
        Function{"log1p", [](Real x) { return std::log1p(x); }, -0.999f, 1e4f,
                 2, 0},
        Function{"sqrt", [](Real x) { return std::sqrt(x); }, 0, 1e6f, 0.5001L,
                 0},
        Function{"tanh", [](Real x) { return std::tanh(x); }, -12, 12, 3, 0},
        Function{"sigmoid", sigmoid, -80, 80, 2, 0},
        Function{"silu", [](Real x) { return x * sigmoid(x); }, -80, 80, 2, 0},
        Function{"swish", [](Real x) { return x * sigmoid(x); }, -80, 80, 2, 0},
        Function{
            "gelu_erf",
            [](Real x) { return x / 2 * std::erfc(-x / std::sqrt(Real(2))); },
            -8, 8, 8, 1e-6L},
        Function{"gelu_tanh",
                 [](Real x) {
                   Real inner = std::sqrt(2 / std::acos(Real(-1))) *
                                (x + 0.044715L * x * x * x);
                   return x / 2 * (1 + std::tanh(inner));
                 },
                 -8, 8, 8, 1e-6L},
        Function{"softplus", [](Real x) { return std::log1p(std::exp(x)); },
                 -80, 80, 2, 0},
        Function{"relu", [](Real x) { return std::max<Real>(x, 0); }, -50, 50,
                 0, 0},
        Function{
            "relu2",
            [](Real x) { return std::max<Real>(x, 0) * std::max<Real>(x, 0); },
            -50, 50, 0.5001L, 0},
        Function{"floor", [](Real x) { return std::floor(x); }, -1e4f, 1e4f, 0,
                 0},
        Function{"neg", [](Real x) { return -x; }, -1e4f, 1e4f, 0, 0}));

struct Edge {
  const char *word;
  float x, y;
};

void PrintTo(const Edge &e, std::ostream *out) {
  *out << e.word << "(" << e.x << ")";
}

class Edges : public ::testing::TestWithParam<Edge> {};

TEST_P(Edges, AreExact) {
  float found = valueAt(GetParam().word, GetParam().x);
  if (std::isnan(GetParam().y))
    EXPECT_TRUE(std::isnan(found)) << found;
  else
    EXPECT_EQ(found, GetParam().y);
}

INSTANTIATE_TEST_SUITE_P(
    Values, Edges,
    ::testing::Values(
        Edge{"exp", 0, 1}, Edge{"exp", 89, infinity},
        Edge{"exp", infinity, infinity}, Edge{"exp", -infinity, 0},
        Edge{"exp", -200, 0}, Edge{"exp", NAN, NAN}, Edge{"log", 1, 0},
        Edge{"log", 0, -infinity}, Edge{"log", -1, NAN},
        Edge{"log", infinity, infinity}, Edge{"log", NAN, NAN},
        Edge{"log1p", 0, 0}, Edge{"log1p", -1, -infinity},
        Edge{"log1p", -2, NAN}, Edge{"log1p", infinity, infinity},
        Edge{"log1p", 1e-20f, 1e-20f}, Edge{"log1p", -1e-20f, -1e-20f},
        Edge{"sqrt", 0, 0}, Edge{"sqrt", -1, NAN},
        Edge{"sqrt", infinity, infinity}, Edge{"tanh", 0, 0},
        Edge{"tanh", infinity, 1}, Edge{"tanh", -infinity, -1},
        Edge{"tanh", 30, 1}, Edge{"tanh", -30, -1},
        Edge{"tanh", 1e-20f, 1e-20f}, Edge{"tanh", NAN, NAN},
        Edge{"sigmoid", 0, 0.5f}, Edge{"sigmoid", infinity, 1},
        Edge{"sigmoid", -infinity, 0}, Edge{"sigmoid", 200, 1},
        Edge{"sigmoid", -200, 0}, Edge{"silu", 0, 0}, Edge{"silu", 100, 100},
        Edge{"silu", infinity, infinity}, Edge{"silu", NAN, NAN},
        Edge{"gelu_erf", 0, 0}, Edge{"gelu_erf", 30, 30},
        Edge{"gelu_erf", infinity, infinity}, Edge{"gelu_tanh", 0, 0},
        Edge{"gelu_tanh", 30, 30}, Edge{"gelu_tanh", infinity, infinity},
        Edge{"softplus", 200, 200}, Edge{"softplus", -200, 0},
        Edge{"softplus", infinity, infinity}, Edge{"softplus", -infinity, 0},
        Edge{"relu", -infinity, 0}, Edge{"relu", infinity, infinity},
        Edge{"floor", -0.5f, -1}, Edge{"floor", 8388608.5f, 8388608},
        Edge{"floor", -1e30f, -1e30f}, Edge{"floor", infinity, infinity}));

// No rounding makes a result leave the range of its function.
TEST(FunctionRanges, AreKept) {
  std::vector<float> xs = sweep(-100, 100);
  for (float y : compute("tanh", xs))
    ASSERT_TRUE(y >= -1 && y <= 1) << y;
  for (float y : compute("sigmoid", xs))
    ASSERT_TRUE(y >= 0 && y <= 1) << y;
  for (float y : compute("exp", xs))
    ASSERT_GE(y, 0);
  for (float y : compute("softplus", xs))
    ASSERT_GE(y, 0);
}

TEST(FunctionSymmetry, OddFunctionsAreOddToTheBit) {
  std::vector<float> xs = sweep(0, 20), mirrored = xs;
  for (float &x : mirrored)
    x = -x;
  std::vector<float> right = compute("tanh", xs),
                     left = compute("tanh", mirrored);
  for (size_t i = 0; i < xs.size(); ++i)
    ASSERT_EQ(left[i], -right[i]) << xs[i];
}

} // namespace
