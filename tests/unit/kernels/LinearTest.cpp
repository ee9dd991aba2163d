#include "tests/unit/kernels/Packed.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

struct Variant {
  const char *weight, *compute, *norm;
  bool bf16Weight() const { return weight[0] == 'b'; }
  bool bf16Compute() const { return compute[0] == 'b'; }

  std::string attributes(const std::string &more = "") const {
    std::string text = std::string("{weight = \"") + weight +
                       "\", compute = \"" + compute + "\"";
    if (norm[0] != 'n')
      text += std::string(", norm = \"") + norm +
              "\", norm_weight, eps = 1.0e-5 : f32";
    return text + more + "}";
  }
};

constexpr Variant kVariants[] = {
    {"f32", "f32", "none"},  {"bf16", "f32", "none"}, {"bf16", "bf16", "none"},
    {"f32", "f32", "layer"}, {"bf16", "bf16", "rms"},
};

void PrintTo(const Variant &v, std::ostream *out) {
  *out << v.weight << " in " << v.compute << ", norm " << v.norm;
}

// What a product reads after norm and rounding, and in double from there on.
std::vector<double> inputRow(const Variant &v, Rows<float> &x, int64_t row,
                             Rows<float> &normWeight) {
  std::vector<double> result;
  double mean = 0, squares = 0;
  bool layer = std::string(v.norm) == "layer";
  for (int64_t k = 0; k < x.columns && layer; ++k)
    mean += double(x.at(row, k)) / x.columns;
  for (int64_t k = 0; k < x.columns; ++k)
    squares += std::pow(x.at(row, k) - mean, 2) / x.columns;
  for (int64_t k = 0; k < x.columns; ++k) {
    double value = x.at(row, k);
    if (v.norm[0] != 'n')
      value = (value - mean) / std::sqrt(squares + 1e-5) * normWeight.at(0, k);
    result.push_back(v.bf16Compute() ? double(Bf16(float(value))) : value);
  }
  return result;
}

class Linear
    : public ::testing::TestWithParam<std::tuple<Variant, const char *>> {
protected:
  Variant variant = std::get<0>(GetParam());
  std::string target = std::get<1>(GetParam());
};

std::vector<float> product(const Kernel &kernel, Rows<float> &x,
                           Rows<float> &normWeight, void *w, int64_t rows,
                           int64_t n, int workers) {
  Rows<float> y(rows, n);
  Kernel::Call call{.operands = {{"x", x}, {"w", w}, {"y", y}},
                    .dims = {{"K", x.columns},
                             {"N", n},
                             {"x.stride", x.stride},
                             {"y.stride", y.stride}},
                    .rows = rows,
                    .workers = workers};
  if (kernel.hasInput("norm_w"))
    call.operands["norm_w"] = normWeight;
  EXPECT_EQ(kernel.run(call), 0);
  return y.values();
}

TEST_P(Linear, MatchesPlainLoopsAtAnyRowCountAndWorkerCount) {
  Kernel kernel("linear", variant.attributes(), "", target);
  for (auto [k, n] : {std::pair<int64_t, int64_t>{90, 200},
                      {33, 64},
                      {1024, 96},
                      {2040, 130}}) {
    Weight weight(n, k, 1);
    Packed packed(weight, variant.bf16Weight());
    // More than a chunk of any kind has.
    constexpr int64_t most = 100;
    Rows<float> x = Rows<float>(most, k).random(2);
    Rows<float> normWeight = Rows<float>(1, k).random(3);
    std::vector<float> all = product(kernel, x, normWeight, packed, most, n, 1);

    for (int64_t row : {int64_t(0), int64_t(17), most - 1}) {
      std::vector<double> input = inputRow(variant, x, row, normWeight);
      // A bf16 value that the kernel's norm rounds to the other side.
      double tolerance =
          variant.bf16Compute() && variant.norm[0] != 'n' ? 4e-3 : 6e-6;
      for (int64_t column = 0; column < n; ++column) {
        double sum = 0, size = 0;
        for (int64_t i = 0; i < k; ++i) {
          sum += input[i] * weight.at(column, i);
          size += std::pow(input[i] * weight.at(column, i), 2);
        }
        ASSERT_NEAR(all[row * n + column], sum, tolerance * std::sqrt(size))
            << "row " << row << " column " << column << " K " << k;
      }
    }
    for (int64_t rows = 1; rows <= most; rows += rows < 40 ? 1 : 19) {
      std::vector<float> first(all.begin(), all.begin() + rows * n);
      ASSERT_EQ(product(kernel, x, normWeight, packed, rows, n, 1 + rows % 3),
                first)
          << rows << " rows, K " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Linear,
                         ::testing::Combine(::testing::ValuesIn(kVariants),
                                            ::testing::Values("native",
                                                              "x86-64-v3")));

constexpr Variant kBf16 = {"bf16", "bf16", "none"};
constexpr const char *kEmulated = "x86-64-v3+amx-emulated";

TEST(LinearTargets, RoundingInSoftwareGivesTheBitsOfTheInstruction) {
  Weight weight(128, 1100, 4);
  Packed packed(weight, true);
  constexpr int64_t rows = 29; // few of them go another way than many
  Rows<float> x = Rows<float>(rows, 1100).random(5), none(1, 1);
  Kernel plain("linear", kBf16.attributes(), "", "x86-64-v3");
  std::vector<float> expected = product(plain, x, none, packed, rows, 128, 1);
  int compared = 0;
  for (const char *target : {"x86-64-v4", "x86-64-v4+bf16"}) {
    if (!runsHere(target))
      continue;
    ++compared;
    Kernel other("linear", kBf16.attributes(), "", target);
    EXPECT_EQ(product(other, x, none, packed, rows, 128, 1), expected)
        << target;
  }
  if (compared == 0)
    GTEST_SKIP() << "this machine has no AVX-512";
}

// A number below the normal range is zero to the tile unit.
float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}

// A product as the tile unit adds it up, see SLC_K_BLOCK.
float tileSum(Rows<float> &x, int64_t row, const Weight &w, int64_t column) {
  float total = 0;
  for (int64_t block = 0; block < x.columns; block += 32) {
    float sums[2] = {0, 0}; // even, odd
    for (int64_t k = block; k < std::min(block + 32, x.columns); ++k) {
      float a = flushed(Bf16(x.at(row, k))), b = flushed(w.at(column, k));
      sums[k % 2] = flushed(std::fma(a, b, sums[k % 2]));
    }
    total = flushed(total + flushed(sums[0] + sums[1]));
  }
  return total;
}

// Over many orders of magnitude, so that the order shows and the least are
// below the normal range.
Rows<float> spread(int64_t rows, int64_t columns, unsigned seed) {
  Rows<float> random = Rows<float>(rows, columns).random(seed);
  return Rows<float>(rows, columns).fill([&](int64_t r, int64_t c) {
    return std::ldexp(random.at(r, c), c % 7 == 0 ? -120 : int(c % 23) - 11);
  });
}

class LinearTiles : public ::testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!runsHere(GetParam()))
      GTEST_SKIP() << "this machine has no tile unit";
  }
};

TEST_P(LinearTiles, AddInTheOrderOfTheTileUnit) {
  Kernel kernel("linear", kBf16.attributes(), "", GetParam());
  for (auto [k, rows] :
       {std::pair<int64_t, int64_t>{90, 40}, {32, 16}, {48, 17}, {1100, 3}}) {
    constexpr int64_t n = 100;
    Weight weight(n, k, 4);
    for (size_t i = 0; i < weight.dense.size(); i += 5)
      weight.dense[i] = Bf16(std::ldexp(weight.dense[i], -20));
    Packed packed(weight, true);
    Rows<float> x = spread(rows, k, 5), none(1, 1);
    std::vector<float> found = product(kernel, x, none, packed, rows, n, 2);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < n; ++c)
        ASSERT_EQ(found[r * n + c], tileSum(x, r, weight, c))
            << "K " << k << ", row " << r << ", column " << c;
  }
}

// More rows than a chunk, more panels than a run.
TEST_P(LinearTiles, GiveTheSameBitsInAnyChunkAndRun) {
  Kernel kernel("linear", kBf16.attributes(), "", GetParam());
  for (auto [rows, n, k] : {std::tuple<int64_t, int64_t, int64_t>{530, 70, 40},
                            {18, 8300, 40},
                            {490, 20, 8300}}) { // chunks of 480 rows
    Weight weight(n, k, 4);
    Packed packed(weight, true);
    Rows<float> x = Rows<float>(rows, k).random(5), none(1, 1);
    std::vector<float> all = product(kernel, x, none, packed, rows, n, 1);
    for (int64_t row : {int64_t(0), rows / 2, rows - 1}) {
      Rows<float> one = Rows<float>(1, k).fill(
          [&](int64_t, int64_t c) { return x.at(row, c); });
      std::vector<float> expected(all.begin() + row * n,
                                  all.begin() + (row + 1) * n);
      EXPECT_EQ(product(kernel, one, none, packed, 1, n, 3), expected) << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, LinearTiles,
                         ::testing::Values(kEmulated, "x86-64-v4+amx"));

TEST(LinearInput, RowsOfBf16GiveTheBitsOfRowsThatAreRoundedInside) {
  for (int64_t k : {64, 91}) {
    Weight weight(96, k, 4);
    Packed packed(weight, true);
    Rows<float> x = Rows<float>(9, k).random(5), none(1, 1);
    Rows<Bf16> narrow = Rows<Bf16>(9, k).fill(
        [&](int64_t r, int64_t c) { return Bf16(x.at(r, c)); });
    for (const char *target : {"native", "x86-64-v3"}) {
      Kernel inside("linear", R"({weight = "bf16", compute = "bf16"})", "",
                    target);
      Kernel outside("linear",
                     R"({weight = "bf16", compute = "bf16", input = "bf16"})",
                     "", target);
      Rows<float> y(9, 96);
      EXPECT_EQ(
          outside.run({.operands = {{"x", narrow}, {"w", packed}, {"y", y}},
                       .dims = {{"K", k},
                                {"N", 96},
                                {"x.stride", narrow.stride},
                                {"y.stride", y.stride}},
                       .rows = 9,
                       .workers = 2}),
          0);
      EXPECT_EQ(y.values(), product(inside, x, none, packed, 9, 96, 1));
    }
  }
}

TEST(LinearNorm, GivesTheBitsOfTheNormKernel) {
  for (Variant variant :
       {Variant{"bf16", "bf16", "rms"}, Variant{"bf16", "f32", "layer"}}) {
    constexpr int64_t k = 90, n = 70, rows = 7;
    Weight weight(n, k, 4);
    Packed packed(weight, true);
    Rows<float> x = Rows<float>(rows, k).random(5), y(rows, k);
    Rows<float> normWeight = Rows<float>(1, k).random(6);
    Kernel norm("norm", std::string("{kind = \"") + variant.norm +
                            "\", weight, eps = 1.0e-5 : f32}");
    EXPECT_EQ(norm.run({.operands = {{"x", x}, {"w", normWeight}, {"y", y}},
                        .dims = {{"N", k},
                                 {"heads", 1},
                                 {"x.stride", x.stride},
                                 {"y.stride", y.stride}},
                        .rows = rows}),
              0);
    Kernel fused("linear", variant.attributes());
    Kernel plain("linear",
                 Variant{variant.weight, variant.compute, "none"}.attributes());
    EXPECT_EQ(product(fused, x, normWeight, packed, rows, n, 2),
              product(plain, y, normWeight, packed, rows, n, 1))
        << variant.norm;
  }
}

TEST(LinearEpilogue, AppliesBiasActivationScaleCapAndResidualInOrder) {
  constexpr int64_t k = 48, n = 100, rows = 5;
  Weight weight(n, k, 6);
  Packed packed(weight, false);
  Rows<float> x = Rows<float>(rows, k).random(7);
  Rows<float> bias = Rows<float>(1, n).random(8);
  Rows<float> y = Rows<float>(rows, n).random(9); // also the residual
  std::vector<float> expected = y.values();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < n; ++c) {
      double sum = bias.at(0, c);
      for (int64_t i = 0; i < k; ++i)
        sum += double(x.at(r, i)) * weight.at(c, i);
      double v = 0.5 * sum * (1 + std::erf(sum / std::sqrt(2.0))) * 3;
      expected[r * n + c] += float(2 * std::tanh(v / 2));
    }
  Kernel kernel("linear",
                R"({weight = "f32", compute = "f32", bias, act = "gelu_erf",
                    scale = 3.0 : f32, cap = 2.0 : f32, residual})");
  EXPECT_EQ(kernel.run({.operands = {{"x", x},
                                     {"w", packed},
                                     {"bias", bias},
                                     {"residual", y},
                                     {"y", y}},
                        .dims = {{"K", k},
                                 {"N", n},
                                 {"x.stride", x.stride},
                                 {"residual.stride", y.stride},
                                 {"y.stride", y.stride}},
                        .rows = rows,
                        .workers = 2}),
            0);
  expectNear(y.values(), expected, 2e-5, 2e-5);
}

// Gate and up of a feed-forward block with clamps (as with limits of 0.5).
float gated(double gate, double up) {
  gate = std::min(gate, 0.5);
  up = std::clamp(up, -0.5, 0.5) + 1;
  return float(gate / (1 + std::exp(-1.702 * gate)) * up);
}
constexpr const char *kGlu =
    R"(, glu, bias, act = "swish", beta = 1.702 : f32, gate_max = 0.5 : f32,
       up_limit = 0.5 : f32, up_add = 1.0 : f32)";

// A bias laid out like the panels: 64 of the gate, 64 of the up part.
float &gluBias(Rows<float> &bias, int64_t part, int64_t column,
               int64_t row = 0) {
  return bias.at(row, column / 64 * 128 + part * 64 + column % 64);
}

TEST(LinearGlu, MultipliesTheActivatedGateWithTheUpPart) {
  constexpr int64_t k = 40, n = 88, rows = 3;
  Weight gate(n, k, 1), up(n, k, 2);
  Packed packed({{&gate, &up}}, true);
  Rows<float> x = Rows<float>(rows, k).random(3), y(rows, n);
  Rows<float> bias = Rows<float>(1, 256).random(4);
  std::vector<float> expected;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < n; ++c) {
      double g = gluBias(bias, 0, c), u = gluBias(bias, 1, c);
      for (int64_t i = 0; i < k; ++i) {
        g += double(x.at(r, i)) * gate.at(c, i);
        u += double(x.at(r, i)) * up.at(c, i);
      }
      expected.push_back(gated(g, u));
    }
  Kernel kernel("linear", Variant{"bf16", "f32", "none"}.attributes(kGlu));
  EXPECT_EQ(
      kernel.run(
          {.operands = {{"x", x}, {"w", packed}, {"bias", bias}, {"y", y}},
           .dims = {{"K", k},
                    {"N", n},
                    {"x.stride", x.stride},
                    {"y.stride", y.stride}},
           .rows = rows,
           .workers = 3}),
      0);
  expectNear(y.values(), expected, 1e-5, 1e-5);
}

TEST(LinearGlu, PostGivesTheBitsOfTheFusedEpilogue) {
  constexpr int64_t k = 40, n = 88, rows = 3;
  Weight gate(n, k, 1), up(n, k, 2);
  Packed packed({{&gate, &up}}, true);
  Rows<float> x = Rows<float>(rows, k).random(3), y(rows, n), none(1, 1);
  Rows<float> bias = Rows<float>(1, 256).random(4);
  Kernel fused("linear", Variant{"bf16", "bf16", "none"}.attributes(kGlu));
  Kernel plain("linear", Variant{"bf16", "bf16", "none"}.attributes());
  Kernel post("post", "{" + std::string(kGlu + 2) + "}");
  Kernel::Call call{
      .operands = {{"x", x}, {"w", packed}, {"bias", bias}, {"y", y}},
      .dims = {{"K", k},
               {"N", n},
               {"x.stride", x.stride},
               {"y.stride", y.stride}},
      .rows = rows};
  EXPECT_EQ(fused.run(call), 0);
  std::vector<float> expected = y.values();

  // The packed matrix read as one of 256 columns: gate and up panels by turns.
  std::vector<float> sums = product(plain, x, none, packed, rows, 256, 1);
  Rows<float> acc = Rows<float>(rows, 256).fill(
      [&](int64_t r, int64_t c) { return sums[r * 256 + c]; });
  EXPECT_EQ(
      post.run(
          {.operands = {{"x", acc}, {"bias", bias}, {"y", y}},
           .dims = {{"N", n}, {"x.stride", acc.stride}, {"y.stride", y.stride}},
           .rows = rows,
           .workers = 2}),
      0);
  EXPECT_EQ(y.values(), expected);
}

// Eight experts, some without rows, against the direct kernel expert by expert.
class LinearExperts : public ::testing::TestWithParam<Variant> {};

TEST_P(LinearExperts, GiveTheBitsOfOneProductPerExpert) {
  constexpr int64_t k = 72, n = 100, experts = 8, topK = 2, tokens = 21;
  Variant variant = GetParam();
  std::vector<Weight> gates, ups;
  std::vector<std::vector<const Weight *>> banks;
  for (unsigned e = 0; e < experts; ++e) {
    gates.emplace_back(n, k, 10 + e);
    ups.emplace_back(n, k, 30 + e);
  }
  for (unsigned e = 0; e < experts; ++e)
    banks.push_back({&gates[e], &ups[e]});
  Packed packed(banks, variant.bf16Weight());
  Rows<float> bias = Rows<float>(experts, 256).random(5);
  Rows<float> x = Rows<float>(tokens, k).random(6);
  Rows<float> sorted(tokens * topK, k);
  Rows<float> y(tokens * topK, n);

  // Expert of the j-th choice of a token; 5 is never chosen, 1 often.
  auto chosen = [](int64_t pair) {
    int64_t e = pair % 3 ? 1 : pair * 7 % experts;
    return e == 5 ? 6 : e;
  };
  std::vector<int32_t> offsets, pairs;
  for (int64_t e = 0; e < experts; ++e) {
    offsets.push_back(static_cast<int32_t>(pairs.size()));
    for (int64_t pair = 0; pair < tokens * topK; ++pair)
      if (chosen(pair) == e)
        pairs.push_back(static_cast<int32_t>(pair));
  }
  offsets.push_back(static_cast<int32_t>(pairs.size()));
  for (size_t i = 0; i < pairs.size(); ++i)
    for (int64_t c = 0; c < k; ++c)
      sorted.at(i, c) = x.at(pairs[i] / topK, c);

  std::vector<float> expected;
  Kernel direct("linear", variant.attributes(kGlu));
  for (unsigned e = 0; e < experts; ++e) {
    int64_t rows = offsets[e + 1] - offsets[e];
    Packed one({banks[e]}, variant.bf16Weight());
    Rows<float> part(std::max<int64_t>(rows, 1), n);
    EXPECT_EQ(direct.run({.operands = {{"x", &sorted.at(offsets[e], 0)},
                                       {"w", one},
                                       {"bias", &bias.at(e, 0)},
                                       {"y", part}},
                          .dims = {{"K", k},
                                   {"N", n},
                                   {"x.stride", sorted.stride},
                                   {"y.stride", part.stride}},
                          .rows = rows}),
              0);
    std::vector<float> values = part.values();
    expected.insert(expected.end(), values.begin(), values.begin() + rows * n);
  }

  Kernel tokensKernel(
      "linear", variant.attributes(kGlu + std::string(", rows = \"tokens\"")));
  Kernel pairsKernel(
      "linear", variant.attributes(kGlu + std::string(", rows = \"pairs\"")));
  for (int workers : {1, 2, 3}) {
    for (bool gather : {true, false}) {
      Rows<float> &input = gather ? x : sorted;
      Rows<float> grouped(tokens * topK, n);
      Kernel::Call call{.operands = {{"x", input},
                                     {"w", packed},
                                     {"bias", bias},
                                     {"offsets", offsets.data()},
                                     {"y", grouped}},
                        .dims = {{"K", k},
                                 {"N", n},
                                 {"experts", experts},
                                 {"x.stride", input.stride},
                                 {"y.stride", grouped.stride}},
                        .rows = tokens * topK,
                        .workers = workers};
      if (gather) {
        call.operands["pairs"] = pairs.data();
        call.dims["top_k"] = topK;
      }
      EXPECT_EQ((gather ? tokensKernel : pairsKernel).run(call), 0);
      EXPECT_EQ(grouped.values(), expected) << workers << " workers";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, LinearExperts,
                         ::testing::Values(Variant{"f32", "f32", "none"},
                                           Variant{"bf16", "bf16", "none"}));

} // namespace
