// Linear attention and the decaying mean against plain loops over all tokens.
#include "tests/unit/kernels/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

constexpr int64_t kSlots = 4;

// What runs a kernel on chunks of a sequence.
class Recurrence {
public:
  virtual ~Recurrence() = default;
  // The rows [first, first + batch.tokens()) of the operands.
  virtual std::vector<float> run(int64_t first, const Batch &batch,
                                 int workers = 1) = 0;
  virtual Rows<float> &memory() = 0;
  virtual void begin() = 0;
};

// However a sequence is cut, and however many workers there are.
void expectTheSameBits(Recurrence &one, int32_t tokens) {
  one.begin();
  Batch whole({tokens});
  std::vector<float> expected = one.run(0, whole);
  std::vector<float> kept = one.memory().values();
  for (const std::vector<int32_t> &chunks : std::vector<std::vector<int32_t>>{
           std::vector<int32_t>(tokens, 1), {1, tokens - 1}, {tokens - 2, 2}}) {
    one.begin();
    std::vector<float> found;
    for (int32_t count : chunks) {
      auto done = int64_t(found.size() * size_t(tokens) / expected.size());
      Batch batch({count});
      std::vector<float> values = one.run(done, batch);
      found.insert(found.end(), values.begin(), values.end());
    }
    EXPECT_EQ(found, expected) << chunks.size() << " chunks";
    EXPECT_EQ(one.memory().values(), kept) << chunks.size() << " chunks";
  }
  for (int workers : {2, 3, 16}) {
    one.begin();
    EXPECT_EQ(one.run(0, whole, workers), expected) << workers << " workers";
    EXPECT_EQ(one.memory().values(), kept) << workers << " workers";
  }
}

struct Shape {
  int64_t heads, keys, values;
  const char *attributes;
  bool perHead = false; // one factor for all keys of a head
};

void PrintTo(const Shape &shape, std::ostream *out) {
  *out << shape.heads << " heads of " << shape.keys << " keys and "
       << shape.values << " values, " << shape.attributes;
}

class Linear : public Recurrence {
public:
  static constexpr int64_t tokens = 9;

  explicit Linear(Shape shape)
      : shape(shape), kernel("linear_attention", shape.attributes),
        q(make(shape.keys, 1)), k(make(shape.keys, 2)),
        v(make(shape.values, 3)), read(make(shape.keys, 4)),
        write(make(shape.keys, 5)),
        decay(Rows<float>(tokens, shape.heads * width()).random(6)),
        bonus(Rows<float>(1, shape.heads * width()).random(7)),
        state(kSlots, shape.heads * shape.keys * shape.values) {
    begin();
  }

  int64_t width() const { return shape.perHead ? 1 : shape.keys; }
  bool decayHasRows() const {
    return std::string(shape.attributes).find("rows") != std::string::npos;
  }
  Rows<float> &memory() override { return state; }
  void begin() override {
    for (int64_t slot = 0; slot < kSlots; ++slot)
      for (int64_t i = 0; i < state.columns; ++i)
        state.at(slot, i) = float((slot * 31 + i * 7) % 13) / 16 - 0.25f;
  }

  std::vector<float> run(int64_t first, const Batch &batch,
                         int workers = 1) override {
    Rows<float> y(batch.tokens(), shape.heads * shape.values);
    auto from = [&](Rows<float> &rows) { return &rows.at(first, 0); };
    Kernel::Call call = {.operands = {{"q", from(q)},
                                      {"k", from(k)},
                                      {"v", from(v)},
                                      {"y", y},
                                      {"state", state}},
                         .dims = {{"heads", shape.heads},
                                  {"K", shape.keys},
                                  {"V", shape.values},
                                  {"q.stride", q.stride},
                                  {"k.stride", k.stride},
                                  {"v.stride", v.stride},
                                  {"y.stride", y.stride}},
                         .rows = batch.tokens(),
                         .workers = workers,
                         .batch = batch.get()};
    auto add = [&](const char *name, Rows<float> &rows, bool moves) {
      call.operands[name] = moves ? from(rows) : rows.data();
      if (moves)
        call.dims[std::string(name) + ".stride"] = rows.stride;
    };
    if (kernel.hasInput("read")) {
      add("read", read, true);
      add("write", write, true);
    }
    if (kernel.hasInput("decay")) {
      add("decay", decay, decayHasRows());
      call.dims["decay.width"] = width();
    }
    if (kernel.hasInput("bonus")) {
      add("bonus", bonus, false);
      call.dims["bonus.width"] = width();
    }
    EXPECT_EQ(kernel.run(call), 0);
    EXPECT_TRUE(y.paddingIsUntouched());
    EXPECT_TRUE(state.paddingIsUntouched());
    return y.values();
  }

  // Row t of the sequence, whose matrices are `memory` [head][key][value].
  std::vector<float> token(int64_t t, std::vector<double> &memory) {
    std::vector<float> y;
    for (int64_t h = 0; h < shape.heads; ++h)
      for (int64_t c = 0; c < shape.values; ++c) {
        double sum = 0, found = 0;
        auto at = [&](int64_t i) -> double & {
          return memory[size_t(((h * shape.keys + i) * shape.values) + c)];
        };
        auto of = [&](Rows<float> &rows, int64_t row, int64_t i) -> double {
          return rows.at(row, h * width() + (shape.perHead ? 0 : i));
        };
        if (kernel.hasInput("read"))
          for (int64_t i = 0; i < shape.keys; ++i)
            found += read.at(t, h * shape.keys + i) * at(i);
        for (int64_t i = 0; i < shape.keys; ++i) {
          int64_t column = h * shape.keys + i;
          double old = at(i);
          double product =
              double(k.at(t, column)) * v.at(t, h * shape.values + c);
          double next = old;
          if (kernel.hasInput("decay"))
            next *= of(decay, decayHasRows() ? t : 0, i);
          if (kernel.hasInput("read"))
            next += write.at(t, column) * found;
          next += product;
          at(i) = next;
          if (kernel.hasInput("bonus"))
            next = old + of(bonus, 0, i) * product;
          sum += q.at(t, column) * next;
        }
        y.push_back(float(sum));
      }
    return y;
  }

  Rows<float> make(int64_t width, unsigned seed) {
    return Rows<float>(tokens, shape.heads * width).random(seed);
  }

  Shape shape;
  Kernel kernel;
  Rows<float> q, k, v, read, write, decay, bonus, state;
};

class LinearAttention : public ::testing::TestWithParam<Shape> {};

TEST_P(LinearAttention, IsWhatTheFormulasSay) {
  Linear linear(GetParam());
  std::vector<int32_t> counts = {4, 1, 3};
  Batch batch(counts);
  std::vector<int32_t> slots = {2, 0, 3};
  std::copy(slots.begin(), slots.end(), batch.slot.begin());
  std::vector<float> expected;
  std::vector<std::vector<double>> after;
  for (size_t s = 0; s < counts.size(); ++s) {
    const float *from = &linear.state.at(slots[s], 0);
    std::vector<double> memory(from, from + linear.state.columns);
    for (int64_t t = batch.first[s]; t < batch.first[s + 1]; ++t) {
      std::vector<float> row = linear.token(t, memory);
      expected.insert(expected.end(), row.begin(), row.end());
    }
    after.push_back(memory);
  }
  std::vector<float> idle(&linear.state.at(1, 0),
                          &linear.state.at(1, 0) + linear.state.columns);
  expectNear(linear.run(0, batch), expected, 1e-5, 1e-5);
  for (size_t s = 0; s < counts.size(); ++s)
    for (int64_t i = 0; i < linear.state.columns; ++i)
      ASSERT_NEAR(linear.state.at(slots[s], i), after[s][size_t(i)], 1e-5);
  for (int64_t i = 0; i < linear.state.columns; ++i)
    ASSERT_EQ(linear.state.at(1, i), idle[size_t(i)]);
}

TEST_P(LinearAttention, ChunksAndWorkersGiveTheSameBits) {
  Linear linear(GetParam());
  expectTheSameBits(linear, Linear::tokens);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, LinearAttention,
    ::testing::Values(
        Shape{1, 1, 1, "{}"}, Shape{3, 5, 17, "{decay = \"vector\"}"},
        Shape{2, 16, 16, "{decay = \"vector\", bonus = \"vector\"}"},
        Shape{2, 7, 33, "{decay = \"rows\", bonus = \"vector\"}"},
        Shape{4, 8, 8, "{decay = \"vector\", bonus = \"vector\"}", true},
        Shape{3, 6, 20, "{decay = \"rows\"}", true},
        Shape{2, 9, 15, "{decay = \"rows\", corrected}"},
        Shape{2, 4, 16, "{bonus = \"vector\", corrected}"}));

class Mean : public Recurrence {
public:
  static constexpr int64_t tokens = 12;

  Mean(int64_t channels, const char *attributes, float scale)
      : kernel("decaying_mean", attributes),
        v(Rows<float>(tokens, channels).random(1, 3)),
        k(Rows<float>(tokens, channels).random(2, scale)),
        decay(Rows<float>(1, channels).fill([](int64_t, int64_t c) {
          return -float(c % 7) / 4;
        })),
        bonus(Rows<float>(1, channels).random(3)), state(kSlots, 3 * channels) {
    begin();
  }

  Rows<float> &memory() override { return state; }
  void begin() override {
    for (int64_t slot = 0; slot < kSlots; ++slot)
      for (int64_t i = 0; i < state.columns; ++i)
        state.at(slot, i) = -1e30f;
  }
  std::vector<float> run(int64_t first, const Batch &batch,
                         int workers = 1) override {
    Rows<float> y(batch.tokens(), v.columns);
    Kernel::Call call = {.operands = {{"v", &v.at(first, 0)},
                                      {"k", &k.at(first, 0)},
                                      {"decay", decay},
                                      {"y", y},
                                      {"state", state}},
                         .dims = {{"N", v.columns},
                                  {"v.stride", v.stride},
                                  {"k.stride", k.stride},
                                  {"y.stride", y.stride}},
                         .rows = batch.tokens(),
                         .workers = workers,
                         .batch = batch.get()};
    if (kernel.hasInput("bonus"))
      call.operands["bonus"] = bonus;
    EXPECT_EQ(kernel.run(call), 0);
    EXPECT_TRUE(y.paddingIsUntouched());
    EXPECT_TRUE(state.paddingIsUntouched());
    return y.values();
  }

  Kernel kernel;
  Rows<float> v, k, decay, bonus, state;
};

struct Keys {
  int64_t channels;
  const char *attributes;
  float scale;
};

void PrintTo(const Keys &keys, std::ostream *out) {
  *out << keys.channels << " channels, keys up to " << keys.scale << ", "
       << keys.attributes;
}

class DecayingMean : public ::testing::TestWithParam<Keys> {
protected:
  Mean mean{GetParam().channels, GetParam().attributes, GetParam().scale};
};

// Keys up to 500, far beyond what e^x can hold.
TEST_P(DecayingMean, IsTheMeanOverAllTokens) {
  Batch batch({5, 7});
  std::swap(batch.slot[0], batch.slot[1]);
  std::vector<float> expected;
  for (int64_t s = 0; s < 2; ++s)
    for (int64_t t = batch.first[s]; t < batch.first[s + 1]; ++t)
      for (int64_t c = 0; c < mean.v.columns; ++c) {
        auto score = [&](int64_t i) {
          if (i == t)
            return double(mean.k.at(i, c)) +
                   (mean.kernel.hasInput("bonus") ? mean.bonus.at(0, c) : 0);
          return mean.k.at(i, c) + double(t - 1 - i) * mean.decay.at(0, c);
        };
        double largest = -1e300, sum = 0, weight = 0;
        for (int64_t i = batch.first[s]; i <= t; ++i)
          largest = std::max(largest, score(i));
        for (int64_t i = batch.first[s]; i <= t; ++i) {
          double w = std::exp(score(i) - largest);
          sum += w * mean.v.at(i, c);
          weight += w;
        }
        expected.push_back(float(sum / weight));
      }
  expectNear(mean.run(0, batch), expected, 1e-4, 1e-4);
}

TEST_P(DecayingMean, ChunksAndWorkersGiveTheSameBits) {
  expectTheSameBits(mean, Mean::tokens);
}

INSTANTIATE_TEST_SUITE_P(Keys, DecayingMean,
                         ::testing::Values(Keys{1, "{bonus}", 1},
                                           Keys{16, "{}", 4},
                                           Keys{37, "{bonus}", 4},
                                           Keys{20, "{bonus}", 500}));

} // namespace
