// The causal convolution against plain loops that hold every row of a sequence.
#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

constexpr int64_t kSlots = 5;

// What the kernel remembers of kSlots sequences, a slot padded to 64 bytes.
class Slots {
public:
  Slots(int64_t width, int64_t channels)
      : width(width), channels(channels), all(kSlots, (width - 1) * channels) {
    clear();
  }

  void clear() {
    for (int64_t slot = 0; slot < kSlots; ++slot)
      for (int64_t i = 0; i < all.columns; ++i)
        all.at(slot, i) = 0;
  }
  float &at(int64_t slot, int64_t row, int64_t channel) {
    return all.at(slot, row * channels + channel);
  }
  std::vector<float> of(int64_t slot) {
    return {&all.at(slot, 0), &all.at(slot, 0) + all.columns};
  }
  operator void *() { return all; }
  Rows<float> &rows() { return all; }

private:
  int64_t width, channels;
  Rows<float> all;
};

struct Shape {
  int64_t channels, width;
};

void PrintTo(const Shape &shape, std::ostream *out) {
  *out << shape.channels << " channels, " << shape.width << " wide";
}

class Conv {
public:
  Conv(Shape shape, const std::string &attributes = "{}")
      : shape(shape), state(shape.width, shape.channels),
        w(Rows<float>(1, shape.channels * shape.width).random(1)),
        bias(Rows<float>(1, shape.channels).random(2)),
        kernel("causal_conv", attributes) {}

  // The rows of the batch, the sequences' states being changed.
  std::vector<float> run(Rows<float> &x, const Batch &batch, int workers = 1) {
    Rows<float> y(x.rows, shape.channels);
    Kernel::Call call = {
        .operands = {{"x", x}, {"w", w}, {"y", y}, {"state", state}},
        .dims = {{"N", shape.channels},
                 {"width", shape.width},
                 {"x.stride", x.stride},
                 {"y.stride", y.stride}},
        .rows = x.rows,
        .workers = workers,
        .batch = batch.get()};
    if (kernel.hasInput("bias"))
      call.operands["bias"] = bias;
    EXPECT_EQ(kernel.run(call), 0);
    EXPECT_TRUE(y.paddingIsUntouched());
    EXPECT_TRUE(state.rows().paddingIsUntouched());
    return y.values();
  }

  // Row `row` of a sequence whose rows are `x` from `first` on; before them
  // there are zeros.
  std::vector<float> expected(Rows<float> &x, int64_t first, int64_t row) {
    std::vector<float> values;
    for (int64_t c = 0; c < shape.channels; ++c) {
      float sum = 0;
      for (int64_t j = 0; j < shape.width; ++j) {
        int64_t from = row - (shape.width - 1) + j;
        float value = from < 0 ? 0 : x.at(first + from, c);
        sum = std::fma(w.at(0, c * shape.width + j), value, sum);
      }
      values.push_back(kernel.hasInput("bias") ? sum + bias.at(0, c) : sum);
    }
    return values;
  }
  std::vector<float> expectedAll(Rows<float> &x) {
    std::vector<float> values;
    for (int64_t row = 0; row < x.rows; ++row) {
      std::vector<float> one = expected(x, 0, row);
      values.insert(values.end(), one.begin(), one.end());
    }
    return values;
  }

  Shape shape;
  Slots state;
  Rows<float> w, bias;
  Kernel kernel;
};

class ConvTest : public ::testing::TestWithParam<Shape> {};

TEST_P(ConvTest, SumsTheTapsFromTheOldestOnByFma) {
  Rows<float> x = Rows<float>(11, GetParam().channels).random(3);
  for (const char *attributes : {"{}", "{bias}"}) {
    Conv conv(GetParam(), attributes);
    Batch batch({11});
    EXPECT_EQ(conv.run(x, batch), conv.expectedAll(x)) << attributes;
  }
}

// Whatever the chunks, shorter than the kernel or not.
TEST_P(ConvTest, ChunksGiveTheBitsAndTheStateOfTheWhole) {
  constexpr int64_t tokens = 13;
  Rows<float> x = Rows<float>(tokens, GetParam().channels).random(3);
  Conv conv(GetParam(), "{bias, fn = \"silu\"}");
  Batch whole({tokens});
  std::vector<float> expected = conv.run(x, whole);
  std::vector<float> state = conv.state.of(0);
  for (const std::vector<int32_t> &chunks :
       std::vector<std::vector<int32_t>>{std::vector<int32_t>(tokens, 1),
                                         {1, 12},
                                         {12, 1},
                                         {2, 1, 3, 1, 1, 5},
                                         {6, 7}}) {
    conv.state.clear();
    std::vector<float> found;
    int64_t done = 0;
    for (int32_t count : chunks) {
      Rows<float> part =
          Rows<float>(count, x.columns).fill([&](int64_t r, int64_t c) {
            return x.at(done + r, c);
          });
      Batch batch({count});
      std::vector<float> values = conv.run(part, batch);
      found.insert(found.end(), values.begin(), values.end());
      done += count;
    }
    EXPECT_EQ(found, expected) << chunks.size() << " chunks";
    EXPECT_EQ(conv.state.of(0), state) << chunks.size() << " chunks";
  }
}

TEST_P(ConvTest, TheStateIsTheLastRowsOldestFirst) {
  Conv conv(GetParam());
  int64_t kept = GetParam().width - 1;
  for (int64_t slot = 0; slot < kSlots; ++slot)
    for (int64_t row = 0; row < kept; ++row)
      for (int64_t c = 0; c < GetParam().channels; ++c)
        conv.state.at(slot, row, c) = float(1000 * slot + 100 * row + c % 50);
  // One row, as many as are kept, one more than these.
  std::vector<int32_t> counts = {1, int32_t(kept), int32_t(kept + 1)};
  std::vector<int32_t> slots = {3, 0, 2};
  Batch batch(counts);
  std::copy(slots.begin(), slots.end(), batch.slot.begin());
  Rows<float> x = Rows<float>(batch.tokens(), GetParam().channels).random(4);
  Slots before(GetParam().width, GetParam().channels);
  std::memcpy(before.rows().data(), conv.state.rows().data(),
              size_t(kSlots * before.rows().stride) * sizeof(float));
  conv.run(x, batch);

  for (size_t s = 0; s < slots.size(); ++s)
    for (int64_t row = 0; row < kept; ++row)
      for (int64_t c = 0; c < GetParam().channels; ++c) {
        int64_t from = row + counts[s] - kept; // of the new rows
        float expected = from < 0 ? before.at(slots[s], row + counts[s], c)
                                  : x.at(batch.first[s] + from, c);
        ASSERT_EQ(conv.state.at(slots[s], row, c), expected)
            << "sequence " << s << " row " << row << " channel " << c;
      }
  for (int64_t idle : {1, 4})
    EXPECT_EQ(conv.state.of(idle), before.of(idle)) << "slot " << idle;
}

TEST_P(ConvTest, SequencesOfABatchDoNotSeeEachOther) {
  std::vector<int32_t> counts = {2, 7, 1, 4};
  Batch batch(counts);
  std::reverse(batch.slot.begin(), batch.slot.end());
  Rows<float> x = Rows<float>(batch.tokens(), GetParam().channels).random(5);
  Conv conv(GetParam(), "{bias}");
  std::vector<float> expected;
  for (size_t s = 0; s < counts.size(); ++s)
    for (int64_t row = 0; row < counts[s]; ++row) {
      std::vector<float> one = conv.expected(x, batch.first[s], row);
      expected.insert(expected.end(), one.begin(), one.end());
    }
  EXPECT_EQ(conv.run(x, batch), expected);
}

TEST_P(ConvTest, AnyNumberOfWorkersGivesTheBitsAndTheStateOfOne) {
  Batch batch({3, 1, 9});
  Rows<float> x = Rows<float>(batch.tokens(), GetParam().channels).random(6);
  std::vector<float> expected, state;
  for (int workers : {1, 2, 3, 5, 16}) {
    Conv conv(GetParam(), "{fn = \"silu\"}");
    for (int64_t slot = 0; slot < kSlots; ++slot)
      for (int64_t row = 0; row + 1 < GetParam().width; ++row)
        for (int64_t c = 0; c < GetParam().channels; ++c)
          conv.state.at(slot, row, c) = float(slot + row) / 8 + float(c) / 1024;
    std::vector<float> found = conv.run(x, batch, workers);
    std::vector<float> kept = conv.state.rows().values();
    if (workers == 1)
      expected = found, state = kept;
    EXPECT_EQ(found, expected) << workers << " workers";
    EXPECT_EQ(kept, state) << workers << " workers";
  }
}

// Less than a vector, whole vectors, one channel more; the shortest kernel.
INSTANTIATE_TEST_SUITE_P(Shapes, ConvTest,
                         ::testing::Values(Shape{1, 2}, Shape{15, 3},
                                           Shape{16, 4}, Shape{17, 2},
                                           Shape{48, 5}, Shape{90, 4},
                                           Shape{266, 3}, Shape{33, 9}));

struct Activation {
  const char *word;
  double (*of)(double);
};

void PrintTo(const Activation &one, std::ostream *out) { *out << one.word; }

class ConvActivation : public ::testing::TestWithParam<Activation> {};

TEST_P(ConvActivation, IsAppliedToTheSumWithItsBias) {
  Conv conv({21, 3}, std::string("{bias, fn = \"") + GetParam().word + "\"}");
  Rows<float> x = Rows<float>(6, 21).random(7, 3);
  std::vector<float> expected = conv.expectedAll(x);
  for (float &value : expected)
    value = float(GetParam().of(value));
  Batch batch({6});
  expectNear(conv.run(x, batch), expected, 1e-6, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Words, ConvActivation,
    ::testing::Values(
        Activation{"none", [](double x) { return x; }},
        Activation{"silu", [](double x) { return x / (1 + std::exp(-x)); }},
        Activation{"gelu_erf",
                   [](double x) {
                     return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
                   }},
        Activation{"relu", [](double x) { return std::max(x, 0.0); }},
        Activation{"relu2",
                   [](double x) { return std::pow(std::max(x, 0.0), 2); }},
        Activation{"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
        Activation{"tanh", [](double x) { return std::tanh(x); }},
        Activation{"softplus",
                   [](double x) { return std::log1p(std::exp(x)); }}));

// Rows of a wider buffer, as a plan cuts them out of a joined product.
TEST(ConvColumns, ReadsAndWritesRowsInsideWiderOnes) {
  constexpr int64_t channels = 19, width = 4, rows = 5;
  Rows<float> wide = Rows<float>(rows, 70).random(8);
  Rows<float> out = Rows<float>(rows, 90).random(9);
  std::vector<float> before = out.values();
  Conv conv({channels, width});
  Rows<float> x = Rows<float>(rows, channels).fill([&](int64_t r, int64_t c) {
    return wide.at(r, 23 + c);
  });
  Batch batch({rows});
  std::vector<float> expected = conv.run(x, batch);
  conv.state.clear();
  ASSERT_EQ(conv.kernel.run({.operands = {{"x", &wide.at(0, 23)},
                                          {"w", conv.w},
                                          {"y", &out.at(0, 50)},
                                          {"state", conv.state}},
                             .dims = {{"N", channels},
                                      {"width", width},
                                      {"x.stride", wide.stride},
                                      {"y.stride", out.stride}},
                             .rows = rows,
                             .batch = batch.get()}),
            0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < 90; ++c) {
      bool inside = c >= 50 && c < 50 + channels;
      ASSERT_EQ(out.at(r, c),
                inside ? expected[r * channels + c - 50] : before[r * 90 + c])
          << r << " " << c;
    }
}

} // namespace
