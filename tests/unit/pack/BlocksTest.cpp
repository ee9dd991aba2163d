// Weights in a block format: exactly the numbers of the file, or refused.
#include "compiler/pack/Blocks.h"

#include "compiler/checkpoint/DType.h"
#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>
#include <limits>

#include <cmath>
#include <functional>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using format::Elem, format::Layout;
using testing::HasSubstr;

namespace {

constexpr int64_t kGroup = 32, kPanel = 64;

std::vector<float> valuesOf(const Block &block) {
  std::vector<float> values;
  for (int8_t number : block.numbers)
    values.push_back(checkpoint::f16ToFloat(block.scale) * float(number));
  return values;
}

// 32 whole numbers of which the largest in magnitude is `most`.
std::vector<float> block(int most, float scale) {
  std::vector<float> values;
  for (int i = 0; i < kGroup; ++i)
    values.push_back(scale * float(i == 11 ? most : most * (i - 16) / 17));
  return values;
}

TEST(Blocks, EveryScaleOfF16ComesBackExactly) {
  for (int bits = 1; bits < 0x7c00; bits += 3) {
    float scale = checkpoint::f16ToFloat(uint16_t(bits));
    std::vector<float> values = block(127, scale);
    Result<Block> found = blockOf(Elem::I8x32, values.data());
    ASSERT_TRUE(found.ok()) << scale;
    ASSERT_EQ(valuesOf(*found), values) << scale;
  }
}

TEST(Blocks, EveryLargestNumberComesBackExactly) {
  // Sizes that are no powers of two, negative, and the least of all.
  for (float scale : {0.0123291015625f, -3.421875f, 5.9604644775390625e-08f})
    for (int most = 1; most <= 128; ++most)
      for (int sign : {1, -1}) {
        std::vector<float> values = block(sign * most, scale);
        Result<Block> found = blockOf(Elem::I8x32, values.data());
        ASSERT_TRUE(found.ok()) << scale << " " << sign * most;
        ASSERT_EQ(valuesOf(*found), values) << scale << " " << sign * most;
      }
}

TEST(Blocks, ZerosHaveTheScaleZero) {
  std::vector<float> values(kGroup, 0);
  values[3] = -0.0f;
  Result<Block> found = blockOf(Elem::I8x32, values.data());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->scale, 0);
  EXPECT_EQ(valuesOf(*found), std::vector<float>(kGroup, 0));
}

TEST(Blocks, RefuseWhatIsNoWholeMultipleOfOneScale) {
  auto refused = [](std::vector<float> values) {
    values.resize(kGroup, 0);
    return !blockOf(Elem::I8x32, values.data()).ok();
  };
  EXPECT_FALSE(refused({1, 127}));
  EXPECT_FALSE(refused({1, -128}));
  EXPECT_FALSE(refused({-1, 128}));     // a negative scale
  EXPECT_TRUE(refused({1, -128, 128})); // neither sign has both
  EXPECT_TRUE(refused({1, 129}));
  EXPECT_TRUE(refused({2, 255}));
  EXPECT_TRUE(refused({1, 0.3f}));
  EXPECT_TRUE(refused({1, 1.0000001f}));
  EXPECT_TRUE(refused({1.0f / 3})); // not of 11 bits
  EXPECT_TRUE(refused({1e-12f}));   // below the least scale
  EXPECT_TRUE(refused({1e30f}));    // 127 times the largest is less
  EXPECT_TRUE(refused({INFINITY}));
  EXPECT_TRUE(refused({1, NAN}));
}

// A maximum passes over what is no number.
TEST(Blocks, RefuseWhatIsNoNumber) {
  float values[32] = {};
  for (int nans : {1, 32}) {
    std::fill_n(values, nans, std::numeric_limits<float>::quiet_NaN());
    EXPECT_FALSE(blockOf(Elem::I8x32, values).ok()) << nans;
  }
}

TEST(Blocks, TheMessageSaysWhichFormatAndShowsValues) {
  std::vector<float> values(kGroup, 0.25f);
  values[1] = 0.3f;
  Result<Block> found = blockOf(Elem::I8x32, values.data());
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().code(), Code::Unsupported);
  EXPECT_THAT(found.status().message(), HasSubstr("the values 0.25, 0.3"));
  EXPECT_THAT(found.status().message(), HasSubstr("cannot be kept as i8x32"));
}

// A file with one tensor "t" whose element i is value(i).
class OneTensor {
public:
  OneTensor(const Shape &shape, const std::function<float(int64_t)> &value)
      : file_(open(shape, value)) {}
  const checkpoint::Checkpoint &operator*() const { return *file_; }

private:
  Result<checkpoint::Checkpoint>
  open(const Shape &shape, const std::function<float(int64_t)> &value) {
    Bytes data;
    for (int64_t i = 0; i < count(shape); ++i)
      data.number(value(i));
    nlohmann::json header;
    header["t"] = {{"dtype", "F32"},
                   {"shape", shape},
                   {"data_offsets", {0, data.data.size()}}};
    return checkpoint::Checkpoint::open(
        folder_.add("m.safetensors", safetensors(header.dump(), data.data)));
  }

  Folder folder_;
  Result<checkpoint::Checkpoint> file_;
};

// Number i, and the scale of its group: powers of two from 2^-3 to 2^3.
int numberAt(int64_t i) { return int(i * 37 % 255) - 127; }
float scaleAt(int64_t i) { return std::ldexp(1.0f, int(i / kGroup % 7) - 3); }
float valueAt(int64_t i) { return float(numberAt(i)) * scaleAt(i); }

struct Packed {
  std::vector<uint8_t> bytes;

  Packed(const checkpoint::Checkpoint &file,
         const std::vector<const spec::Weight *> &parts, Layout layout) {
    format::Packing packing{Elem::I8x32, layout, *joinedShape(parts)};
    Status status =
        packWeight(file, parts, packing, [&](const void *data, size_t size) {
          const auto *from = static_cast<const uint8_t *>(data);
          bytes.insert(bytes.end(), from, from + size);
          return Status();
        });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(int64_t(bytes.size()), packing.bytes());
  }

  // What the documented places of a scale and a number give.
  float product(int64_t scale, int64_t number) const {
    uint16_t bits;
    std::memcpy(&bits, &bytes[scale], 2);
    return checkpoint::f16ToFloat(bits) * float(int8_t(bytes[number]));
  }
  float inRows(int64_t i) const {
    int64_t group = i / kGroup * 34;
    return product(group, group + 2 + i % kGroup);
  }
  // Number (n, k) of a matrix of K columns whose panels begin at a byte.
  float inPanels(int64_t n, int64_t k, int64_t K, int64_t from = 0) const {
    int64_t group =
        from + (n / kPanel * (K / kGroup) + k / kGroup) * 34 * kPanel;
    return product(group + n % kPanel * 2,
                   group + 2 * kPanel + k % kGroup * kPanel + n % kPanel);
  }
};

TEST(PackBlocks, RowsAreGroupsOneAfterTheOther) {
  OneTensor file({5, 96}, valueAt);
  auto w = weight("w", {5, 96}, {"t"});
  Packed packed(*file, {&w}, Layout::Rows);
  for (int64_t i = 0; i < 5 * 96; ++i)
    ASSERT_EQ(packed.inRows(i), valueAt(i)) << i;
}

TEST(PackBlocks, RowsLongerThanTheBuffer) {
  constexpr int64_t columns = 131072 + 64;
  OneTensor file({2, columns}, valueAt);
  auto w = weight("w", {2, columns}, {"t"});
  Packed packed(*file, {&w}, Layout::Rows);
  for (int64_t i = 0; i < 2 * columns; ++i)
    ASSERT_EQ(packed.inRows(i), valueAt(i)) << i;
}

// A ragged panel; more columns than are read at once.
TEST(PackBlocks, PanelsHoldTheScalesAndThenTheNumbersOf64Rows) {
  for (auto [N, K] :
       {std::pair<int64_t, int64_t>{1, 32}, {130, 96}, {65, 4128}}) {
    OneTensor file({N, K}, valueAt);
    auto w = weight("w", {N, K}, {"t"});
    Packed packed(*file, {&w}, Layout::Panel);
    for (int64_t n = 0; n < N; ++n)
      for (int64_t k = 0; k < K; ++k)
        ASSERT_EQ(packed.inPanels(n, k, K), valueAt(n * K + k))
            << n << " " << k << " of " << N << " x " << K;
    for (int64_t n = N; n < (N + 63) / 64 * 64; ++n)
      for (int64_t k = 0; k < K; ++k)
        ASSERT_EQ(packed.inPanels(n, k, K), 0) << n << " " << k;
  }
}

TEST(PackBlocks, ExpertsAndPairsArePanelsByTurns) {
  constexpr int64_t E = 2, N = 70, K = 64, panels = 2 * 34 * 64 * (K / 32);
  OneTensor file({E, 2 * N, K}, valueAt);
  auto half = [&](const char *path, int64_t first) {
    auto w = weight(path, {E, N, K}, {"t"});
    w.source.fused = true;
    w.source.rows = {first, N, 0, 1};
    return w;
  };
  auto gate = half("gate", 0), up = half("up", N);
  Packed packed(*file, {&gate, &up}, Layout::PanelGlu);
  for (int64_t e = 0; e < E; ++e)
    for (int64_t n = 0; n < N; ++n)
      for (int64_t k = 0; k < K; ++k)
        for (int64_t part = 0; part < 2; ++part) {
          // Panel p of a part is panel 2p + part of an expert.
          int64_t from = e * 2 * panels + (n / 64 * 2 + part) * (panels / 2);
          ASSERT_EQ(packed.inPanels(n % 64, k, K, from),
                    valueAt((e * 2 * N + part * N + n) * K + k))
              << e << " " << n << " " << k << " part " << part;
        }
}

TEST(PackBlocks, RefusesByTheNameOfTheWeight) {
  // The last group holds one value that is between two numbers.
  OneTensor file({3, 64},
                 [](int64_t i) { return i == 190 ? 0.7f : valueAt(i); });
  auto w = weight("layers.q", {3, 64}, {"t"});
  w.index = 4;
  for (Layout layout : {Layout::Rows, Layout::Panel}) {
    const spec::Weight *parts[] = {&w};
    Status status = packWeight(*file, parts, {Elem::I8x32, layout, {3, 64}},
                               [](const void *, size_t) { return Status(); });
    EXPECT_EQ(status.code(), Code::Unsupported);
    EXPECT_THAT(status.message(),
                testing::StartsWith("weight 'layers.q[4]': the values "));
    EXPECT_THAT(status.message(), HasSubstr("cannot be kept as i8x32"));
  }
}

TEST(PackBlocks, RefusesRowsThatAreNoWholeGroups) {
  OneTensor file({4, 48}, valueAt);
  auto w = weight("w", {4, 48}, {"t"});
  const spec::Weight *parts[] = {&w};
  for (Layout layout : {Layout::Rows, Layout::Panel})
    EXPECT_THAT(packWeight(*file, parts, {Elem::I8x32, layout, {4, 48}},
                           [](const void *, size_t) { return Status(); })
                    .message(),
                HasSubstr("[4, 48] i8x32: expected a multiple of 32 columns"));
}

TEST(PackBlocks, StopsWhenTheSinkFails) {
  OneTensor file({4, 64}, valueAt);
  auto w = weight("w", {4, 64}, {"t"});
  const spec::Weight *parts[] = {&w};
  for (int good = 0; good < 4; ++good) {
    int calls = 0;
    Status status = packWeight(
        *file, parts, {Elem::I8x32, Layout::Panel, {4, 64}},
        [&](const void *, size_t) {
          return calls++ < good ? Status() : Status(Code::Io, "disk full");
        });
    EXPECT_EQ(status.message(), "weight 'w': disk full") << good;
    EXPECT_EQ(calls, good + 1);
  }
}

} // namespace
