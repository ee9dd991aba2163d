// Rotary frequencies, slopes and buckets of any size against their formulas in
// long double.
#include "compiler/lowering/Common.h"

#include "mlir/Parser/Parser.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

using namespace sluice;
using namespace sluice::plan;

namespace {

constexpr long double pi = std::numbers::pi_v<long double>;

class Frequencies : public ::testing::Test {
protected:
  Frequencies() { context.loadDialect<llm::LLMDialect>(); }

  // The only op of this kind in the text.
  template <typename Op> Op parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return *module->getOps<Op>().begin();
  }
  static std::string rope(int64_t dims, const std::string &theta) {
    return "%f = llm.rope_freqs " + std::to_string(dims) + " theta " + theta +
           " : tensor<" + std::to_string(dims / 2) + "xf32>\n";
  }
  llvm::SmallVector<float> ropeOf(int64_t dims, const std::string &theta) {
    return ropeFrequencies(parse<llm::RopeFreqsOp>(rope(dims, theta)));
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

void expectNear(float found, long double expected, long double relative) {
  EXPECT_LE(std::abs(found - expected), relative * std::abs(expected))
      << found << ", expected " << double(expected);
}

TEST_F(Frequencies, AreFallingPowersOfTheta) {
  for (auto [dims, text, theta] :
       {std::tuple<int64_t, const char *, long double>{2, "10000.0", 1e4L},
        {6, "10000.0", 1e4L},
        {64, "500000.0", 5e5L},
        {128, "1000000.0", 1e6L},
        {80, "10.0", 10}}) {
    llvm::SmallVector<float> freqs = ropeOf(dims, text);
    ASSERT_EQ(int64_t(freqs.size()), dims / 2);
    EXPECT_EQ(freqs[0], 1.0f);
    for (int64_t i = 0; i < dims / 2; ++i)
      // An exponent in f32 has an error of 2^-24, theta^x that of ln theta x.
      expectNear(freqs[size_t(i)],
                 std::pow(theta, -2.0L * (long double)i / (long double)dims),
                 std::ldexp(4 + std::log(theta), -24));
  }
}

TEST_F(Frequencies, OfLlama3AreKeptMixedOrDivided) {
  llvm::SmallVector<float> freqs = ropeOf(128, "500000.0");
  auto op = parse<llm::FreqsLlama3Op>(
      rope(128, "500000.0") +
      "%y = llm.freqs_llama3 %f {factor = 8.0 : f32, low = 1.0 : f32, high = "
      "4.0 : f32, original = 8192 : i64} : tensor<64xf32>");
  llvm::SmallVector<float> scaled = llama3Frequencies(op, freqs);
  ASSERT_EQ(scaled.size(), freqs.size());
  int kept = 0, mixed = 0, divided = 0;
  for (size_t i = 0; i < freqs.size(); ++i) {
    long double f = freqs[i], turns = 8192 * f / (2 * pi);
    if (turns > 4) {
      EXPECT_EQ(scaled[i], freqs[i]) << i;
      ++kept;
    } else if (turns < 1) {
      EXPECT_EQ(scaled[i], freqs[i] / 8) << i;
      ++divided;
    } else {
      long double share = (turns - 1) / 3;
      expectNear(scaled[i], f * (share + (1 - share) / 8), 1e-6L);
      ++mixed;
    }
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(mixed, 1);
  EXPECT_GT(divided, 0);
  EXPECT_TRUE(std::is_sorted(scaled.rbegin(), scaled.rend()));
}

struct Yarn {
  int64_t dims, original;
  float factor, fast, slow;
  bool truncate;
};

class YarnTest : public Frequencies,
                 public ::testing::WithParamInterface<Yarn> {};

TEST_P(YarnTest, FrequenciesAreKeptMixedOrDivided) {
  const Yarn &y = GetParam();
  llvm::SmallVector<float> freqs = ropeOf(y.dims, "10000.0");
  auto op = parse<llm::FreqsYarnOp>(
      rope(y.dims, "10000.0") + "%y = llm.freqs_yarn %f {factor = " +
      std::to_string(y.factor) + " : f32, theta = 10000.0 : f32, original = " +
      std::to_string(y.original) + " : i64, fast = " + std::to_string(y.fast) +
      " : f32, slow = " + std::to_string(y.slow) +
      " : f32, truncate = " + (y.truncate ? "true" : "false") + "} : tensor<" +
      std::to_string(y.dims / 2) + "xf32>");
  llvm::SmallVector<float> scaled = yarnFrequencies(op, freqs);
  ASSERT_EQ(scaled.size(), freqs.size());
  // The channel that turns so many times in `original` positions.
  auto channel = [&](long double turns) {
    return (long double)y.dims *
           std::log((long double)y.original / (2 * pi * turns)) /
           (2 * std::log(1e4L));
  };
  long double low = channel(y.fast), high = channel(y.slow);
  if (y.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0L);
  high = std::min(high, (long double)y.dims - 1);
  ASSERT_LT(low, high);
  for (size_t i = 0; i < freqs.size(); ++i) {
    long double at = (long double)i, f = freqs[i];
    if (at <= low) {
      EXPECT_EQ(scaled[i], freqs[i]) << i;
    } else if (at >= high) {
      float period = std::pow(1e4f, float(2 * i) / float(y.dims));
      EXPECT_EQ(scaled[i], 1.0f / (float(y.factor) * period)) << i;
      expectNear(scaled[i], f / y.factor, 0x1p-22L);
    } else {
      long double ramp = (at - low) / (high - low);
      expectNear(scaled[i], f / y.factor * ramp + f * (1 - ramp), 2e-6L);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, YarnTest,
                         ::testing::Values(Yarn{64, 4096, 4, 32, 1, true},
                                           Yarn{64, 4096, 40, 32, 1, false},
                                           Yarn{128, 32768, 4, 32, 1, true},
                                           Yarn{64, 256, 8, 16, 2,
                                                false}, // low is cut off at 0
                                           Yarn{12, 8192, 2, 32, 1, true}));

class Slopes : public ::testing::TestWithParam<int64_t> {};

// Those of the largest power of two, and every second one of the next.
TEST_P(Slopes, AreTwoGeometricSeries) {
  int64_t heads = GetParam(), power = 1;
  while (2 * power <= heads)
    power *= 2;
  llvm::SmallVector<float> slopes = alibiSlopes(heads, 3);
  ASSERT_EQ(int64_t(slopes.size()), heads);
  for (int64_t h = 0; h < heads; ++h) {
    long double exponent =
        h < power ? -8.0L * (long double)(h + 1) / (long double)power
                  : -8.0L * (long double)(2 * (h - power) + 1) /
                        (long double)(2 * power);
    expectNear(slopes[size_t(h)], 3 * std::exp2(exponent), 0x1p-22L);
  }
  // No head looks like another.
  std::set<float> different(slopes.begin(), slopes.end());
  EXPECT_EQ(different.size(), slopes.size());
}

INSTANTIATE_TEST_SUITE_P(Heads, Slopes,
                         ::testing::Values(1, 2, 3, 7, 8, 12, 16, 20, 31, 32,
                                           33, 64, 71, 112));

struct Distances {
  int64_t buckets, most;
  bool bothWays;
};

class Buckets : public ::testing::TestWithParam<Distances> {
protected:
  int64_t at(int64_t key) const { return table[size_t(key + p.most)]; }

  Distances p = GetParam();
  int64_t half = p.bothWays ? p.buckets / 2 : p.buckets, exact = half / 2;
  llvm::SmallVector<int32_t> table =
      distanceBuckets(p.buckets, p.most, p.bothWays);
};

TEST_P(Buckets, HaveAnEntryForEveryDistance) {
  ASSERT_EQ(int64_t(table.size()), 2 * p.most + 1);
  for (int32_t bucket : table)
    EXPECT_TRUE(bucket >= 0 && bucket < p.buckets) << bucket;
}

TEST_P(Buckets, OfNearKeysAreTheirDistances) {
  for (int64_t d = 0; d < exact; ++d)
    EXPECT_EQ(at(-d), d);
}

TEST_P(Buckets, OfFarKeysGrowWithTheLogarithmOfTheDistance) {
  for (int64_t d = exact; d <= p.most; ++d) {
    long double place = std::log((long double)d / (long double)exact) /
                        std::log((long double)p.most / (long double)exact) *
                        (long double)(half - exact);
    if (std::abs(place - std::round(place)) < 1e-4L && d != exact)
      continue; // what lies on a limit goes with the rounding of f32
    EXPECT_EQ(at(-d), std::min(exact + int64_t(place), half - 1)) << d;
  }
  for (int64_t d = 1; d <= p.most; ++d)
    EXPECT_GE(at(-d), at(-d + 1)) << d;
  EXPECT_EQ(at(-p.most), half - 1);
}

TEST_P(Buckets, OfKeysAfterTheQueryAreTheUpperHalfOrTheFirst) {
  for (int64_t d = 1; d <= p.most; ++d)
    EXPECT_EQ(at(d), p.bothWays ? half + at(-d) : 0) << d;
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Buckets,
    ::testing::Values(Distances{32, 128, true}, Distances{32, 128, false},
                      Distances{8, 20, true}, Distances{2, 5, false},
                      Distances{4, 3, true}, Distances{10, 100, true},
                      Distances{6, 7, false}));

} // namespace
