// Where append puts keys and values, element by element, as
// runtime/format/CacheLayout.h describes a block.
#include "runtime/format/CacheLayout.h"
#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace sluice;
using namespace sluice::testing;

namespace {

constexpr int64_t kBlock = 128;

struct Widths {
  int64_t heads, key, value;
};

void PrintTo(const Widths &w, std::ostream *out) {
  *out << w.heads << " heads of " << w.key << " and " << w.value;
}

class Append : public ::testing::TestWithParam<Widths> {
protected:
  int64_t headElements() const {
    return (w.key + (w.value + 15) / 16 * 16) * kBlock;
  }
  // Places in a block.
  int64_t keyAt(int64_t head, int64_t position, int64_t i) const {
    return head * headElements() + position / 64 * 64 * w.key + i * 64 +
           position % 64;
  }
  int64_t valueAt(int64_t head, int64_t position, int64_t column) const {
    int64_t padded = (w.value + 15) / 16 * 16, first = column / 64 * 64;
    int64_t strip = std::min<int64_t>(padded - first, 64);
    return head * headElements() + w.key * kBlock + first * kBlock +
           position * strip + column - first;
  }

  const Widths w = GetParam();
};

// A sequence that goes on in its second block, another that begins one.
TEST_P(Append, WritesEachNumberToItsPlaceAndNothingElse) {
  const int64_t padded = (w.value + 15) / 16 * 16;
  const format::NamedShape fields[] = {{"k", {w.heads, w.key}},
                                       {"v", {w.heads, w.value}}};
  const int64_t blockBytes = format::cacheBlockBytes(fields);
  ASSERT_EQ(blockBytes, w.heads * headElements() * 4);

  // Rows 126 to 129 and 0 to 2.
  const std::vector<int32_t> counts = {4, 3}, held = {126, 0};
  const std::vector<int32_t> total = {130, 3};
  const std::vector<int32_t> table = {3, 1, 0, 2}; // two blocks each
  Batch batch(counts);
  Rows<float> k = Rows<float>(7, w.heads * w.key).random(1);
  Rows<float> v = Rows<float>(7, w.heads * w.value).random(2);
  Kernel append("append");
  for (int workers : {1, 3}) {
    GuardedBytes pool(size_t(4 * blockBytes));
    slc_cache cache = {pool.data(), blockBytes,  table.data(),
                       2,           held.data(), total.data()};
    ASSERT_EQ(append.run({.operands = {{"k", k}, {"v", v}, {"cache", &cache}},
                          .dims = {{"heads", w.heads},
                                   {"head_dim", w.key},
                                   {"value_dim", w.value},
                                   {"k.stride", k.stride},
                                   {"v.stride", v.stride}},
                          .rows = 7,
                          .workers = workers,
                          .batch = batch.get()}),
              0);

    GuardedBytes expected(pool.size()); // the same pattern all over
    auto *numbers = reinterpret_cast<float *>(expected.data());
    for (int64_t row = 0; row < 7; ++row) {
      int32_t s = batch.sequence[size_t(row)];
      int64_t position = held[size_t(s)] + batch.offset[size_t(row)];
      int64_t block = table[size_t(s * 2 + position / kBlock)];
      float *base = numbers + block * blockBytes / 4;
      for (int64_t h = 0; h < w.heads; ++h) {
        for (int64_t i = 0; i < w.key; ++i)
          base[keyAt(h, position % kBlock, i)] = k.at(row, h * w.key + i);
        for (int64_t c = 0; c < padded; ++c)
          base[valueAt(h, position % kBlock, c)] =
              c < w.value ? v.at(row, h * w.value + c) : 0;
      }
    }
    EXPECT_EQ(std::memcmp(pool.data(), expected.data(), pool.size()), 0)
        << workers << " workers";
  }
}

// Places of all positions are apart, inside of a block, and leave none free.
TEST_P(Append, PlacesCoverABlock) {
  std::vector<int> used(size_t(w.heads * headElements()), 0);
  const int64_t padded = (w.value + 15) / 16 * 16;
  for (int64_t h = 0; h < w.heads; ++h)
    for (int64_t position = 0; position < kBlock; ++position) {
      for (int64_t i = 0; i < w.key; ++i)
        ++used.at(size_t(keyAt(h, position, i)));
      for (int64_t c = 0; c < padded; ++c)
        ++used.at(size_t(valueAt(h, position, c)));
    }
  for (size_t i = 0; i < used.size(); ++i)
    ASSERT_EQ(used[i], 1) << i;
}

// Without values the keys are rows, and what fills up their last vector is
// zero.
TEST_P(Append, KeysAloneAreRows) {
  const int64_t stride = (w.key + 15) / 16 * 16;
  const format::NamedShape fields[] = {{"k", {w.heads, w.key}}};
  const int64_t blockBytes = format::cacheBlockBytes(fields);
  const std::vector<int32_t> held = {126}, total = {130}, table = {1, 0};
  Batch batch({4});
  Rows<float> k = Rows<float>(4, w.heads * w.key).random(1);
  Kernel append("append", "{keys_alone}");
  GuardedBytes pool(size_t(2 * blockBytes)), expected(pool.size());
  slc_cache cache = {pool.data(), blockBytes,  table.data(),
                     2,           held.data(), total.data()};
  ASSERT_EQ(append.run({.operands = {{"k", k}, {"cache", &cache}},
                        .dims = {{"heads", w.heads},
                                 {"head_dim", w.key},
                                 {"k.stride", k.stride}},
                        .rows = 4,
                        .workers = 3,
                        .batch = batch.get()}),
            0);
  auto *numbers = reinterpret_cast<float *>(expected.data());
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t h = 0; h < w.heads; ++h)
      for (int64_t i = 0; i < stride; ++i) {
        int64_t position = 126 + row, block = table[size_t(position / kBlock)];
        numbers[block * blockBytes / 4 + h * stride * kBlock +
                position % kBlock * stride + i] =
            i < w.key ? k.at(row, h * w.key + i) : 0;
      }
  EXPECT_EQ(std::memcmp(pool.data(), expected.data(), pool.size()), 0);
}

// Less than a strip, a whole one, one and a ragged rest; odd keys.
INSTANTIATE_TEST_SUITE_P(Widths, Append,
                         ::testing::Values(Widths{1, 1, 1}, Widths{2, 7, 20},
                                           Widths{3, 64, 64}, Widths{2, 40, 88},
                                           Widths{1, 33, 130}));

} // namespace
