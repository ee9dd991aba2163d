// Each thing that a call may be refused for, next to a call that is good.
#include "runtime/format/CallCheck.h"
#include "runtime/format/SignatureWriter.h"

#include <functional>
#include <gmock/gmock.h>
#include <map>

using namespace sluice::format;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

Given buffer(int64_t columns, RowKind rows = RowKind::Tokens) {
  Given given;
  given.name = "b";
  given.rows = rows;
  given.columns = given.stride = columns;
  return given;
}

Given weight(Packing packing) {
  Given given;
  given.kind = RefKind::Weight;
  given.name = "w";
  given.elem = packing.elem;
  given.packing = std::move(packing);
  return given;
}

Given state(StateKind kind) {
  Given given;
  given.kind = RefKind::State;
  given.name = "s";
  given.state = kind;
  return given;
}

// A signature of one operand, a dim `N` and what else is asked for, and a call.
class OneOperand : public ::testing::Test {
protected:
  using Describe = std::function<void(SignatureWriter &, const Size &n)>;

  // What check says of a call for N = n; dims that are not given are 0.
  std::string check(const Describe &describe, const Given &given, int64_t n,
                    std::map<std::string, int64_t> dims = {}) {
    SignatureWriter writer;
    describe(writer, writer.dim("N"));
    SignatureT signature = writer.take();
    EXPECT_EQ(checkSignature(signature), "");
    dims["N"] = n;
    std::vector<int64_t> values;
    for (const auto &dim : signature.dims)
      values.push_back(dims[dim->name]);
    return checkCall(signature, {values, rows, rowScale, {&given, 1}});
  }

  RowKind rows = RowKind::Tokens;
  int64_t rowScale = 1;
};

void plainRows(SignatureWriter &s, const Size &n) { s.rows("x", n); }
void denseRows(SignatureWriter &s, const Size &n) { s.dense("x", n); }
void vectorOf(SignatureWriter &s, const Size &n) { s.vector("x", n); }

TEST_F(OneOperand, DimsHaveALeastAndAMostValue) {
  Given one = buffer(8);
  EXPECT_EQ(check(plainRows, one, 8, {{"x.stride", 8}}), "");
  EXPECT_EQ(check(plainRows, one, 0, {{"x.stride", 8}}),
            "'N' is 0, it must be at least 1");
  EXPECT_EQ(check(plainRows, one, -8, {{"x.stride", 8}}),
            "'N' is -8, it must be at least 1");
  EXPECT_THAT(check(plainRows, one, kMaxDim + 1, {{"x.stride", 8}}),
              StartsWith("'N' is 2147483649"));
  EXPECT_THAT(check(plainRows, one, 8, {{"x.stride", -1}}),
              StartsWith("'x.stride' is -1, it must be at least 0"));
}

TEST_F(OneOperand, RulesHoldBetweenDims) {
  auto atMost = [](SignatureWriter &s, const Size &n) {
    s.vector("x", 1);
    s.atMost(2 * n, s.dim("room", 0));
  };
  Given one = weight({Elem::F32, Layout::Rows, {1}});
  EXPECT_EQ(check(atMost, one, 3, {{"room", 6}}), "");
  EXPECT_EQ(check(atMost, one, 3, {{"room", 5}}),
            "2 * N = 6 is more than room = 5");
  auto multiple = [](SignatureWriter &s, const Size &n) {
    s.vector("x", 1);
    s.multipleOf(n, s.dim("unit", 0));
  };
  EXPECT_EQ(check(multiple, one, 12, {{"unit", 4}}), "");
  EXPECT_EQ(check(multiple, one, 13, {{"unit", 4}}),
            "N = 13 is no multiple of unit = 4");
  EXPECT_EQ(check(multiple, one, 13, {{"unit", 0}}),
            "N = 13 is no multiple of unit = 0");
}

TEST_F(OneOperand, ElementsAreOfTheTypeThatTheKernelTakes) {
  Given one = buffer(8);
  one.elem = Elem::BF16;
  EXPECT_EQ(check(plainRows, one, 8, {{"x.stride", 8}}),
            "'x' is of bf16, the kernel takes f32");
  EXPECT_EQ(check([](SignatureWriter &s,
                     const Size &n) { s.rows("x", n).elem(Elem::BF16); },
                  one, 8, {{"x.stride", 8}}),
            "");
  EXPECT_EQ(check(vectorOf, weight({Elem::I32, Layout::Rows, {8}}), 8),
            "'x' is of i32, the kernel takes f32");
}

TEST_F(OneOperand, RowsLieInTheRoomBehindTheirColumn) {
  Given one = buffer(20);
  one.stride = 32;
  one.column = 12;
  EXPECT_EQ(check(plainRows, one, 20, {{"x.stride", 32}}), "");
  EXPECT_EQ(check(plainRows, one, 21, {{"x.stride", 32}}),
            "'x' has rows of 20 elements, the step's dims ask for 21");
  EXPECT_EQ(check(plainRows, one, 20, {{"x.stride", 20}}),
            "'x' has rows 32 elements apart, its stride is 20");
  EXPECT_EQ(check(plainRows, one, 20, {{"x.stride", 0}}),
            "'x' has rows 32 elements apart, its stride is 0");
}

TEST_F(OneOperand, AStrideOfZeroRepeatsOneRowOnly) {
  rows = RowKind::Tokens;
  EXPECT_EQ(check(plainRows, buffer(8, RowKind::One), 8, {{"x.stride", 0}}),
            "");
  EXPECT_THAT(check(plainRows, buffer(8, RowKind::One), 8, {{"x.stride", 8}}),
              HasSubstr("has other rows than the step: One * 1"));
}

TEST_F(OneOperand, RowsMayBeOneVectorOfAWeightWithoutAStride) {
  Given one = weight({Elem::F32, Layout::Rows, {3, 4}});
  EXPECT_EQ(check(plainRows, one, 12, {{"x.stride", 0}}), "");
  EXPECT_EQ(check(plainRows, one, 13, {{"x.stride", 0}}),
            "'x' is 'w', which has 12 elements, the step's dims ask for 13");
  EXPECT_EQ(check(plainRows, one, 4, {{"x.stride", 4}}),
            "'x' is the weight 'w', which has no rows of its own");
  EXPECT_EQ(check(denseRows, one, 4),
            "'x' is the weight 'w', which has no rows of its own");
}

TEST_F(OneOperand, RowsAreNoState) {
  EXPECT_EQ(check(plainRows, state(StateKind::Cache), 1),
            "'x' is the state 's', the kernel takes rows");
  EXPECT_EQ(check(plainRows, state(StateKind::Fixed), 1),
            "'x' is the state 's', the kernel takes rows");
}

TEST_F(OneOperand, DenseRowsHaveNoGaps) {
  EXPECT_EQ(check(denseRows, buffer(5), 5), "");
  Given padded = buffer(5);
  padded.stride = 16;
  EXPECT_EQ(check(denseRows, padded, 5),
            "'x' has rows of 5 elements 16 apart, the kernel takes them "
            "without gaps");
  // Of a single row there is no next one.
  padded.rows = RowKind::One;
  EXPECT_EQ(check([](SignatureWriter &s,
                     const Size &n) { s.dense("x", n).follows(Follows::One); },
                  padded, 5),
            "");
}

TEST_F(OneOperand, WholeRowsHaveNoOtherColumns) {
  auto whole = [](SignatureWriter &s, const Size &n) {
    s.rows("x", n).whole();
  };
  Given one = buffer(16);
  EXPECT_EQ(check(whole, one, 16, {{"x.stride", 16}}), "");
  EXPECT_EQ(check(whole, one, 15, {{"x.stride", 16}}),
            "'x' has 16 columns, the step is for 15");
  one.columns = 8;
  one.column = 8;
  EXPECT_EQ(check(whole, one, 8, {{"x.stride", 16}}),
            "'x' has 8 columns, the step is for 8");
}

TEST_F(OneOperand, RowsAreAsManyAsTheStepHas) {
  Given one = buffer(8);
  std::map<std::string, int64_t> dims = {{"x.stride", 8}};
  rows = RowKind::Wanted;
  EXPECT_THAT(check(plainRows, one, 8, dims),
              HasSubstr("has other rows than the step: Tokens * 1"));
  rows = RowKind::Tokens;
  rowScale = 3;
  EXPECT_THAT(check(plainRows, one, 8, dims), HasSubstr("Tokens * 1"));
  one.rowScale = 3;
  EXPECT_EQ(check(plainRows, one, 8, dims), "");
  one.rowScale = 4; // more than needed
  EXPECT_EQ(check(plainRows, one, 8, dims), "");
  EXPECT_THAT(
      check([](SignatureWriter &s, const Size &n) { s.rows("x", n).whole(); },
            one, 8, dims),
      HasSubstr("has other rows than the step: Tokens * 4"));
}

// A row of the operand for each two of the step, and two for each.
TEST_F(OneOperand, RowsMayGoWithSeveralOfTheStep) {
  auto over = [](SignatureWriter &s, const Size &n) { s.rows("x", 8).over(n); };
  auto times = [](SignatureWriter &s, const Size &n) {
    s.rows("x", 8).times(n);
  };
  std::map<std::string, int64_t> dims = {{"x.stride", 8}};
  rowScale = 2;
  EXPECT_EQ(check(over, buffer(8), 2, dims), "");
  EXPECT_THAT(check(over, buffer(8), 1, dims), HasSubstr("other rows"));
  rowScale = 1;
  Given twice = buffer(8);
  twice.rowScale = 2;
  EXPECT_EQ(check(times, twice, 2, dims), "");
  EXPECT_THAT(check(times, twice, 3, dims), HasSubstr("other rows"));
}

TEST_F(OneOperand, RowsOfTheTokensDoNotFollowTheStep) {
  auto tokens = [](SignatureWriter &s, const Size &n) {
    s.rows("x", n).follows(Follows::Tokens);
  };
  rows = RowKind::Sequences;
  EXPECT_EQ(check(tokens, buffer(8), 8, {{"x.stride", 8}}), "");
  EXPECT_EQ(check(tokens, buffer(8, RowKind::Sequences), 8, {{"x.stride", 8}}),
            "'x' does not have a row for each token");
}

TEST_F(OneOperand, AVectorIsAWeightOrABufferOfOneRow) {
  EXPECT_EQ(check(vectorOf, weight({Elem::F32, Layout::Rows, {2, 5}}), 10), "");
  // Its padding may be read.
  EXPECT_EQ(check(vectorOf, weight({Elem::F32, Layout::VectorGlu, {10}}), 128),
            "");
  EXPECT_EQ(check(vectorOf, weight({Elem::F32, Layout::VectorGlu, {10}}), 129),
            "'x' is 'w', which has 128 elements, the step's dims ask for 129");
  Given one = buffer(10, RowKind::One);
  one.column = 4;
  EXPECT_EQ(check(vectorOf, one, 6), "");
  EXPECT_EQ(check(vectorOf, one, 7),
            "'x' is 'b', which has 6 elements, the step's dims ask for 7");
  EXPECT_EQ(check(vectorOf, buffer(10), 10),
            "'x' is 'b', which is not one vector");
  EXPECT_EQ(check(vectorOf, state(StateKind::Fixed), 1),
            "'x' is 's', which is not one vector");
}

class Matrices : public OneOperand {
protected:
  static void matrix(SignatureWriter &s, const Size &n) {
    s.matrix("x", n, s.dim("K"), {Layout::Panel, Layout::PanelGlu}, Elem::F32);
  }
  static void experts(SignatureWriter &s, const Size &n) {
    s.matrix("x", n, s.dim("K"), {Layout::Panel}, Elem::F32)
        .count(s.dim("experts"));
  }
};

TEST_F(Matrices, AreWeightsInALayoutThatTheKernelReads) {
  EXPECT_EQ(check(matrix, weight({Elem::F32, Layout::Panel, {40, 24}}), 40,
                  {{"K", 24}}),
            "");
  EXPECT_EQ(check(matrix, weight({Elem::F32, Layout::PanelGlu, {40, 24}}), 40,
                  {{"K", 24}}),
            "");
  EXPECT_EQ(check(matrix, weight({Elem::F32, Layout::Rows, {40, 24}}), 40,
                  {{"K", 24}}),
            "'x' is 'w' in the layout 'rows', the kernel reads 'panel'");
  EXPECT_EQ(check(matrix, buffer(40), 40, {{"K", 24}}),
            "'x' is 'b', which is not a weight");
}

TEST_F(Matrices, HaveTheColumnsOfTheStepAndAtLeastItsRows) {
  Given one = weight({Elem::F32, Layout::Panel, {40, 24}});
  EXPECT_EQ(check(matrix, one, 64, {{"K", 24}}), ""); // with their padding
  EXPECT_EQ(check(matrix, one, 65, {{"K", 24}}),
            "'x' is 'w', which is [40, 24], the step's dims ask for [65, 24]");
  for (int64_t columns : {23, 25, 32})
    EXPECT_THAT(check(matrix, one, 40, {{"K", columns}}),
                HasSubstr("which is [40, 24]"));
}

TEST_F(Matrices, AreAsManyAsTheStepHasExperts) {
  Given one = weight({Elem::F32, Layout::Panel, {3, 40, 24}});
  EXPECT_EQ(check(experts, one, 40, {{"K", 24}, {"experts", 3}}), "");
  EXPECT_EQ(check(experts, one, 40, {{"K", 24}, {"experts", 4}}),
            "'x' is 'w', which is [3, 40, 24], the step's dims ask for "
            "[4, 40, 24]");
  EXPECT_THAT(check(experts, weight({Elem::F32, Layout::Panel, {40, 24}}), 40,
                    {{"K", 24}, {"experts", 2}}),
              HasSubstr("ask for [2, 40, 24]"));
}

TEST_F(Matrices, AreNoVectors) {
  EXPECT_EQ(check(
                [](SignatureWriter &s, const Size &n) {
                  s.matrix("x", n, 1, {Layout::Rows}, Elem::F32);
                },
                weight({Elem::F32, Layout::Rows, {40}}), 40),
            "'x' is 'w', which is not a matrix");
}

class States : public OneOperand {
protected:
  static void cache(SignatureWriter &s, const Size &n) {
    s.cache("x", {{"k", n, 4}, {"v", n, 6}});
  }
  static Given with(StateKind kind, std::vector<NamedShape> fields) {
    Given given = state(kind);
    given.fields = std::move(fields);
    return given;
  }
};

TEST_F(States, ACacheHasTheFieldsOfTheKernel) {
  for (StateKind kind : {StateKind::Cache, StateKind::Transient})
    EXPECT_EQ(check(cache, with(kind, {{"v", {2, 6}}, {"k", {2, 4}}}), 2), "");
  EXPECT_EQ(check(cache, with(StateKind::Cache, {{"k", {2, 4}}}), 2),
            "'x' is 's', which keeps 1 fields for each position, the kernel "
            "uses 2");
  EXPECT_EQ(
      check(cache, with(StateKind::Cache, {{"k", {2, 4}}, {"u", {2, 6}}}), 2),
      "'x' is 's', which has no field 'v'");
  EXPECT_EQ(
      check(cache, with(StateKind::Cache, {{"k", {2, 4}}, {"v", {2, 4}}}), 2),
      "'x' is 's', whose 'v' are [2, 4], the step's [2, 6]");
  EXPECT_EQ(
      check(cache, with(StateKind::Cache, {{"k", {3, 4}}, {"v", {3, 6}}}), 2),
      "'x' is 's', whose 'k' are [3, 4], the step's [2, 4]");
}

TEST_F(States, ACacheIsNeitherFixedNorABuffer) {
  EXPECT_EQ(
      check(cache, with(StateKind::Fixed, {{"k", {2, 4}}, {"v", {2, 6}}}), 2),
      "'x' is 's', which is not a cache");
  EXPECT_EQ(check(cache, buffer(8), 2), "'x' is 'b', which is not a cache");
}

TEST_F(States, AKernelWithoutFieldsTakesAnyCache) {
  auto any = [](SignatureWriter &s, const Size &) { s.cache("x", {}); };
  EXPECT_EQ(check(any, with(StateKind::Cache, {{"k", {2, 4}}}), 1), "");
  EXPECT_EQ(check(any, with(StateKind::Cache, {}), 1), "");
}

TEST_F(States, AFixedStateHasSlotsOfWholeLines) {
  auto fixed = [](SignatureWriter &s, const Size &n) {
    s.fixedState("x", 3 * n);
  };
  Given one = state(StateKind::Fixed);
  one.elements = 32;
  for (int64_t n : {6, 10})
    EXPECT_EQ(check(fixed, one, n), "") << n;
  for (int64_t n : {5, 11})
    EXPECT_THAT(check(fixed, one, n),
                HasSubstr("which has 32 elements a slot, the step's dims ask "
                          "for " +
                          std::to_string(3 * n)));
  EXPECT_EQ(check(fixed, state(StateKind::Cache), 6),
            "'x' is 's', which is not a fixed state");
  EXPECT_EQ(check(fixed, buffer(32), 6),
            "'x' is 'b', which is not a fixed state");
}

TEST(CallCheck, NamesTheFirstOperandThatIsWrong) {
  SignatureWriter writer;
  Size n = writer.dim("N");
  for (const char *name : {"a", "b", "c"})
    writer.rows(name, n);
  SignatureT signature = writer.take();
  std::vector<Given> operands = {buffer(8), buffer(4), buffer(2)};
  const int64_t dims[] = {8, 8, 4, 2};
  EXPECT_EQ(checkCall(signature, {dims, RowKind::Tokens, 1, operands}),
            "'b' has rows of 4 elements, the step's dims ask for 8");
}

TEST(CallCheck, CutsNamesThatADamagedFileMakesLong) {
  SignatureWriter writer;
  writer.dim(std::string(5000, 'n'));
  SignatureT signature = writer.take();
  const int64_t dims[] = {0};
  EXPECT_LT(checkCall(signature, {dims, RowKind::One, 1, {}}).size(), 200u);
}

// What a signature may say that no kernel has.
struct Damage {
  const char *what;
  void (*change)(SignatureT &);
};

class SignatureCheck : public ::testing::TestWithParam<Damage> {};

TEST_P(SignatureCheck, Refuses) {
  SignatureWriter writer;
  Size n = writer.dim("N");
  writer.rows("x", n).times(n).over(n);
  writer.matrix("w", n, n, {Layout::Panel}, Elem::F32).count(n);
  writer.cache("cache", {{"k", n, n}});
  writer.writes();
  writer.rows("y", n);
  writer.atMost(n, n);
  writer.flops(n);
  SignatureT signature = writer.take();
  ASSERT_EQ(checkSignature(signature), "");
  GetParam().change(signature);
  EXPECT_EQ(checkSignature(signature),
            "its signature names a dim, a role or a type that does not exist");
}

std::unique_ptr<CountT> unknown() { return Size::ofDim(3).count(); }

INSTANTIATE_TEST_SUITE_P(
    Parts, SignatureCheck,
    ::testing::Values(
        Damage{"width",
               [](SignatureT &s) { s.operands[0]->width = unknown(); }},
        Damage{"times",
               [](SignatureT &s) { s.operands[0]->times = unknown(); }},
        Damage{"over", [](SignatureT &s) { s.operands[0]->over = unknown(); }},
        Damage{"rows", [](SignatureT &s) { s.operands[1]->rows = unknown(); }},
        Damage{"count",
               [](SignatureT &s) { s.operands[1]->count = unknown(); }},
        Damage{
            "heads",
            [](SignatureT &s) { s.operands[2]->fields[0]->heads = unknown(); }},
        Damage{
            "field_width",
            [](SignatureT &s) { s.operands[2]->fields[0]->width = unknown(); }},
        Damage{"rule_left",
               [](SignatureT &s) { s.rules[0]->left = unknown(); }},
        Damage{"rule_right",
               [](SignatureT &s) { s.rules[0]->right = unknown(); }},
        Damage{"no_left", [](SignatureT &s) { s.rules[0]->left = nullptr; }},
        Damage{"no_right", [](SignatureT &s) { s.rules[0]->right = nullptr; }},
        Damage{"flops", [](SignatureT &s) { s.flops = unknown(); }},
        Damage{"flops_per_position",
               [](SignatureT &s) { s.flops_per_position = unknown(); }},
        Damage{"stride", [](SignatureT &s) { s.operands[0]->stride = 3; }},
        Damage{"negative_stride",
               [](SignatureT &s) { s.operands[0]->stride = -2; }},
        Damage{"apart", [](SignatureT &s) { s.operands[0]->apart = 3; }},
        Damage{"negative_apart",
               [](SignatureT &s) { s.operands[0]->apart = -2; }},
        Damage{"multiplies_nothing",
               [](SignatureT &s) { s.operands[1]->multiplies = 4; }},
        Damage{"multiplies_less_than_nothing",
               [](SignatureT &s) { s.operands[1]->multiplies = -2; }},
        Damage{"multiplies_no_rows",
               [](SignatureT &s) { s.operands[1]->multiplies = 2; }},
        Damage{"rows_multiply",
               [](SignatureT &s) { s.operands[0]->multiplies = 3; }},
        Damage{
            "role",
            [](SignatureT &s) { s.operands[0]->role = static_cast<Role>(77); }},
        Damage{
            "elem",
            [](SignatureT &s) { s.operands[0]->elem = static_cast<Elem>(77); }},
        Damage{"follows",
               [](SignatureT &s) {
                 s.operands[0]->follows = static_cast<Follows>(77);
               }},
        Damage{"layouts",
               [](SignatureT &s) { s.operands[1]->layouts.clear(); }}),
    [](const auto &info) { return std::string(info.param.what); });

TEST(SignatureCheck, WritesOperandsThatExist) {
  SignatureWriter writer;
  writer.rows("x", writer.dim("N"));
  SignatureT signature = writer.take();
  signature.writes = 1; // none
  EXPECT_EQ(checkSignature(signature), "");
  signature.writes = 2;
  EXPECT_EQ(checkSignature(signature), "it writes from operand 2");
}

} // namespace
