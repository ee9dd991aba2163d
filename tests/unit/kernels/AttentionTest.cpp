#include "compiler/kernels/Kernels.h"
#include "runtime/format/CacheLayout.h"
#include "tests/unit/kernels/KernelHarness.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace sluice::testing;

namespace {

struct Shape {
  int64_t heads, keyHeads, width, valueWidth;
  bool keysAlone = false; // the values are the first channels of the keys

  std::vector<sluice::format::NamedShape> fields() const {
    std::vector<sluice::format::NamedShape> all = {
        {"k", {keyHeads, width}}, {"v", {keyHeads, valueWidth}}};
    all.resize(keysAlone ? 1 : 2);
    return all;
  }
};

// The cache of one layer: blocks in any order, garbage where nothing was
// written, as the runtime hands it out.
class Cache {
public:
  Cache(Shape shape, std::vector<int32_t> lengths)
      : blocksEach(4), lengths(lengths),
        blockBytes(sluice::format::cacheBlockBytes(shape.fields())),
        pool(blockBytes * blocksEach * lengths.size()) {
    int32_t count = static_cast<int32_t>(blocksEach * lengths.size());
    for (int32_t i = 0; i < count; ++i)
      table.push_back((i * 5 + 3) % count);
    held.assign(lengths.size(), 0);
    total = held;
  }
  // The next step appends `count` rows to each sequence.
  void step(const std::vector<int32_t> &counts) {
    for (size_t s = 0; s < counts.size(); ++s) {
      held[s] = total[s];
      total[s] += counts[s];
    }
    view = {pool.data(), blockBytes,  table.data(),
            blocksEach,  held.data(), total.data()};
  }
  operator void *() { return &view; }
  bool operator==(const Cache &other) const {
    return std::memcmp(pool.data(), other.pool.data(), pool.size()) == 0;
  }

  std::vector<int32_t> held, total;

private:
  int64_t blocksEach;
  std::vector<int32_t> lengths;
  int64_t blockBytes;
  GuardedBytes pool;
  std::vector<int32_t> table;
  slc_cache view;
};

// Queries, keys and values of whole sequences; token i of sequence s is row
// first[s] + i.
struct Tokens {
  Shape shape;
  std::vector<int32_t> lengths, first{0};
  Rows<float> q, k, v;

  Tokens(Shape shape, std::vector<int32_t> lengths)
      : shape(shape), lengths(lengths),
        q(rowsOf(shape.heads * shape.width).random(1, 2)),
        k(rowsOf(shape.keyHeads * shape.width).random(2, 2)),
        v(rowsOf(shape.keyHeads * shape.valueWidth).random(3)) {
    for (int32_t length : lengths)
      first.push_back(first.back() + length);
  }
  Rows<float> rowsOf(int64_t columns) const { return {sum(lengths), columns}; }
  static int64_t sum(const std::vector<int32_t> &values) {
    return std::accumulate(values.begin(), values.end(), int64_t(0));
  }
  float value(int64_t row, int64_t head, int64_t c) {
    return shape.keysAlone ? k.at(row, head * shape.width + c)
                           : v.at(row, head * shape.valueWidth + c);
  }
  float query(int64_t row, int64_t head, int64_t i) {
    return q.at(row, head * shape.width + i);
  }
};

struct Mask {
  bool causal = true;
  int64_t window = 0, band = 0;
  std::string attributes() const {
    std::string terms = std::string(causal ? ", \"causal\"" : "") +
                        (window ? ", \"window\"" : "") +
                        (band ? ", \"band\"" : "");
    return terms.empty() ? "" : ", mask = [" + terms.substr(2) + "]";
  }
  bool sees(int64_t i, int64_t j) const {
    return (!causal || j <= i) && (!window || (j <= i && i - j < window)) &&
           (!band || std::abs(i - j) <= band);
  }
};

// What attention adds to the scores.
struct Extras {
  std::string attributes;
  std::map<std::string, void *> operands;
  std::map<std::string, int64_t> dims;
  std::function<double(int64_t head, int64_t i, int64_t j)> bias;
  std::vector<float> sinks;
  double cap = 0;
};

constexpr double kScale = 0.25;

std::vector<float> expectedRows(Tokens &t, const Mask &mask,
                                const Extras &extras) {
  std::vector<float> result;
  const Shape &shape = t.shape;
  for (size_t s = 0; s < t.lengths.size(); ++s)
    for (int64_t i = 0; i < t.lengths[s]; ++i)
      for (int64_t h = 0; h < shape.heads; ++h) {
        int64_t keyHead = h / (shape.heads / shape.keyHeads);
        std::vector<double> o(shape.valueWidth, 0);
        double sum = extras.sinks.empty() ? 0 : std::exp(extras.sinks[h]);
        for (int64_t j = 0; j < t.lengths[s]; ++j) {
          if (!mask.sees(i, j))
            continue;
          double score = 0;
          for (int64_t c = 0; c < shape.width; ++c)
            score += double(t.query(t.first[s] + i, h, c)) *
                     t.k.at(t.first[s] + j, keyHead * shape.width + c);
          score *= kScale;
          if (extras.bias)
            score += extras.bias(h, i, j);
          if (extras.cap)
            score = extras.cap * std::tanh(score / extras.cap);
          double p = std::exp(score);
          sum += p;
          for (int64_t c = 0; c < shape.valueWidth; ++c)
            o[c] += p * t.value(t.first[s] + j, keyHead, c);
        }
        for (double value : o)
          result.push_back(static_cast<float>(value / sum));
      }
  return result;
}

class Attention {
public:
  Attention(Shape shape, Mask mask, Extras extras = {},
            const std::string &target = "native")
      : shape(shape), mask(mask), extras(extras),
        append("append", shape.keysAlone ? "{keys_alone}" : "{}", "", target),
        attend("attend",
               "{head_dim = " + std::to_string(shape.width) + ", value_dim = " +
                   std::to_string(shape.valueWidth) + ", scale = 0.25 : f32" +
                   (shape.keysAlone ? ", keys_alone" : "") + mask.attributes() +
                   extras.attributes + "}",
               "", target) {}

  // Feeds the sequences in steps: `steps[i][s]` new tokens of sequence s.
  std::vector<float>
  run(Tokens &t, const std::vector<std::vector<int32_t>> &steps, int workers) {
    Cache cache(shape, t.lengths);
    Rows<float> all(t.q.rows, shape.heads * shape.valueWidth);
    for (const std::vector<int32_t> &counts : steps) {
      std::vector<int64_t> rows;
      std::vector<int32_t> held = cache.total;
      for (size_t s = 0; s < counts.size(); ++s)
        for (int32_t i = 0; i < counts[s]; ++i)
          rows.push_back(t.first[s] + held[s] + i);
      cache.step(counts);
      oneStep(t, cache, Batch(counts), rows, all, workers);
    }
    return all.values();
  }

private:
  static Rows<float> pick(Rows<float> &from, const std::vector<int64_t> &rows) {
    return Rows<float>(static_cast<int64_t>(rows.size()), from.columns)
        .fill([&](int64_t r, int64_t c) { return from.at(rows[r], c); });
  }

  void oneStep(Tokens &t, Cache &cache, const Batch &batch,
               const std::vector<int64_t> &rows, Rows<float> &all,
               int workers) {
    Rows<float> q = pick(t.q, rows), k = pick(t.k, rows), v = pick(t.v, rows);
    int64_t count = static_cast<int64_t>(rows.size());
    Rows<float> y(count, all.columns);
    Kernel::Call write{.operands = {{"k", k}, {"cache", cache}},
                       .dims = {{"heads", shape.keyHeads},
                                {"head_dim", shape.width},
                                {"k.stride", k.stride}},
                       .rows = count,
                       .workers = workers,
                       .batch = batch.get()};
    if (!shape.keysAlone) {
      write.operands["v"] = v;
      write.dims["value_dim"] = shape.valueWidth;
      write.dims["v.stride"] = v.stride;
    }
    EXPECT_EQ(append.run(write), 0);
    Kernel::Call call{.operands = {{"q", q}, {"cache", cache}, {"y", y}},
                      .dims = {{"heads", shape.heads},
                               {"kv_heads", shape.keyHeads},
                               {"q.stride", q.stride},
                               {"y.stride", y.stride}},
                      .rows = count,
                      .workers = workers,
                      .batch = batch.get()};
    if (mask.window)
      call.dims["window"] = mask.window;
    if (mask.band)
      call.dims["band"] = mask.band;
    call.operands.insert(extras.operands.begin(), extras.operands.end());
    call.dims.insert(extras.dims.begin(), extras.dims.end());
    EXPECT_EQ(attend.run(call), 0);
    for (int64_t r = 0; r < count; ++r)
      for (int64_t c = 0; c < all.columns; ++c)
        all.at(rows[r], c) = y.at(r, c);
  }

  Shape shape;
  Mask mask;
  Extras extras;
  Kernel append, attend;
};

// All tokens of all sequences at once.
std::vector<std::vector<int32_t>> together(const Tokens &t) {
  return {t.lengths};
}

// Token by token; sequences that are done give none.
std::vector<std::vector<int32_t>> oneByOne(const Tokens &t) {
  std::vector<std::vector<int32_t>> steps;
  for (int32_t i = 0; i < *std::max_element(t.lengths.begin(), t.lengths.end());
       ++i) {
    steps.emplace_back();
    for (int32_t length : t.lengths)
      steps.back().push_back(i < length);
  }
  return steps;
}

// One sequence after the other, in uneven chunks.
std::vector<std::vector<int32_t>> chunks(const Tokens &t) {
  std::vector<std::vector<int32_t>> steps;
  for (size_t s = 0; s < t.lengths.size(); ++s) {
    int32_t done = 0;
    for (int32_t size : {1, 30, 7, 100, 1000}) {
      std::vector<int32_t> counts(t.lengths.size(), 0);
      counts[s] = std::min(size, t.lengths[s] - done);
      done += counts[s];
      if (counts[s])
        steps.push_back(counts);
    }
  }
  return steps;
}

class AttentionShapes : public ::testing::TestWithParam<Shape> {};

TEST_P(AttentionShapes, MatchesPlainLoopsWithOneResultForAnyChunking) {
  Shape shape = GetParam();
  Tokens t(shape, {150, 1, 37});
  for (const char *target : {"native", "x86-64-v3"}) {
    Attention attention(shape, {}, {}, target);
    std::vector<float> all = attention.run(t, together(t), 1);
    expectNear(all, expectedRows(t, {}, {}), 1e-5, 1e-5);
    EXPECT_EQ(attention.run(t, together(t), 3), all);
    EXPECT_EQ(attention.run(t, chunks(t), 2), all);
    EXPECT_EQ(attention.run(t, oneByOne(t), 2), all);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, AttentionShapes,
    ::testing::Values(Shape{4, 4, 24, 24}, Shape{4, 1, 128, 128},
                      Shape{6, 2, 80, 80}, Shape{3, 3, 9, 40},
                      Shape{80, 1, 16, 17}, Shape{16, 1, 72, 64, true},
                      Shape{6, 2, 25, 17, true},
                      Shape{150, 1, 130, 130, true}));

TEST(AttentionMasks, HideWhatTheyHide) {
  for (auto [mask, alone] : {std::pair{Mask{.window = 5}, false},
                             {Mask{.window = 140}, false},
                             {Mask{.window = 140}, true},
                             {Mask{.causal = false, .band = 70}, false},
                             {Mask{.causal = false}, false}}) {
    Shape shape{4, 2, 32, 32, alone};
    Tokens t(shape, {300, 20});
    Attention attention(shape, mask);
    std::vector<float> all = attention.run(t, together(t), 2);
    expectNear(all, expectedRows(t, mask, {}), 1e-5, 1e-5);
    if (mask.causal) {
      EXPECT_EQ(attention.run(t, chunks(t), 3), all)
          << "window " << mask.window << " " << alone;
    }
  }
}

TEST(AttentionExtras, SinksAndCap) {
  Shape shape{4, 2, 32, 32};
  Tokens t(shape, {140, 3});
  Extras extras;
  extras.attributes = ", sinks, cap = 1.5 : f32";
  extras.sinks = {0.5f, 2.0f, -30.0f, 1.0f};
  extras.operands = {{"sinks", extras.sinks.data()}};
  extras.cap = 1.5;
  Attention attention(shape, {}, extras);
  std::vector<float> all = attention.run(t, together(t), 1);
  expectNear(all, expectedRows(t, {}, extras), 1e-5, 1e-5);
  EXPECT_EQ(attention.run(t, oneByOne(t), 2), all);
}

TEST(AttentionExtras, Alibi) {
  Shape shape{4, 2, 32, 32};
  Tokens t(shape, {140, 3});
  std::vector<float> slopes = {0.5f, 0.25f, 0.125f, 0.0625f};
  Extras extras;
  extras.attributes = ", bias = \"alibi\"";
  extras.operands = {{"slopes", slopes.data()}};
  extras.bias = [&](int64_t h, int64_t i, int64_t j) {
    return slopes[h] * double(j - i);
  };
  Attention attention(shape, {}, extras);
  std::vector<float> all = attention.run(t, together(t), 1);
  expectNear(all, expectedRows(t, {}, extras), 1e-5, 1e-5);
  EXPECT_EQ(attention.run(t, chunks(t), 2), all);
}

TEST(AttentionExtras, BucketsByDistance) {
  Shape shape{4, 4, 32, 32};
  Tokens t(shape, {140, 3});
  constexpr int64_t reach = 20;
  std::vector<float> weight(6 * 4);
  for (size_t i = 0; i < weight.size(); ++i)
    weight[i] = 0.1f * static_cast<float>(i % 7) - 0.2f;
  std::vector<int32_t> buckets;
  for (int64_t d = -reach; d <= reach; ++d)
    buckets.push_back(d <= 0 ? std::min<int64_t>(-d / 4, 2)
                             : 3 + std::min<int64_t>(d / 8, 2));
  Extras extras;
  extras.attributes = ", bias = \"bucket\"";
  extras.operands = {{"bias_w", weight.data()}, {"buckets", buckets.data()}};
  extras.dims = {{"buckets", 6}, {"max_distance", reach}};
  extras.bias = [&](int64_t h, int64_t i, int64_t j) {
    return weight[buckets[std::clamp(j - i, -reach, reach) + reach] * 4 + h];
  };
  Mask all{.causal = false};
  for (const char *target : {"native", "x86-64-v3"}) {
    Attention attention(shape, all, extras, target);
    expectNear(attention.run(t, together(t), 2), expectedRows(t, all, extras),
               1e-5, 1e-5);
  }
}

// prepare against norm, rotate and append: the same rows of q and the same
// cache.
struct Preparation {
  const char *pairing, *norm;
  bool after, perHead;
};

class Prepare : public ::testing::TestWithParam<Preparation> {
protected:
  Preparation param = GetParam();
  static constexpr int64_t rows = 5, width = 24, valueWidth = 20, rotary = 9;
  static constexpr int64_t heads = 4, keyHeads = 2;
  bool rotates = std::string(param.pairing) != "none";
  bool norms = std::string(param.norm) != "none";

  // norm and rotate of one of q and k, by their own kernels.
  Rows<float> separately(Rows<float> &x, int64_t count, Rows<float> &weight,
                         Rows<float> &table) {
    Rows<float> now =
        Rows<float>(x.rows, x.columns).fill([&](int64_t r, int64_t c) {
          return x.at(r, c);
        });
    auto norm = [&] {
      Kernel kernel("norm", std::string("{kind = \"") + param.norm +
                                "\", weight, eps = 1.0e-6 : f32" +
                                (param.perHead ? ", per_head_weight}" : "}"));
      EXPECT_EQ(kernel.run({.operands = {{"x", now}, {"w", weight}, {"y", now}},
                            .dims = {{"N", width},
                                     {"heads", count},
                                     {"x.stride", now.stride},
                                     {"y.stride", now.stride}},
                            .rows = rows}),
                0);
    };
    auto rotate = [&] {
      Kernel kernel("rotate", std::string("{pairing = \"") + param.pairing +
                                  "\", from = 2}");
      EXPECT_EQ(
          kernel.run({.operands = {{"x", now}, {"table", table}, {"y", now}},
                      .dims = {{"heads", count},
                               {"head_dim", width},
                               {"rotary", rotary},
                               {"x.stride", now.stride},
                               {"table.stride", table.stride},
                               {"y.stride", now.stride}},
                      .rows = rows}),
          0);
    };
    if (norms && !param.after)
      norm();
    if (rotates)
      rotate();
    if (norms && param.after)
      norm();
    return now;
  }
};

TEST_P(Prepare, GivesTheBitsOfNormRotateAndAppend) {
  Shape shape{heads, keyHeads, width, valueWidth};
  Rows<float> q = Rows<float>(rows, heads * width).random(1);
  Rows<float> k = Rows<float>(rows, keyHeads * width).random(2);
  Rows<float> v = Rows<float>(rows, keyHeads * valueWidth).random(3);
  Rows<float> qNorm = Rows<float>(1, heads * width).random(4);
  Rows<float> kNorm = Rows<float>(1, heads * width).random(5);
  Rows<float> table = Rows<float>(rows, 2 * rotary).random(6);
  Batch batch({3, 2});

  Rows<float> expectedQ = separately(q, heads, qNorm, table);
  Rows<float> expectedK = separately(k, keyHeads, kNorm, table);
  Cache expected(shape, {3, 2}), actual(shape, {3, 2});
  expected.step({3, 2});
  actual.step({3, 2});
  Kernel append("append");
  EXPECT_EQ(
      append.run({.operands = {{"k", expectedK}, {"v", v}, {"cache", expected}},
                  .dims = {{"heads", keyHeads},
                           {"head_dim", width},
                           {"value_dim", valueWidth},
                           {"k.stride", expectedK.stride},
                           {"v.stride", v.stride}},
                  .rows = rows,
                  .batch = batch.get()}),
      0);

  std::string attributes = std::string("{pairing = \"") + param.pairing +
                           "\", from = 2, qk_norm = \"" + param.norm + "\"";
  Kernel::Call call{
      .operands = {{"q", q}, {"k", k}, {"v", v}, {"y", q}, {"cache", actual}},
      .dims = {{"heads", heads},
               {"kv_heads", keyHeads},
               {"head_dim", width},
               {"value_dim", valueWidth},
               {"q.stride", q.stride},
               {"k.stride", k.stride},
               {"v.stride", v.stride},
               {"y.stride", q.stride}},
      .rows = rows,
      .workers = 3,
      .batch = batch.get()};
  if (rotates) {
    call.operands["table"] = table;
    call.dims["table.stride"] = table.stride;
    call.dims["rotary"] = rotary;
  }
  if (norms) {
    attributes += ", q_norm, k_norm, eps = 1.0e-6 : f32";
    attributes += param.after ? ", norm_after_rope" : "";
    attributes += param.perHead ? ", per_head_weight" : "";
    call.operands["q_norm_w"] = qNorm;
    call.operands["k_norm_w"] = kNorm;
  }
  Kernel prepare("prepare", attributes + "}");
  EXPECT_EQ(prepare.run(call), 0);
  EXPECT_EQ(q.values(), expectedQ.values());
  EXPECT_TRUE(actual == expected);
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, Prepare,
    ::testing::Values(Preparation{"none", "none", false, false},
                      Preparation{"half", "none", false, false},
                      Preparation{"adjacent", "rms", false, true},
                      Preparation{"half", "layer", false, false},
                      Preparation{"half", "rms", true, false},
                      Preparation{"none", "rms", false, false}));

} // namespace
