// Recurrent layers against plain loops in double.
#include "tests/unit/kernels/Packed.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace sluice::testing;

namespace {

constexpr int64_t kSlots = 5;

struct Cell {
  const char *name;
  int64_t gates, kept;
};
constexpr Cell kCells[] = {
    {"tanh", 1, 1}, {"relu", 1, 1}, {"lstm", 4, 2}, {"gru", 3, 1}};

struct Shape {
  Cell cell;
  int64_t channels;
  const char *weight, *compute;
  bool narrow() const { return weight[0] == 'b'; }
  bool rounds() const { return compute[0] == 'b'; }
};

void PrintTo(const Shape &shape, std::ostream *out) {
  *out << shape.cell.name << " of " << shape.channels << ", " << shape.weight
       << " in " << shape.compute;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One channel: its gates of x and of the product, h and c before; c changes.
double next(const std::string &cell, const double *x, const double *u, double h,
            double &c) {
  if (cell == "lstm") {
    c = sigmoid(x[1] + u[1]) * c +
        sigmoid(x[0] + u[0]) * std::tanh(x[2] + u[2]);
    return sigmoid(x[3] + u[3]) * std::tanh(c);
  }
  if (cell == "gru") {
    double r = sigmoid(x[0] + u[0]), z = sigmoid(x[1] + u[1]);
    return (1 - z) * std::tanh(x[2] + r * u[2]) + z * h;
  }
  return cell == "tanh" ? std::tanh(x[0] + u[0]) : std::max(x[0] + u[0], 0.0);
}

class Layer {
public:
  explicit Layer(Shape shape, bool hasBias = true,
                 const std::string &target = "native")
      : shape(shape), sums(shape.cell.gates * shape.channels),
        weight(sums, shape.channels, 1,
               1.5f / std::sqrt(float(shape.channels))),
        packed(weight, shape.narrow()), bias(Rows<float>(1, sums).random(2)),
        state(kSlots, shape.cell.kept * shape.channels),
        kernel("recurrence",
               std::string("{cell = \"") + shape.cell.name + "\", weight = \"" +
                   shape.weight + "\", compute = \"" + shape.compute + "\"" +
                   (hasBias ? ", bias}" : "}"),
               "", target) {
    clear();
  }

  void clear() {
    for (int64_t slot = 0; slot < kSlots; ++slot)
      for (int64_t i = 0; i < state.columns; ++i)
        state.at(slot, i) = float(slot) / 8 - float(i % 7) / 16;
  }
  std::vector<float> slot(int64_t slot) {
    return {&state.at(slot, 0), &state.at(slot, 0) + state.columns};
  }

  std::vector<float> run(Rows<float> &x, const Batch &batch, int workers = 1) {
    Rows<float> y(x.rows, shape.channels);
    Kernel::Call call = {
        .operands = {{"x", x}, {"w", packed}, {"y", y}, {"state", state}},
        .dims = {{"N", shape.channels},
                 {"x.stride", x.stride},
                 {"y.stride", y.stride}},
        .rows = x.rows,
        .workers = workers,
        .batch = batch.get()};
    if (kernel.hasInput("bias"))
      call.operands["bias"] = bias;
    EXPECT_EQ(kernel.run(call), 0);
    EXPECT_TRUE(y.paddingIsUntouched());
    EXPECT_TRUE(state.paddingIsUntouched());
    return y.values();
  }

  // Rows [first, first + rows) of a sequence that starts from `kept`.
  std::vector<float> expected(Rows<float> &x, int64_t first, int64_t rows,
                              std::vector<float> kept) {
    int64_t n = shape.channels, gates = shape.cell.gates;
    std::vector<double> h(kept.begin(), kept.begin() + n), c(size_t(n), 0.0);
    std::copy(kept.begin() + n, kept.end(), c.begin());
    std::vector<float> values;
    for (int64_t row = first; row < first + rows; ++row) {
      std::vector<double> before = h;
      for (double &value : before)
        value = shape.rounds() ? double(Bf16(float(value))) : value;
      for (int64_t i = 0; i < n; ++i) {
        double own[4], u[4];
        for (int64_t g = 0; g < gates; ++g) {
          own[g] = x.at(row, g * n + i);
          u[g] = kernel.hasInput("bias") ? bias.at(0, g * n + i) : 0;
          for (int64_t j = 0; j < n; ++j)
            u[g] += weight.at(g * n + i, j) * before[size_t(j)];
        }
        h[size_t(i)] =
            next(shape.cell.name, own, u, h[size_t(i)], c[size_t(i)]);
      }
      values.insert(values.end(), h.begin(), h.end());
    }
    return values;
  }

  Shape shape;
  int64_t sums;
  Weight weight;
  Packed packed;
  Rows<float> bias, state;
  Kernel kernel;
};

class Recurrence : public ::testing::TestWithParam<Shape> {
protected:
  Rows<float> rows(int64_t count) {
    Shape shape = GetParam();
    return Rows<float>(count, shape.cell.gates * shape.channels).random(3, 2);
  }
};

TEST_P(Recurrence, IsTheCellRowAfterRow) {
  for (const char *target : {"native", "x86-64-v3"})
    for (bool bias : {false, true}) {
      Layer layer(GetParam(), bias, target);
      Rows<float> x = rows(9);
      std::vector<float> before = layer.slot(0);
      Batch batch({9});
      std::vector<float> found = layer.run(x, batch);
      // A value that is rounded to the other side changes what follows.
      double tolerance = GetParam().rounds() ? 2e-2 : 2e-5;
      expectNear(found, layer.expected(x, 0, 9, before), 0, tolerance);
    }
}

TEST_P(Recurrence, ChunksGiveTheBitsAndTheStateOfTheWhole) {
  constexpr int64_t tokens = 12;
  Rows<float> x = rows(tokens);
  Layer layer(GetParam());
  std::vector<float> expected = layer.run(x, Batch({tokens}));
  std::vector<float> state = layer.slot(0);
  for (const std::vector<int32_t> &chunks : std::vector<std::vector<int32_t>>{
           std::vector<int32_t>(tokens, 1), {1, 11}, {5, 1, 6}}) {
    layer.clear();
    std::vector<float> found;
    int64_t done = 0;
    for (int32_t count : chunks) {
      Rows<float> part =
          Rows<float>(count, x.columns).fill([&](int64_t r, int64_t c) {
            return x.at(done + r, c);
          });
      std::vector<float> values = layer.run(part, Batch({count}));
      found.insert(found.end(), values.begin(), values.end());
      done += count;
    }
    EXPECT_EQ(found, expected) << chunks.size() << " chunks";
    EXPECT_EQ(layer.slot(0), state) << chunks.size() << " chunks";
  }
}

TEST_P(Recurrence, SequencesOfABatchAreThoseAloneWithAnyNumberOfWorkers) {
  std::vector<int32_t> counts = {2, 7, 1, 4};
  Batch batch(counts);
  std::reverse(batch.slot.begin(), batch.slot.end());
  Rows<float> x = rows(batch.tokens());
  Layer alone(GetParam());
  std::vector<float> expected;
  for (size_t s = 0; s < counts.size(); ++s) {
    Rows<float> part =
        Rows<float>(counts[s], x.columns).fill([&](int64_t r, int64_t c) {
          return x.at(batch.first[s] + r, c);
        });
    Batch one({counts[s]});
    one.slot[0] = batch.slot[s];
    std::vector<float> values = alone.run(part, one);
    expected.insert(expected.end(), values.begin(), values.end());
  }
  for (int workers : {1, 2, 3, 16}) {
    Layer layer(GetParam());
    EXPECT_EQ(layer.run(x, batch, workers), expected) << workers;
    for (int64_t slot = 0; slot < kSlots; ++slot)
      EXPECT_EQ(layer.slot(slot), alone.slot(slot)) << workers << " " << slot;
  }
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const Cell &cell : kCells) {
    // Less than a vector; an odd number; more than a panel, than a block.
    for (int64_t channels : {5, 33, 80})
      all.push_back({cell, channels, "f32", "f32"});
    all.push_back({cell, 33, "bf16", "f32"});
    all.push_back({cell, 33, "bf16", "bf16"});
    all.push_back({cell, 64, "bf16", "bf16"});
  }
  all.push_back({kCells[0], 1100, "f32", "f32"});
  all.push_back({kCells[3], 530, "bf16", "f32"});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Shapes, Recurrence, ::testing::ValuesIn(shapes()));

} // namespace
