#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using spec::Transform;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Transform::Kind;

namespace {

using Fill = void (*)(Transform &);

Transform make(Kind kind, Fill fill = [](Transform &) {}) {
  Transform transform;
  transform.kind = kind;
  fill(transform);
  return transform;
}

// The rows of experts lie on the second axis.
constexpr Axes experts = {1, false}, vector = {0, true};

// The transformed tensor of a file that counts from 0.
class Transformed {
public:
  Transformed(Shape shape, std::vector<Transform> steps, Axes axes = {})
      : file_({{"t", shape}}) {
    view_ = fileView(*file_, *(*file_).find("t"), axes.vector);
    for (const Transform &step : steps) {
      Result<ViewPtr> next = transformed(std::move(view_), step, axes);
      if (!next.ok()) {
        status = next.status();
        return;
      }
      view_ = std::move(*next);
    }
  }

  const View &operator*() const { return *view_; }
  Status status;

private:
  CountingFile file_;
  ViewPtr view_;
};

// Every tile of a view must be the cut-out of the whole.
void expectTilesAgree(const View &view) {
  std::vector<float> whole = values(view);
  int64_t rows = view.matrices() * view.rows(), columns = view.columns();
  for (int64_t row = 0; row < rows; row += 2)
    for (int64_t column = 0; column < columns; column += 3) {
      Tile tile{row, std::min<int64_t>(3, rows - row), column,
                std::min<int64_t>(4, columns - column)};
      std::vector<float> part(tile.rows * tile.columns);
      ASSERT_TRUE(view.read(tile, part.data()).ok());
      for (int64_t r = 0; r < tile.rows; ++r)
        for (int64_t c = 0; c < tile.columns; ++c)
          ASSERT_EQ(part[r * tile.columns + c],
                    whole[(row + r) * columns + column + c])
              << "row " << row + r << " column " << column + c;
    }
}

TEST(Transform, Transpose) {
  Transformed view({2, 3, 5}, {make(Kind::Transpose)});
  EXPECT_THAT((*view).shape(), ElementsAre(2, 5, 3));
  std::vector<float> found = values(*view);
  for (int64_t m = 0; m < 2; ++m)
    for (int64_t r = 0; r < 5; ++r)
      for (int64_t c = 0; c < 3; ++c)
        EXPECT_EQ(found[(m * 5 + r) * 3 + c], m * 15 + c * 5 + r);
  expectTilesAgree(*view);
}

TEST(Transform, TransposeOfManyBlocks) {
  Transformed view({600, 530}, {make(Kind::Transpose)});
  std::vector<float> found = values(*view);
  for (int64_t r = 0; r < 530; ++r)
    for (int64_t c = 0; c < 600; ++c)
      ASSERT_EQ(found[r * 600 + c], c * 530 + r);
}

TEST(Transform, Reshape) {
  Transformed view({4, 3, 2},
                   {make(Kind::Reshape, [](auto &t) { t.shape = {2, 12}; })});
  EXPECT_THAT((*view).shape(), ElementsAre(2, 12));
  EXPECT_EQ(values(*view)[23], 23);
  expectTilesAgree(*view);
  Transformed flat(
      {1, 1, 6}, {make(Kind::Reshape, [](auto &t) { t.shape = {6}; })}, vector);
  EXPECT_THAT((*flat).shape(), ElementsAre(6, 1));
  EXPECT_THAT(values(*flat), ElementsAre(0, 1, 2, 3, 4, 5));
  Transformed wrong({4},
                    {make(Kind::Reshape, [](auto &t) { t.shape = {2, 3}; })});
  EXPECT_THAT(wrong.status.message(),
              HasSubstr("[1, 4]: cannot be reshaped to [2, 3]"));
}

TEST(Transform, KernelAt) {
  Transformed view({2, 3, 2, 1},
                   {make(Kind::KernelAt, [](auto &t) { t.first = 1; })});
  EXPECT_THAT((*view).shape(), ElementsAre(2, 3));
  EXPECT_THAT(values(*view), ElementsAre(1, 3, 5, 7, 9, 11));
  expectTilesAgree(*view);
  Transformed wrong({2, 3, 2},
                    {make(Kind::KernelAt, [](auto &t) { t.first = 2; })});
  EXPECT_THAT(wrong.status.message(), HasSubstr("has no position 2"));
}

TEST(Transform, RopeRows) {
  auto toHalf = make(Kind::RopeRows, [](auto &t) { t.heads = 2; });
  Transformed half({8, 1}, {toHalf});
  EXPECT_THAT(values(*half), ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  auto partly = make(Kind::RopeRows, [](auto &t) {
    t.heads = 1;
    t.skip = 1;
    t.dims = 6;
  });
  Transformed part({8, 1}, {partly});
  EXPECT_THAT(values(*part), ElementsAre(0, 1, 3, 5, 2, 4, 6, 7));
  auto adjacent = partly;
  adjacent.toHalf = false;
  Transformed back({8, 1}, {partly, adjacent});
  EXPECT_THAT(values(*back), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  Transformed wide({8, 5}, {toHalf});
  EXPECT_EQ(values(*wide)[5], 10);
  expectTilesAgree(*wide);
  Transformed bias({8}, {toHalf}, vector);
  EXPECT_EQ(values(*bias), values(*half));
  Transformed wrong({7, 1}, {toHalf});
  EXPECT_THAT(wrong.status.message(), HasSubstr("its rows are not 2 heads"));
}

TEST(Transform, RopeRowsOfExperts) {
  Transformed view(
      {2, 4, 1}, {make(Kind::RopeRows, [](auto &t) { t.heads = 1; })}, experts);
  EXPECT_THAT(values(*view), ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
}

TEST(Transform, Rows) {
  auto rows = make(Kind::Rows, [](auto &t) {
    t.first = 1;
    t.last = 3;
  });
  Transformed view({2, 3, 2}, {rows}, experts);
  EXPECT_THAT((*view).shape(), ElementsAre(2, 2, 2));
  EXPECT_THAT(values(*view), ElementsAre(2, 3, 4, 5, 8, 9, 10, 11));
  expectTilesAgree(*view);
  // A convolution's rows are its first axis, whatever follows.
  Transformed conv({3, 2, 1, 2}, {rows});
  EXPECT_THAT((*conv).shape(), ElementsAre(2, 2, 1, 2));
  EXPECT_THAT(values(*conv), ElementsAre(4, 5, 6, 7, 8, 9, 10, 11));
  Transformed wrong({2, 2}, {rows});
  EXPECT_THAT(wrong.status.message(), HasSubstr("has no rows 1 to 2"));
}

TEST(Transform, TransposeOfVectors) {
  Transformed view({2, 3}, {make(Kind::Transpose)}, {1, true});
  EXPECT_THAT((*view).shape(), ElementsAre(3, 2, 1));
  EXPECT_THAT(values(*view), ElementsAre(0, 3, 1, 4, 2, 5));
  Transformed wrong({3}, {make(Kind::Transpose)}, vector);
  EXPECT_THAT(wrong.status.message(), HasSubstr("[3]: one axis is not enough"));
}

TEST(Transform, SwapHeads) {
  Transformed view({12, 1}, {make(Kind::SwapHeads, [](auto &t) {
                     t.outer = 2;
                     t.inner = 3;
                   })});
  EXPECT_THAT(values(*view), ElementsAre(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11));
}

TEST(Transform, Elementwise) {
  auto view = [](std::vector<Transform> steps) {
    return values(*Transformed({1, 2}, std::move(steps)));
  };
  auto add = make(Kind::Add, [](auto &t) { t.number = 0.1; });
  auto mul = make(Kind::Mul, [](auto &t) { t.number = -3; });
  EXPECT_THAT(view({add}), ElementsAre(0.1f, 1.0f + 0.1f));
  EXPECT_THAT(view({add, mul}), ElementsAre(0.1f * -3, (1.0f + 0.1f) * -3));
  EXPECT_THAT(view({make(Kind::Exp), make(Kind::Neg)}),
              ElementsAre(-1.0f, -2.718281828f));
  EXPECT_THAT(view({add, make(Kind::Round, [](auto &t) { t.type = "bf16"; })}),
              ElementsAre(0.10009765625f, 1.1015625f));
  EXPECT_THAT(view({add, make(Kind::Round, [](auto &t) { t.type = "f16"; })}),
              ElementsAre(0.0999755859375f, 1.099609375f));
  Transformed wrong({1}, {make(Kind::Round, [](auto &t) { t.type = "i8"; })});
  EXPECT_THAT(wrong.status.message(), HasSubstr("cannot round to 'i8'"));
}

TEST(Transform, UnitRows) {
  Transformed view({2, 5000}, {make(Kind::UnitRows)});
  std::vector<float> found = values(*view);
  for (int64_t row = 0; row < 2; ++row) {
    double sum = 0;
    for (int64_t i = 0; i < 5000; ++i)
      sum += double(found[row * 5000 + i]) * found[row * 5000 + i];
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  EXPECT_FLOAT_EQ(found[2] / found[1], 2);
  Transformed zero({1, 1}, {make(Kind::UnitRows)}); // 0 / 0 must not happen
  EXPECT_EQ(values(*zero)[0], 0);
}

TEST(Transform, Sinusoids) {
  auto waves = [](Transform &t) {
    t.positions = 5;
    t.number = 100;
  };
  Transformed view({3, 4}, {make(Kind::Sinusoids, waves)});
  EXPECT_EQ((*view).shape(), (Shape{3, 5}));
  std::vector<float> found = values(*view);
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t p = 0; p < 5; ++p) {
      double x = 4.0 * double(row); // the row counts on from here
      double expected = x * std::sin(p) + (x + 1) * std::sin(p * 0.1) +
                        (x + 2) * std::cos(p) + (x + 3) * std::cos(p * 0.1);
      EXPECT_NEAR(found[size_t(row * 5 + p)], expected, 1e-5);
    }
  expectTilesAgree(*view);
  Transformed odd({2, 3}, {make(Kind::Sinusoids, waves)});
  EXPECT_THAT(odd.status.message(), HasSubstr("no even width"));
}

TEST(Transform, Chain) {
  // Conv1D rows for a rotated head: transpose, then pairs to halves.
  Transformed view({3, 4},
                   {make(Kind::Transpose),
                    make(Kind::RopeRows, [](auto &t) { t.heads = 1; })});
  EXPECT_THAT(values(*view), ElementsAre(0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11));
  expectTilesAgree(*view);
}

} // namespace
