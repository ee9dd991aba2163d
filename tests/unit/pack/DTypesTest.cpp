// Every transform on every type of a file that holds numbers by themselves:
// what comes out is what the same numbers give as f32.
#include "tests/unit/pack/Model.h"

#include "compiler/checkpoint/DType.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = spec::Transform::Kind;

namespace {

// A small whole number that all types hold exactly; no row repeats another.
int numberAt(int64_t i) { return int((i * 5 + i / 7 + i / 11) % 8); }

template <typename T> void append(Bytes &data, int number) {
  data.number(static_cast<T>(number));
}
// A float of `bits` in all of which `mantissa` are the mantissa.
template <typename T, int mantissa, int bias>
void appendFloat(Bytes &data, int number) {
  if (number == 0)
    return append<T>(data, 0);
  int exponent = std::ilogb(number);
  int rest =
      int(std::ldexp(float(number), mantissa - exponent)) - (1 << mantissa);
  data.number(static_cast<T>((exponent + bias) << mantissa | rest));
}

struct Type {
  const char *name;
  void (*append)(Bytes &, int number);
};
void PrintTo(const Type &type, std::ostream *out) { *out << type.name; }

constexpr Type kTypes[] = {
    {"F32", append<float>},
    {"F64", append<double>},
    {"F16", appendFloat<uint16_t, 10, 15>},
    {"BF16", appendFloat<uint16_t, 7, 127>},
    {"F8_E4M3", appendFloat<uint8_t, 3, 7>},
    {"F8_E5M2", appendFloat<uint8_t, 2, 15>},
    {"I8", append<int8_t>},
    {"U8", append<uint8_t>},
    {"I16", append<int16_t>},
    {"U16", append<uint16_t>},
    {"I32", append<int32_t>},
    {"U32", append<uint32_t>},
    {"I64", append<int64_t>},
    {"U64", append<uint64_t>},
};

class File {
public:
  File(const Type &type, const Shape &shape) : file_(open(type, shape)) {
    EXPECT_TRUE(file_.ok()) << file_.status().message();
  }
  const checkpoint::Checkpoint &operator*() const { return *file_; }

private:
  Result<checkpoint::Checkpoint> open(const Type &type, const Shape &shape) {
    Bytes data;
    for (int64_t i = 0; i < count(shape); ++i)
      type.append(data, numberAt(i));
    nlohmann::json header;
    header["t"] = {{"dtype", type.name},
                   {"shape", shape},
                   {"data_offsets", {0, data.data.size()}}};
    return checkpoint::Checkpoint::open(
        folder_.add("m.safetensors", safetensors(header.dump(), data.data)));
  }

  Folder folder_;
  Result<checkpoint::Checkpoint> file_;
};

struct Step {
  const char *name;
  Shape from, to; // of the tensor and of the weight
  spec::Transform transform;
  // Of element `i` of the weight, from the numbers of the tensor.
  float (*expected)(int64_t i);
};
void PrintTo(const Step &step, std::ostream *out) { *out << step.name; }

float number(int64_t i) { return float(numberAt(i)); }

std::vector<Step> steps() {
  auto make = [](Kind kind, auto fill) {
    spec::Transform transform;
    transform.kind = kind;
    fill(transform);
    return transform;
  };
  auto none = [](spec::Transform &) {};
  return {
      {"transpose",
       {6, 10},
       {10, 6},
       make(Kind::Transpose, none),
       [](int64_t i) { return number(i % 6 * 10 + i / 6); }},
      {"reshape",
       {6, 10},
       {4, 15},
       make(Kind::Reshape, [](auto &t) { t.shape = {4, 15}; }),
       number},
      {"kernel_at",
       {3, 4, 5},
       {3, 4},
       make(Kind::KernelAt, [](auto &t) { t.first = 3; }),
       [](int64_t i) { return number(i * 5 + 3); }},
      // Heads of 6 rows of which the last 4 are pairs.
      {"rope_rows",
       {12, 5},
       {12, 5},
       make(Kind::RopeRows,
            [](auto &t) {
              t.heads = 2;
              t.skip = 2;
            }),
       [](int64_t i) {
         static constexpr int from[] = {0, 1, 2, 4, 3, 5};
         int64_t row = i / 5;
         return number((row / 6 * 6 + from[row % 6]) * 5 + i % 5);
       }},
      {"rows",
       {7, 9},
       {3, 9},
       make(Kind::Rows,
            [](auto &t) {
              t.first = 2;
              t.last = 5;
            }),
       [](int64_t i) { return number(i + 18); }},
      {"add",
       {5, 7},
       {5, 7},
       make(Kind::Add, [](auto &t) { t.number = 0.5; }),
       [](int64_t i) { return number(i) + 0.5f; }},
      {"mul",
       {5, 7},
       {5, 7},
       make(Kind::Mul, [](auto &t) { t.number = 0.1; }),
       [](int64_t i) { return number(i) * 0.1f; }},
      {"neg",
       {5, 7},
       {5, 7},
       make(Kind::Neg, none),
       [](int64_t i) { return -number(i); }},
      {"exp",
       {5, 7},
       {5, 7},
       make(Kind::Exp, none),
       [](int64_t i) { return float(std::exp(double(number(i)))); }},
      {"unit_rows",
       {5, 7},
       {5, 7},
       make(Kind::UnitRows, none),
       [](int64_t i) {
         double sum = 0;
         for (int64_t c = 0; c < 7; ++c)
           sum += std::pow(number(i / 7 * 7 + c), 2);
         return number(i) / float(std::sqrt(sum));
       }},
      {"round",
       {5, 7},
       {5, 7},
       make(Kind::Round, [](auto &t) { t.type = "bf16"; }),
       number},
      {"swap_heads",
       {12, 3},
       {12, 3},
       make(Kind::SwapHeads,
            [](auto &t) {
              t.outer = 2;
              t.inner = 3;
            }),
       [](int64_t i) {
         // Rows [2][3][2] become [3][2][2].
         int64_t row = i / 3, head = row / 2;
         return number((head % 2 * 6 + head / 2 * 2 + row % 2) * 3 + i % 3);
       }},
  };
}

class TransformOfType
    : public ::testing::TestWithParam<std::tuple<Type, Step>> {};

TEST_P(TransformOfType, GivesWhatTheNumbersAsF32Give) {
  const auto &[type, step] = GetParam();
  File file(type, step.from);
  spec::Weight w = weight("w", step.to, {"t"});
  w.source.tensors[0].apply = {step.transform};
  Result<ViewPtr> view = openWeight(*file, w);
  ASSERT_TRUE(view.ok()) << view.status().message();
  std::vector<float> found = values(**view);
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_FLOAT_EQ(found[i], step.expected(int64_t(i))) << "element " << i;
  // And in a panel, which reads tiles of it.
  std::vector<float> panels = packed<float>(*file, {&w}, format::Layout::Panel);
  int64_t columns = step.to[1];
  for (int64_t i = 0; i < int64_t(found.size()); ++i)
    ASSERT_EQ(panels[i % columns * 64 + i / columns], found[i])
        << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(All, TransformOfType,
                         ::testing::Combine(::testing::ValuesIn(kTypes),
                                            ::testing::ValuesIn(steps())),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param).name) +
                                  "_" + std::get<1>(info.param).name;
                         });

// After joining, the transform sees all tensors as one.
TEST(TransformOrder, OfPartsComesBeforeThatOfTheWhole) {
  CountingFile file({{"a", {2, 2}}, {"b", {2, 2}}});
  spec::Weight w = weight("w", {2, 4}, {"a", "b"});
  spec::Transform negate, transpose;
  negate.kind = Kind::Neg;
  w.source.tensors[1].apply = {negate};
  w.source.apply = {transpose};
  Result<ViewPtr> view = openWeight(*file, w);
  ASSERT_TRUE(view.ok()) << view.status().message();
  EXPECT_THAT(values(**view),
              ElementsAre(0, 2, -1000, -1002, 1, 3, -1001, -1003));
}

TEST(TransformOrder, RowsOfAFusedTensorAreChosenAtTheEnd) {
  CountingFile file({{"t", {2, 6}}});
  spec::Weight w = weight("w", {2, 2}, {"t"});
  spec::Transform transpose;
  w.source.apply = {transpose}; // [6, 2]
  w.source.fused = true;
  w.source.rows = {1, 1, 3, 2}; // rows 1 and 4
  Result<ViewPtr> view = openWeight(*file, w);
  ASSERT_TRUE(view.ok()) << view.status().message();
  EXPECT_THAT(values(**view), ElementsAre(1, 7, 4, 10));
}

struct Refusal {
  const char *name;
  Shape shape;
  spec::Transform transform;
  const char *message;
};
void PrintTo(const Refusal &one, std::ostream *out) { *out << one.name; }

std::vector<Refusal> refusals() {
  auto make = [](Kind kind, auto fill) {
    spec::Transform transform;
    transform.kind = kind;
    fill(transform);
    return transform;
  };
  return {
      {"reshape_to_fewer",
       {2, 3},
       make(Kind::Reshape, [](auto &t) { t.shape = {2, 2}; }),
       "cannot be reshaped to [2, 2]"},
      {"tap_of_a_matrix",
       {2, 3},
       make(Kind::KernelAt, [](auto &) {}),
       "kernel_at needs axes after [out, in]"},
      {"negative_tap",
       {2, 3, 4},
       make(Kind::KernelAt, [](auto &t) { t.first = -1; }),
       "has no position -1"},
      {"no_heads",
       {4, 3},
       make(Kind::RopeRows, [](auto &t) { t.heads = 0; }),
       "its rows are not 0 heads"},
      {"rope_of_odd_rows",
       {6, 3},
       make(Kind::RopeRows, [](auto &t) { t.heads = 2; }),
       "cannot rotate 3 rows after 0 of heads of 3 rows"},
      {"rope_behind_the_head",
       {8, 3},
       make(Kind::RopeRows,
            [](auto &t) {
              t.heads = 2;
              t.skip = 2;
              t.dims = 4;
            }),
       "cannot rotate 4 rows after 2 of heads of 4 rows"},
      {"rows_that_end_before_they_begin",
       {4, 3},
       make(Kind::Rows,
            [](auto &t) {
              t.first = 3;
              t.last = 2;
            }),
       "has no rows 3 to 1"},
      {"rows_behind_the_end",
       {4, 3},
       make(Kind::Rows,
            [](auto &t) {
              t.first = 2;
              t.last = 5;
            }),
       "has no rows 2 to 4"},
      {"swap_of_other_heads",
       {12, 3},
       make(Kind::SwapHeads,
            [](auto &t) {
              t.outer = 2;
              t.inner = 5;
            }),
       "its rows are not 2 x 5 heads"},
      {"swap_of_no_heads",
       {12, 3},
       make(Kind::SwapHeads, [](auto &) {}),
       "its rows are not 0 x 0 heads"},
      {"round_to_nothing_known",
       {1, 1},
       make(Kind::Round, [](auto &t) { t.type = "f32"; }),
       "cannot round to 'f32'; expected f16 or bf16"},
  };
}

class TransformRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(TransformRefusal, NamesWeightFileTensorAndShape) {
  CountingFile file({{"t", GetParam().shape}});
  spec::Weight w = weight("layers.q", GetParam().shape, {"t"});
  w.index = 2;
  w.source.tensors[0].apply = {GetParam().transform};
  Result<ViewPtr> view = openWeight(*file, w);
  ASSERT_FALSE(view.ok());
  EXPECT_THAT(view.status().message(),
              testing::StartsWith("weight 'layers.q[2]': "));
  EXPECT_THAT(view.status().message(),
              HasSubstr("m.safetensors: tensor 't': "));
  EXPECT_THAT(view.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(All, TransformRefusal, ::testing::ValuesIn(refusals()),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
