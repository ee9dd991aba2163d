// Ops against formulas that the test writes down by itself, on numbers that no
// one would work out by hand.
#include "Fixture.h"

#include "compiler/evaluate/Difference.h"

using namespace mlir;
using testing::FloatNear;
using testing::Pointwise;

namespace sluice::evaluate {
namespace {

using Numbers = std::vector<float>;

// Sixteen numbers between -2 and 2, no two alike.
Numbers some(size_t count, double step = 0.7) {
  Numbers out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(float(2 * std::sin(step * double(i) + 0.3)));
  return out;
}

struct Function {
  const char *text;
  double (*of)(double);
};

void PrintTo(const Function &f, std::ostream *out) { *out << f.text; }

class OneNumber : public Fixture,
                  public testing::WithParamInterface<Function> {};

TEST_P(OneNumber, IsGivenByItsFormula) {
  weights["x"] = {-1.75f, -0.25f, 0.5f, 3.0f};
  parse(4, std::string("%y = llm.") + GetParam().text + " : tensor<?x4xf32>",
        "tensor<?x4xf32>");
  Numbers found = run("0");
  ASSERT_EQ(found.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    double expected = GetParam().of(weights["x"][i]);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found[i])) << i;
    else
      EXPECT_FLOAT_EQ(found[i], float(expected)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Words, OneNumber,
    testing::Values(
        Function{"act silu %x",
                 [](double x) { return x / (1 + std::exp(-x)); }},
        Function{"act swish %x beta 0.5",
                 [](double x) { return x / (1 + std::exp(-x / 2)); }},
        Function{"act gelu_erf %x",
                 [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2)); }},
        Function{"act gelu_tanh %x",
                 [](double x) {
                   double u = std::sqrt(2 / std::acos(-1.0)) *
                              (x + 0.044715 * x * x * x);
                   return x / (1 + std::exp(-2 * u));
                 }},
        Function{"act relu %x", [](double x) { return x > 0 ? x : 0; }},
        Function{"act relu2 %x", [](double x) { return x > 0 ? x * x : 0; }},
        Function{"act sigmoid %x",
                 [](double x) { return 1 / (1 + std::exp(-x)); }},
        Function{"act tanh %x", [](double x) { return std::tanh(x); }},
        Function{"act softplus %x",
                 [](double x) { return std::log(1 + std::exp(x)); }},
        Function{"act exp %x", [](double x) { return std::exp(x); }},
        Function{"act log %x", [](double x) { return std::log(x); }},
        Function{"act log1p %x", [](double x) { return std::log(1 + x); }},
        Function{"act floor %x", [](double x) { return std::floor(x); }},
        Function{"act sqrt %x", [](double x) { return std::sqrt(x); }},
        Function{"clamp %x low -0.5",
                 [](double x) { return x < -0.5 ? -0.5 : x; }},
        Function{"clamp %x high 0.25",
                 [](double x) { return x > 0.25 ? 0.25 : x; }},
        Function{"softcap %x limit 1.5",
                 [](double x) { return 1.5 * std::tanh(x / 1.5); }},
        Function{"round %x to f16", [](double x) { return x; }}));

TEST_F(Fixture, ArithmeticOfTwo) {
  weights["x"] = {-2, 0.5f, 3};
  auto of = [&](const std::string &kind) {
    parse(3,
          "%c = llm.constant 2.0 %y = llm.binary " + kind +
              " %x, %c : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>",
          "tensor<?x3xf32>");
    return run("0");
  };
  EXPECT_EQ(of("add"), (Numbers{0, 2.5f, 5}));
  EXPECT_EQ(of("sub"), (Numbers{-4, -1.5f, 1}));
  EXPECT_EQ(of("mul"), (Numbers{-4, 1, 6}));
  EXPECT_EQ(of("div"), (Numbers{-1, 0.25f, 1.5f}));
  EXPECT_EQ(of("min"), (Numbers{-2, 0.5f, 2}));
  EXPECT_EQ(of("max"), (Numbers{2, 2, 3}));
}

TEST_F(Fixture, LayerNormTakesTheMeanAwayAndThenScalesAndShifts) {
  constexpr int64_t width = 4, rows = 3;
  weights = {{"x", some(16)}, {"w", {1, -2, 0.5f, 3}}};
  parse(width,
        "%v = llm.use @w : tensor<4xf32> %y = llm.layer_norm %x, %v bias %v "
        "eps 0.125 : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> "
        "tensor<?x4xf32>",
        "tensor<?x4xf32>", "llm.weight @w : tensor<4xf32>");
  Numbers expected;
  for (int64_t r = 0; r < rows; ++r) {
    const float *x = weights["x"].data() + r * width;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i)
      mean += x[i] / double(width);
    for (int64_t i = 0; i < width; ++i)
      variance += std::pow(x[i] - mean, 2) / double(width);
    for (int64_t i = 0; i < width; ++i) {
      double w = weights["w"][size_t(i)];
      expected.push_back(
          float((x[i] - mean) / std::sqrt(variance + 0.125) * w + w));
    }
  }
  EXPECT_THAT(run(), Pointwise(FloatNear(1e-5f), expected));
}

// The steps of a sequence, each of which must see the rows of those before.
class Convolution : public Fixture {
protected:
  static constexpr int64_t channels = 2, width = 3;

  void parseConv(const std::string &more) {
    weights = {{"x", some(8)}, {"w", some(6, 1.1)}};
    parse(channels,
          "%v = llm.use @w : tensor<2x3xf32> %y = llm.causal_conv %x, %v in "
          "@tail for %b" +
              more +
              " : (tensor<?x2xf32>, tensor<2x3xf32>, !llm.batch) -> "
              "tensor<?x2xf32>",
          "tensor<?x2xf32>",
          "llm.weight @w : tensor<2x3xf32>\n"
          "llm.state @tail fixed {value = [2, 2]}",
          "generate");
  }
  // Of the rows with these ids, after rows of zeros.
  Numbers expected(const std::vector<int64_t> &ids, double (*fn)(double)) {
    Numbers out;
    for (size_t t = 0; t < ids.size(); ++t)
      for (int64_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (int64_t j = 0; j < width; ++j) {
          int64_t from = int64_t(t) - (width - 1) + j;
          if (from >= 0)
            sum += double(weights["w"][size_t(c * width + j)]) *
                   weights["x"][size_t(ids[size_t(from)] * channels + c)];
        }
        out.push_back(float(fn(sum)));
      }
    return out;
  }
};

TEST_F(Convolution, SeesTheRowsOfEarlierSteps) {
  parseConv("");
  auto same = [](double x) { return x; };
  Numbers whole = expected({0, 3, 1, 2, 2}, same);
  EXPECT_THAT(run("0,3,1,2,2"), Pointwise(FloatNear(1e-6f), whole));
  // The last step's rows alone.
  EXPECT_THAT(
      run("0,3,1 | 2,2"),
      Pointwise(FloatNear(1e-6f), Numbers(whole.end() - 4, whole.end())));
  EXPECT_THAT(
      run("0 | 3 | 1 | 2 | 2"),
      Pointwise(FloatNear(1e-6f), Numbers(whole.end() - 2, whole.end())));
}

TEST_F(Convolution, AppliesItsFunctionToTheSum) {
  parseConv(" fn silu");
  EXPECT_THAT(run("1,2"),
              Pointwise(FloatNear(1e-6f), expected({1, 2}, [](double x) {
                          return x / (1 + std::exp(-x));
                        })));
}

TEST_F(Convolution, KeepsTheRowsOfSequencesApart) {
  parseConv("");
  auto same = [](double x) { return x; };
  Numbers one = expected({0, 1, 2}, same), other = expected({3, 2, 2, 1}, same);
  Numbers last(one.end() - 2, one.end());
  last.insert(last.end(), other.end() - 4, other.end());
  EXPECT_THAT(run("@4 0,1 ; @1 3,2 | @4 2 ; @1 2,1"),
              Pointwise(FloatNear(1e-6f), last));
}

// A recurrent layer of two channels, whose gates are the columns of x.
class Recurrent : public Fixture {
protected:
  static constexpr size_t channels = 2;

  void parseCell(const std::string &cell, size_t gates) {
    std::string n = std::to_string(gates * channels);
    std::string kept = cell == "lstm" ? "2" : "1";
    weights = {{"x", some(4 * gates * channels)},
               {"w", some(gates * channels * channels, 0.7)},
               {"b", some(gates * channels, 0.3)}};
    std::string matrix = "tensor<" + n + "x2xf32>",
                vector = "tensor<" + n + "xf32>";
    parse(int64_t(gates * channels),
          "%v = llm.use @w : " + matrix + " %c = llm.use @b : " + vector +
              " %y = llm.recurrence " + cell +
              " %x, %v bias %c in @past for %b : (tensor<?x" + n + "xf32>, " +
              matrix + ", " + vector + ", !llm.batch) -> tensor<?x2xf32>",
          "tensor<?x2xf32>",
          "llm.weight @w : " + matrix + "\nllm.weight @b : " + vector +
              "\nllm.state @past fixed {value = [" + kept + ", 2]} init 0.25",
          "generate");
  }
  // Gate `gate` of x of the row with this id, and of the product with h.
  double own(size_t id, size_t gates, size_t gate, size_t i) {
    return weights["x"][(id * gates + gate) * channels + i];
  }
  double before(const double *h, size_t gate, size_t i) {
    size_t row = gate * channels + i;
    return weights["b"][row] + weights["w"][row * channels] * h[0] +
           weights["w"][row * channels + 1] * h[1];
  }
  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
};

TEST_F(Recurrent, AGruResetsWhatTheProductHasMade) {
  parseCell("gru", 3);
  double h[] = {0.25, 0.25};
  Numbers expected;
  for (size_t id : {1, 3, 2}) {
    double past[] = {h[0], h[1]};
    for (size_t i = 0; i < channels; ++i) {
      auto sum = [&](size_t gate) {
        return own(id, 3, gate, i) + before(past, gate, i);
      };
      double made =
          std::tanh(own(id, 3, 2, i) + sigmoid(sum(0)) * before(past, 2, i));
      double z = sigmoid(sum(1));
      h[i] = (1 - z) * made + z * past[i];
      expected.push_back(float(h[i]));
    }
  }
  EXPECT_THAT(run("1,3,2"), Pointwise(FloatNear(1e-6f), expected));
  EXPECT_THAT(run("1 | 3,2"),
              Pointwise(FloatNear(1e-6f),
                        Numbers(expected.begin() + 2, expected.end())));
}

TEST_F(Recurrent, AnLstmKeepsTwoRows) {
  parseCell("lstm", 4);
  double h[] = {0.25, 0.25}, c[] = {0.25, 0.25};
  Numbers expected;
  for (size_t id : {0, 2}) {
    double past[] = {h[0], h[1]};
    for (size_t i = 0; i < channels; ++i) {
      auto sum = [&](size_t gate) {
        return own(id, 4, gate, i) + before(past, gate, i);
      };
      c[i] = sigmoid(sum(1)) * c[i] + sigmoid(sum(0)) * std::tanh(sum(2));
      h[i] = sigmoid(sum(3)) * std::tanh(c[i]);
      expected.push_back(float(h[i]));
    }
  }
  EXPECT_THAT(run("0,2"), Pointwise(FloatNear(1e-6f), expected));
  EXPECT_THAT(run("0 | 2"),
              Pointwise(FloatNear(1e-6f),
                        Numbers(expected.begin() + 2, expected.end())));
}

TEST_F(Recurrent, PlainCellsAreFunctionsOfTheSum) {
  for (std::string cell : {"tanh", "relu"}) {
    parseCell(cell, 1);
    double h[] = {0.25, 0.25};
    Numbers expected;
    for (size_t i = 0; i < channels; ++i) {
      double sum = own(3, 1, 0, i) + before(h, 0, i);
      expected.push_back(
          float(cell == "tanh" ? std::tanh(sum) : std::max(sum, 0.0)));
    }
    EXPECT_THAT(run("3"), Pointwise(FloatNear(1e-6f), expected)) << cell;
  }
}

TEST_F(Fixture, PartsOfASequenceStartAfterTheirEnds) {
  weights["x"] = some(4);
  parse(1,
        "%ends = llm.equals %ids value 2 : tensor<?xi32> %m = llm.start_after "
        "%ends in @part for %b : (tensor<?xi32>, !llm.batch) -> tensor<?xi32> "
        "%y = llm.number %m : (tensor<?xi32>) -> tensor<?x1xf32>",
        "tensor<?x1xf32>", "llm.state @part fixed {value = [2]}", "generate");
  EXPECT_THAT(run("2,1,2,2,0,0"), testing::ElementsAre(0, 1, 1, 3, 4, 4));
  EXPECT_THAT(run("0,2 | 1,2 | 0"), testing::ElementsAre(4));
  EXPECT_THAT(run("@1 0,2 ; @2 0,0 | @1 1 ; @2 2"), testing::ElementsAre(2, 0));
}

TEST_F(Fixture, WhatIsPositiveIsOne) {
  weights["x"] = {0.5f, -0.5f, 0.0f, 3.0f};
  parse(1,
        "%p = llm.positive %x : (tensor<?x1xf32>) -> tensor<?xi32> %y = "
        "llm.number %p : (tensor<?xi32>) -> tensor<?x1xf32>",
        "tensor<?x1xf32>");
  EXPECT_THAT(run("0,1,2,3"), testing::ElementsAre(1, 0, 0, 1));
}

// Four heads of queries look at two heads of keys; the second query sees two.
TEST_F(Fixture, HeadsOfQueriesShareHeadsOfKeys) {
  weights["x"] = some(32);
  parse(8,
        "%q = llm.reshape %x to [4, 2] : (tensor<?x8xf32>) -> "
        "tensor<?x4x2xf32> %s = llm.slice %x from 2 size 4 : "
        "(tensor<?x8xf32>) -> tensor<?x4xf32> %k = llm.reshape %s to [2, 2] : "
        "(tensor<?x4xf32>) -> tensor<?x2x2xf32> %v = llm.reshape %x to [2, 4] "
        ": (tensor<?x8xf32>) -> tensor<?x2x4xf32> %a = llm.attention %q over "
        "%k, %v for %b mask [#llm.mask<causal>] scale 0.75 cap 1.5 : "
        "(tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x4xf32>, "
        "!llm.batch) -> tensor<?x4x4xf32> %y = llm.reshape %a to [16] : "
        "(tensor<?x4x4xf32>) -> tensor<?x16xf32>",
        "tensor<?x16xf32>");
  const Numbers &x = weights["x"];
  Numbers expected;
  for (size_t t = 0; t < 3; ++t)
    for (size_t h = 0; h < 4; ++h) {
      double sum = 0, mean[4] = {};
      for (size_t j = 0; j <= t; ++j) {
        double dot = 0;
        for (size_t i = 0; i < 2; ++i)
          dot += double(x[t * 8 + h * 2 + i]) * x[j * 8 + 2 + h / 2 * 2 + i];
        double p = std::exp(1.5 * std::tanh(dot * 0.75 / 1.5));
        sum += p;
        for (size_t i = 0; i < 4; ++i)
          mean[i] += p * x[j * 8 + h / 2 * 4 + i];
      }
      for (double value : mean)
        expected.push_back(float(value / sum));
    }
  EXPECT_THAT(run(), Pointwise(FloatNear(1e-5f), expected));
}

TEST_F(Fixture, ATableTurnsAsRopeDoes) {
  weights["x"] = some(16);
  auto rotated = [&](const std::string &op) {
    parse(4,
          "%f = llm.rope_freqs 4 theta 100.0 : tensor<2xf32> %h = "
          "llm.reshape %x to [1, 4] : (tensor<?x4xf32>) -> "
          "tensor<?x1x4xf32> " +
              op +
              " %y = llm.reshape %r to [4] : (tensor<?x1x4xf32>) -> "
              "tensor<?x4xf32>",
          "tensor<?x4xf32>");
    return run();
  };
  for (const char *pairing : {"half", "adjacent"})
    EXPECT_EQ(
        rotated(std::string("%r = llm.rope ") + pairing +
                " %h, %pos, %f amplitude 1.5 : (tensor<?x1x4xf32>, "
                "tensor<?xi32>, tensor<2xf32>) -> tensor<?x1x4xf32>"),
        rotated(std::string("%t = llm.rope_table %pos, %f amplitude 1.5 : "
                            "(tensor<?xi32>, tensor<2xf32>) -> "
                            "tensor<?x2x2xf32> %r = llm.rotate ") +
                pairing +
                " %h by %t : (tensor<?x1x4xf32>, tensor<?x2x2xf32>) -> "
                "tensor<?x1x4xf32>"))
        << pairing;
}

TEST(DifferenceTest, IsTheLargestAndItsShareOfTheLargestExpected) {
  Difference found = differenceOf(Numbers{1, -8, 3}, Numbers{1.5f, -8, 2});
  EXPECT_EQ(found.absolute, 1);
  EXPECT_EQ(found.relative, 1.0 / 8);
  found = differenceOf(Numbers{1, 2}, Numbers{1, 2});
  EXPECT_EQ(found.absolute, 0);
  EXPECT_EQ(found.relative, 0);
}

TEST(DifferenceTest, NumbersThatAreNoneMustBeSoOnBothSides) {
  float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(differenceOf(Numbers{NAN, inf, 1}, Numbers{NAN, inf, 1}).absolute,
            0);
  for (auto [e, f] :
       {std::pair(NAN, 1.0f), {1.0f, float(NAN)}, {inf, -inf}, {1.0f, inf}})
    EXPECT_EQ(differenceOf(Numbers{e, 4}, Numbers{f, 4}).relative, inf)
        << e << " " << f;
}

} // namespace
} // namespace sluice::evaluate
