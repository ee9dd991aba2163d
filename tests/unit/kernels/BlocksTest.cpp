// Weights in blocks: what is computed from them must have the bits
// of the same numbers kept as f32.
#include "tests/unit/kernels/PackedBlocks.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace sluice::testing;

namespace {

class BlockProduct
    : public ::testing::TestWithParam<std::tuple<Elem, const char *>> {
protected:
  Elem elem = std::get<0>(GetParam());
  int64_t unit = infoOf(elem).block;

  Kernel blocks(const std::string &more = "") {
    return make(infoOf(elem).name, more);
  }
  Kernel floats(const std::string &more = "") { return make("f32", more); }

private:
  Kernel make(const std::string &weight, const std::string &more) {
    return Kernel("linear",
                  "{weight = \"" + weight + "\", compute = \"f32\"" + more +
                      "}",
                  "", std::get<1>(GetParam()));
  }
};

// One group and many, both lengths of a block of sums and their ends; one row
// of the weight, whole panels and ragged ones.
TEST_P(BlockProduct, HasTheBitsOfTheNumbersAsF32) {
  Kernel kept = blocks(), plain = floats();
  for (auto [some, n] : {std::pair<int64_t, int64_t>{32, 1},
                         {96, 64},
                         {544, 65},
                         {1024, 130},
                         {1056, 16},
                         {2080, 100}}) {
    int64_t k = (some + unit - 1) / unit * unit;
    BlockWeight weight(elem, n, k, 1);
    PackedBlocks packed(weight);
    Packed dense(weight.dense(), false);
    for (int64_t rows : {1, 7, 100}) {
      Rows<float> x = Rows<float>(rows, k).random(unsigned(rows));
      EXPECT_EQ(product(kept, x, packed, n, 1 + rows % 3),
                product(plain, x, dense, n))
          << rows << " rows, N " << n << ", K " << k;
    }
  }
}

TEST_P(BlockProduct, IsNearTheSumInDouble) {
  constexpr int64_t n = 70, rows = 3;
  int64_t k = (160 + unit - 1) / unit * unit;
  BlockWeight weight(elem, n, k, 2);
  PackedBlocks packed(weight);
  Weight dense = weight.dense();
  Rows<float> x = Rows<float>(rows, k).random(3);
  std::vector<float> found = product(blocks(), x, packed, n);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < n; ++c) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < k; ++i) {
        double term = double(x.at(r, i)) * dense.at(c, i);
        sum += term;
        size += term * term;
      }
      ASSERT_NEAR(found[r * n + c], sum, 3e-6 * std::sqrt(size))
          << r << " " << c;
    }
}

TEST_P(BlockProduct, EveryNumberOfEveryPlaceKeepsItsValue) {
  // Column c of x picks column c of each row, which has every number there is.
  constexpr int64_t n = 256;
  int64_t k = unit;
  BlockWeight weight(elem, n, k, 4);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < k; ++i)
      weight.blocks[row].numbers[i] = static_cast<uint8_t>(
          (i + row) & ((1 << infoOf(elem).blocks.bits) - 1));
  PackedBlocks packed(weight);
  Weight dense = weight.dense();
  Rows<float> x = Rows<float>(k, k).fill(
      [](int64_t r, int64_t c) { return r == c ? 1.0f : 0.0f; });
  std::vector<float> found = product(blocks(), x, packed, n);
  for (int64_t i = 0; i < k; ++i)
    for (int64_t row = 0; row < n; ++row)
      ASSERT_EQ(found[i * n + row], dense.at(row, i)) << row << " " << i;
}

TEST_P(BlockProduct, NormAndEpilogueAreThoseOfF32) {
  constexpr int64_t n = 70, rows = 19;
  int64_t k = unit * (96 / unit + 1);
  BlockWeight weight(elem, n, k, 5);
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
  constexpr int64_t n = 88, rows = 9;
  int64_t k = 2 * unit;
  BlockWeight gate(elem, n, k, 9), up(elem, n, k, 10);
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
  constexpr int64_t n = 72, experts = 3, pairsCount = 7, topK = 2;
  int64_t k = 2 * unit;
  std::vector<BlockWeight> weights;
  std::vector<Weight> dense;
  for (unsigned e = 0; e < experts; ++e) {
    weights.emplace_back(elem, n, k, 20 + e);
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

std::string nameOf(const std::string &format, const std::string &target) {
  return format + "_" + (target == "native" ? "native" : "v3");
}
INSTANTIATE_TEST_SUITE_P(
    Kernels, BlockProduct,
    ::testing::Combine(::testing::ValuesIn(sluice::test::blockFormats()),
                       ::testing::Values("native", "x86-64-v3")),
    [](const auto &info) {
      return nameOf(infoOf(std::get<0>(info.param)).name,
                    std::get<1>(info.param));
    });

class BlockEmbedding : public ::testing::TestWithParam<Elem> {};

TEST_P(BlockEmbedding, RowsAndPanelsGiveTheNumbers) {
  // Wider than a tile of the kernel; a ragged last panel.
  Elem elem = GetParam();
  const sluice::format::ElemInfo &info = infoOf(elem);
  constexpr int64_t vocabulary = 130, rows = 6;
  int64_t width = 288 / info.block * info.block + info.block;
  BlockWeight weight(elem, vocabulary, width, 13);
  PackedBlocks panels(weight);
  GuardedBytes alone(vocabulary * width / info.block * info.blockBytes);
  for (size_t i = 0; i < weight.blocks.size(); ++i)
    sluice::pack::layBlocks(elem, &weight.blocks[i], 1, 1, 1,
                            reinterpret_cast<uint8_t *>(alone.data()) +
                                i * info.blockBytes);
  int32_t chosen[rows] = {129, 0, 63, 64, 7, 129};
  Rows<int32_t> ids = Rows<int32_t>(rows, 1).fill(
      [&](int64_t r, int64_t) { return chosen[r]; });
  std::vector<float> expected;
  Weight dense = weight.dense();
  for (int32_t id : chosen)
    for (int64_t c = 0; c < width; ++c)
      expected.push_back(dense.at(id, c));
  Rows<float> y(rows, width);
  for (const char *layout : {"rows", "panel"}) {
    Kernel embedding("embedding", "{weight = \"" + std::string(info.name) +
                                      "\", layout = \"" + layout + "\"}");
    void *w = *layout == 'r' ? static_cast<void *>(alone.data())
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

INSTANTIATE_TEST_SUITE_P(Kernels, BlockEmbedding,
                         ::testing::ValuesIn(sluice::test::blockFormats()),
                         [](const auto &info) {
                           return std::string(infoOf(info.param).name);
                         });

} // namespace
