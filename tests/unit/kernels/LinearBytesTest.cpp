// Products of rows in bytes and weights in blocks: to the bit what the sums of
// whole numbers and of groups in order give, for any number of rows.
#include "tests/unit/kernels/PackedBlocks.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace sluice::testing;
using sluice::checkpoint::Block, sluice::checkpoint::f16ToFloat;

namespace {

// The scale of the 32 numbers of a row around one, and its inverse.
std::pair<float, float> scaleOf(Rows<float> &x, int64_t r, int64_t at) {
  float most = 0;
  for (int64_t i = at / 32 * 32; i < at / 32 * 32 + 32; ++i)
    most = std::max(most, std::abs(x.at(r, i)));
  return {most / 127, most == 0 ? 0 : 127 / most};
}

// What makes values of the whole numbers of a block's group.
struct Whole {
  float scale, minimum;
  std::vector<int> numbers;

  Whole(Elem elem, const Block &b, int64_t first) {
    const auto &shared = infoOf(elem).blocks;
    scale = f16ToFloat(b.scale);
    minimum = f16ToFloat(b.minimum);
    if (shared.floats)
      scale = std::ldexp(1.0f, b.scale - 128); // half of it
    if (shared.nested) {
      scale *= float(b.scales[first / shared.group]);
      minimum = -(minimum * float(b.minimums[first / shared.group]));
    }
    for (int64_t i = first; i < first + shared.group; ++i)
      numbers.push_back(
          shared.floats
              ? int(2 * sluice::format::kE2M1[b.numbers[i]]) // twice the value
              : int(b.numbers[i]) - shared.offset);
  }
};

// Row r of x with column n of the weight.
float expected(Rows<float> &x, int64_t r, const BlockWeight &w, int64_t n) {
  const auto &shared = infoOf(w.elem).blocks;
  int64_t length = w.k > 1024 ? 1024 : 512, block = infoOf(w.elem).block;
  int64_t part = std::min(shared.group, 32);
  float total = 0, sum = 0;
  for (int64_t at = 0; at < w.k; at += shared.group) {
    Whole group(w.elem, w.blocks[n * w.across + at / block], at % block);
    float products = 0, numbers = 0;
    for (int64_t first = 0; first < shared.group; first += part) {
      auto [scale, inverse] = scaleOf(x, r, at + first);
      int product = 0, number = 0;
      for (int64_t i = first; i < first + part; ++i) {
        int q = int(std::nearbyint(x.at(r, at + i) * inverse));
        product += q * group.numbers[i];
        number += q;
      }
      bool more = first > 0;
      products = more ? std::fma(float(product), scale, products)
                      : float(product) * scale;
      numbers = more ? std::fma(float(number), scale, numbers)
                     : float(number) * scale;
    }
    sum = std::fma(products, group.scale, sum);
    if (shared.minimum)
      sum = std::fma(group.minimum, numbers, sum);
    int64_t end = at + shared.group;
    if (end % length == 0 || end == w.k) {
      total += sum;
      sum = 0;
    }
  }
  return total;
}

class BytesProduct
    : public ::testing::TestWithParam<std::tuple<Elem, const char *>> {
protected:
  Elem elem = std::get<0>(GetParam());
  int64_t unit = infoOf(elem).block;

  Kernel kernel(const std::string &more = "") {
    return Kernel("linear",
                  "{weight = \"" + std::string(infoOf(elem).name) +
                      "\", compute = \"i8\"" + more + "}",
                  "", std::get<1>(GetParam()));
  }
};

TEST_P(BytesProduct, IsTheSumOfGroupsInOrder) {
  Kernel bytes = kernel();
  for (auto [some, n] :
       {std::pair<int64_t, int64_t>{32, 1}, {544, 65}, {1056, 130}}) {
    int64_t k = (some + unit - 1) / unit * unit;
    BlockWeight weight(elem, n, k, 1);
    PackedBlocks packed(weight);
    for (int64_t rows : {1, 7, 35}) {
      Rows<float> x = Rows<float>(rows, k).random(unsigned(rows));
      for (int64_t i = 0; i < 32; ++i)
        x.at(rows - 1, i) = 0; // a group without a scale
      std::vector<float> found = product(bytes, x, packed, n, 1 + rows % 3);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < n; ++c)
          ASSERT_EQ(found[r * n + c], expected(x, r, weight, c))
              << "row " << r << " of " << rows << ", column " << c << " of "
              << n << ", K " << k;
    }
  }
}

TEST_P(BytesProduct, NormIsThatOfTheRowsBefore) {
  constexpr int64_t n = 70, rows = 19;
  int64_t k = unit * (96 / unit + 1);
  BlockWeight weight(elem, n, k, 5);
  PackedBlocks packed(weight);
  Rows<float> x = Rows<float>(rows, k).random(6), h(rows, k);
  Rows<float> norm = Rows<float>(1, k).random(7),
              bias = Rows<float>(1, n).random(8);
  Kernel apart("norm", "{kind = \"rms\", weight, eps = 1.0e-5 : f32}", "",
               std::get<1>(GetParam()));
  EXPECT_EQ(apart.run({.operands = {{"x", x}, {"w", norm}, {"y", h}},
                       .dims = {{"N", k},
                                {"heads", 1},
                                {"x.stride", x.stride},
                                {"y.stride", h.stride}},
                       .rows = rows}),
            0);
  std::string after = ", bias, act = \"silu\", scale = 3.0 : f32";
  EXPECT_EQ(product(kernel(", norm = \"rms\", norm_weight, eps = 1.0e-5 : f32" +
                           after),
                    x, packed, n, 2, {{"norm_w", norm}, {"bias", bias}}),
            product(kernel(after), h, packed, n, 1, {{"bias", bias}}));
}

// A chunk has at most 240 rows.
TEST_P(BytesProduct, RowsOfSeveralChunksHaveTheBitsOfOne) {
  constexpr int64_t n = 70, rows = 251;
  BlockWeight weight(elem, n, unit, 11);
  PackedBlocks packed(weight);
  Rows<float> x = Rows<float>(rows, unit).random(12), one(1, unit);
  Kernel bytes = kernel();
  std::vector<float> found = product(bytes, x, packed, n, 2);
  for (int64_t r = 0; r < rows; r += 10) {
    for (int64_t i = 0; i < unit; ++i)
      one.at(0, i) = x.at(r, i);
    std::vector<float> alone = product(bytes, one, packed, n);
    ASSERT_TRUE(std::equal(alone.begin(), alone.end(), found.begin() + r * n))
        << "row " << r;
  }
}

// As a share of the product's size, for normal numbers; README names it.
TEST_P(BytesProduct, RoundingARowCostsHalfAPercent) {
  constexpr int64_t n = 128, rows = 16, k = 2048;
  BlockWeight weight(elem, n, k, 7);
  PackedBlocks packed(weight);
  std::mt19937 generator(8);
  std::normal_distribution<float> normal;
  Rows<float> x = Rows<float>(rows, k).fill(
      [&](int64_t, int64_t) { return normal(generator); });
  Kernel exact("linear",
               "{weight = \"" + std::string(infoOf(elem).name) +
                   "\", compute = \"f32\"}",
               "", std::get<1>(GetParam()));
  std::vector<float> found = product(kernel(), x, packed, n),
                     expected = product(exact, x, packed, n);
  double miss = 0, size = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    miss += std::pow(double(found[i]) - expected[i], 2);
    size += std::pow(double(expected[i]), 2);
  }
  EXPECT_GT(std::sqrt(miss / size), 0.003);
  EXPECT_LT(std::sqrt(miss / size), 0.006);
  RecordProperty("error", std::to_string(std::sqrt(miss / size)));
}

TEST_P(BytesProduct, WhatIsNotFiniteStaysSo) {
  constexpr int64_t n = 70;
  for (int64_t rows : {3, 20}) // in vectors, and in tiles where there are some
    for (float bad : {INFINITY, -INFINITY, NAN}) {
      BlockWeight weight(elem, n, 2 * unit, 9);
      PackedBlocks packed(weight);
      Rows<float> x = Rows<float>(rows, 2 * unit).random(10);
      x.at(1, unit + 5) = bad;
      std::vector<float> found = product(kernel(), x, packed, n);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < n; ++c)
          ASSERT_EQ(std::isnan(found[r * n + c]), r == 1) << bad << " " << r;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, BytesProduct,
    ::testing::Combine(::testing::ValuesIn(sluice::test::blockFormats()),
                       ::testing::Values("native", "x86-64-v3")),
    [](const auto &info) {
      return std::string(infoOf(std::get<0>(info.param)).name) +
             (std::string(std::get<1>(info.param)) == "native" ? "_native"
                                                               : "_v3");
    });

} // namespace
