// Weights that are kept as i8x32: what is computed from them must have the bits
// of the same numbers kept as f32.
#include "tests/unit/kernels/Packed.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace sluice::testing;

namespace {

constexpr int64_t kGroup = 32, kPanel = 64;

// A matrix [n][k] of whole numbers times the scale of their group, which has
// the bits of an f16.
struct BlockWeight {
  int64_t n, k;
  std::vector<int8_t> numbers;
  std::vector<uint16_t> scales; // [n][k / 32]

  BlockWeight(int64_t n, int64_t k, unsigned seed) : n(n), k(k) {
    std::mt19937 generator(seed);
    for (int64_t i = 0; i < n * k; ++i)
      numbers.push_back(static_cast<int8_t>(generator() >> 24));
    // Exponents around 2^-9, any mantissa, both signs; a few below the normal
    // range of f16 and a few zeros.
    for (int64_t g = 0; g < n * k / kGroup; ++g) {
      uint32_t random = generator();
      uint32_t exponent = g % 11 == 7 ? 0 : 4 + (random >> 20) % 5;
      uint32_t mantissa = g % 13 == 5 ? 0 : random & 1023;
      scales.push_back(static_cast<uint16_t>((random >> 31) << 15 |
                                             exponent << 10 | mantissa));
    }
    numbers[0] = -128;
    numbers[1] = 127;
  }

  float scale(int64_t row, int64_t group) const {
    uint16_t bits = scales[row * (k / kGroup) + group];
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float size = exponent == 0
                     ? std::ldexp(float(mantissa), -24)
                     : std::ldexp(float(1024 + mantissa), exponent - 25);
    return bits >> 15 ? -size : size;
  }
  float at(int64_t row, int64_t column) const {
    return float(numbers[row * k + column]) * scale(row, column / kGroup);
  }
  Weight dense() const {
    Weight weight(n, k, 0);
    for (int64_t row = 0; row < n; ++row)
      for (int64_t column = 0; column < k; ++column)
        weight.dense[row * k + column] = at(row, column);
    return weight;
  }
};

using BlockBanks = std::vector<std::vector<const BlockWeight *>>;
using Banks = std::vector<std::vector<const Weight *>>;

// Panels as runtime/format/Packing.h says.
class PackedBlocks {
public:
  explicit PackedBlocks(const BlockBanks &banks) : bytes(size(banks)) {
    std::memset(bytes.data(), 0, bytes.size());
    char *to = bytes.data();
    for (const auto &parts : banks)
      for (int64_t first = 0; first < parts[0]->n; first += kPanel)
        for (const BlockWeight *part : parts)
          to = write(*part, first, to);
  }
  explicit PackedBlocks(const BlockWeight &weight)
      : PackedBlocks(BlockBanks(1, {&weight})) {}
  operator void *() { return bytes.data(); }

private:
  static constexpr int64_t groupBytes = 34 * kPanel;

  static size_t size(const BlockBanks &banks) {
    int64_t groups = 0;
    for (const auto &parts : banks)
      for (const BlockWeight *part : parts)
        groups += (part->n + kPanel - 1) / kPanel * (part->k / kGroup);
    return static_cast<size_t>(groups * groupBytes);
  }
  static char *write(const BlockWeight &w, int64_t first, char *to) {
    int64_t rows = std::min(kPanel, w.n - first);
    for (int64_t g = 0; g < w.k / kGroup; ++g, to += groupBytes)
      for (int64_t row = 0; row < rows; ++row) {
        std::memcpy(to + 2 * row, &w.scales[(first + row) * (w.k / kGroup) + g],
                    2);
        for (int64_t i = 0; i < kGroup; ++i)
          to[2 * kPanel + i * kPanel + row] = static_cast<char>(
              w.numbers[(first + row) * w.k + g * kGroup + i]);
      }
    return to;
  }

  GuardedBytes bytes;
};

class BlockProduct : public ::testing::TestWithParam<const char *> {
protected:
  Kernel blocks(const std::string &more = "") { return make("i8x32", more); }
  Kernel floats(const std::string &more = "") { return make("f32", more); }

  // The product with `w`, of the panels of either.
  static std::vector<float> product(const Kernel &kernel, Rows<float> &x,
                                    void *w, int64_t n, int workers = 1,
                                    std::map<std::string, void *> more = {}) {
    Rows<float> y(x.rows, n);
    Kernel::Call call{.operands = {{"x", x}, {"w", w}, {"y", y}},
                      .dims = {{"K", x.columns},
                               {"N", n},
                               {"x.stride", x.stride},
                               {"y.stride", y.stride}},
                      .rows = x.rows,
                      .workers = workers};
    call.operands.merge(more);
    EXPECT_EQ(kernel.run(call), 0);
    EXPECT_TRUE(y.paddingIsUntouched());
    return y.values();
  }

private:
  Kernel make(const std::string &weight, const std::string &more) {
    return Kernel("linear",
                  "{weight = \"" + weight + "\", compute = \"f32\"" + more +
                      "}",
                  "", GetParam());
  }
};

// One group and many, both lengths of a block of sums and their ends; one row
// of the weight, whole panels and ragged ones.
TEST_P(BlockProduct, HasTheBitsOfTheNumbersAsF32) {
  Kernel kept = blocks(), plain = floats();
  for (auto [k, n] : {std::pair<int64_t, int64_t>{32, 1},
                      {96, 64},
                      {544, 65},
                      {1024, 130},
                      {1056, 16},
                      {2080, 100}}) {
    BlockWeight weight(n, k, 1);
    PackedBlocks packed(weight);
    Packed dense(weight.dense(), false);
    for (int64_t rows : {1, 2, 5, 7, 33, 67}) {
      Rows<float> x = Rows<float>(rows, k).random(unsigned(rows));
      EXPECT_EQ(product(kept, x, packed, n, 1 + rows % 3),
                product(plain, x, dense, n))
          << rows << " rows, N " << n << ", K " << k;
    }
  }
}

TEST_P(BlockProduct, IsNearTheSumInDouble) {
  constexpr int64_t k = 160, n = 70, rows = 3;
  BlockWeight weight(n, k, 2);
  PackedBlocks packed(weight);
  Rows<float> x = Rows<float>(rows, k).random(3);
  std::vector<float> found = product(blocks(), x, packed, n);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < n; ++c) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < k; ++i) {
        double term = double(x.at(r, i)) * weight.at(c, i);
        sum += term;
        size += term * term;
      }
      ASSERT_NEAR(found[r * n + c], sum, 3e-6 * std::sqrt(size))
          << r << " " << c;
    }
}

TEST_P(BlockProduct, EveryWholeNumberAndScaleKeepsItsValue) {
  // Column c of x picks number c of each row: 256 numbers times 32 scales.
  constexpr int64_t k = 256, n = 96;
  BlockWeight weight(n, k, 4);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < k; ++i)
      weight.numbers[row * k + i] = static_cast<int8_t>(i + row);
  PackedBlocks packed(weight);
  Rows<float> x = Rows<float>(k, k).fill(
      [](int64_t r, int64_t c) { return r == c ? 1.0f : 0.0f; });
  std::vector<float> found = product(blocks(), x, packed, n);
  for (int64_t i = 0; i < k; ++i)
    for (int64_t row = 0; row < n; ++row)
      ASSERT_EQ(found[i * n + row], weight.at(row, i)) << row << " " << i;
}

TEST_P(BlockProduct, NormAndEpilogueAreThoseOfF32) {
  constexpr int64_t k = 96, n = 70, rows = 19;
  BlockWeight weight(n, k, 5);
  PackedBlocks packed(weight);
  Packed dense(weight.dense(), false);
  Rows<float> x = Rows<float>(rows, k).random(6);
  Rows<float> norm = Rows<float>(1, k).random(7),
              bias = Rows<float>(1, n).random(8);
  std::string more = R"(, norm = "rms", norm_weight, eps = 1.0e-5 : f32, bias,
                          act = "silu", scale = 3.0 : f32)";
  std::map<std::string, void *> operands = {{"norm_w", norm}, {"bias", bias}};
  EXPECT_EQ(product(blocks(more), x, packed, n, 2, operands),
            product(floats(more), x, dense, n, 1, operands));
}

TEST_P(BlockProduct, GateAndUpHaveTheBitsOfF32) {
  constexpr int64_t k = 64, n = 88, rows = 9;
  BlockWeight gate(n, k, 9), up(n, k, 10);
  PackedBlocks packed(BlockBanks(1, {&gate, &up}));
  Weight denseGate = gate.dense(), denseUp = up.dense();
  Packed dense(Banks(1, {&denseGate, &denseUp}), false);
  Rows<float> x = Rows<float>(rows, k).random(11);
  for (const char *more : {", glu, act = \"silu\"", ", glu"})
    EXPECT_EQ(product(blocks(more), x, packed, n, 3),
              product(floats(more), x, dense, n))
        << more;
}

TEST_P(BlockProduct, ExpertsHaveTheBitsOfF32) {
  constexpr int64_t k = 64, n = 72, experts = 3, pairsCount = 7, topK = 2;
  std::vector<BlockWeight> weights;
  std::vector<Weight> dense;
  for (unsigned e = 0; e < experts; ++e) {
    weights.emplace_back(n, k, 20 + e);
    dense.push_back(weights.back().dense());
  }
  BlockBanks banks;
  Banks denseBanks;
  for (unsigned e = 0; e < experts; ++e) {
    banks.push_back({&weights[e]});
    denseBanks.push_back({&dense[e]});
  }
  PackedBlocks packed(banks);
  Packed floatsPacked(denseBanks, false);
  int32_t offsets[] = {0, 4, 4, 7}; // the second expert has no rows
  int32_t pairs[] = {0, 3, 5, 6, 1, 2, 4};
  Rows<float> x = Rows<float>(4, k).random(12);
  std::vector<std::vector<float>> found;
  for (bool kept : {true, false}) {
    Kernel kernel =
        kept ? blocks(", rows = \"tokens\"") : floats(", rows = \"tokens\"");
    void *w =
        kept ? static_cast<void *>(packed) : static_cast<void *>(floatsPacked);
    for (int workers : {1, 3}) {
      Rows<float> y(pairsCount, n);
      EXPECT_EQ(kernel.run({.operands = {{"x", x},
                                         {"w", w},
                                         {"offsets", offsets},
                                         {"pairs", pairs},
                                         {"y", y}},
                            .dims = {{"K", k},
                                     {"N", n},
                                     {"experts", experts},
                                     {"top_k", topK},
                                     {"x.stride", x.stride},
                                     {"y.stride", y.stride}},
                            .rows = pairsCount,
                            .workers = workers}),
                0);
      found.push_back(y.values());
    }
  }
  for (size_t i = 1; i < found.size(); ++i)
    EXPECT_EQ(found[i], found[0]);
}

INSTANTIATE_TEST_SUITE_P(Kernels, BlockProduct,
                         ::testing::Values("native", "x86-64-v3"));

TEST(BlockEmbedding, RowsAndPanelsGiveTheNumbers) {
  // Wider than a tile of the kernel; a ragged last panel.
  constexpr int64_t vocabulary = 130, width = 288, rows = 6;
  BlockWeight weight(vocabulary, width, 13);
  PackedBlocks panels(weight);
  GuardedBytes dense(vocabulary * width / kGroup * 34);
  char *to = dense.data();
  for (int64_t row = 0; row < vocabulary; ++row)
    for (int64_t g = 0; g < width / kGroup; ++g, to += 34) {
      std::memcpy(to, &weight.scales[row * (width / kGroup) + g], 2);
      std::memcpy(to + 2, &weight.numbers[row * width + g * kGroup], kGroup);
    }
  int32_t chosen[rows] = {129, 0, 63, 64, 7, 129};
  Rows<int32_t> ids = Rows<int32_t>(rows, 1).fill(
      [&](int64_t r, int64_t) { return chosen[r]; });
  std::vector<float> expected;
  for (int32_t id : chosen)
    for (int64_t c = 0; c < width; ++c)
      expected.push_back(weight.at(id, c));
  Rows<float> y(rows, width);
  for (const char *layout : {"rows", "panel"}) {
    Kernel embedding("embedding", "{weight = \"i8x32\", layout = \"" +
                                      std::string(layout) + "\"}");
    void *w = *layout == 'r' ? static_cast<void *>(dense.data())
                             : static_cast<void *>(panels);
    EXPECT_EQ(embedding.results({.operands = {{"ids", ids}, {"w", w}, {"y", y}},
                                 .dims = {{"N", width},
                                          {"V", vocabulary},
                                          {"ids.stride", ids.stride},
                                          {"y.stride", y.stride}},
                                 .rows = rows},
                                y),
              expected)
        << layout;
  }
}

} // namespace
