#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using formula::Op;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::vector<float> compute(const checkpoint::Checkpoint &file,
                           const std::vector<const spec::Weight *> &parts,
                           const Computed &computed) {
  std::vector<float> out;
  Status status =
      packComputed(file, parts, computed, [&](const void *data, size_t size) {
        const float *from = static_cast<const float *>(data);
        out.insert(out.end(), from, from + size / sizeof(float));
        return Status();
      });
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

Computed sum(Shape shape, std::vector<Computed::Table> tables = {}) {
  Computed computed;
  computed.formula = {2, {{Op::Add, 0, 1, 0, 0}}, 2};
  computed.tables = std::move(tables);
  computed.shape = std::move(shape);
  return computed;
}

TEST(Computed, AddsElementByElement) {
  CountingFile file({{"a", {4}}, {"b", {4}}});
  auto a = weight("a", {4}, {"a"}), b = weight("b", {4}, {"b"});
  EXPECT_THAT(compute(*file, {&a, &b}, sum({4})),
              ElementsAre(1000, 1002, 1004, 1006));
}

TEST(Computed, RepeatsAxesOfOne) {
  CountingFile file({{"m", {2, 3}}, {"v", {3}}, {"c", {2, 1}}});
  auto m = weight("m", {2, 3}, {"m"}), v = weight("v", {3}, {"v"}),
       c = weight("c", {2, 1}, {"c"});
  EXPECT_THAT(compute(*file, {&m, &v}, sum({2, 3})),
              ElementsAre(1000, 1002, 1004, 1003, 1005, 1007));
  EXPECT_THAT(compute(*file, {&m, &c}, sum({2, 3})),
              ElementsAre(2000, 2001, 2002, 2004, 2005, 2006));
  EXPECT_THAT(compute(*file, {&c, &v}, sum({2, 3})),
              ElementsAre(3000, 3001, 3002, 3001, 3002, 3003));
  EXPECT_THAT(compute(*file, {&v}, sum({3}, {{{1}, {0.5f}}})),
              ElementsAre(1000.5f, 1001.5f, 1002.5f));
  EXPECT_THAT(compute(*file, {&v}, sum({2, 3}, {{{2, 1}, {1, 2}}})),
              ElementsAre(1001, 1002, 1003, 1002, 1003, 1004));
}

TEST(Computed, ReadsThroughTransforms) {
  CountingFile file({{"a", {4}}, {"b", {4}}});
  auto a = weight("a", {4}, {"a"}), b = weight("b", {4}, {"b"});
  spec::Transform negate;
  negate.kind = spec::Transform::Kind::Neg;
  b.source.apply.push_back(negate);
  EXPECT_THAT(compute(*file, {&a, &b}, sum({4})),
              ElementsAre(-1000, -1000, -1000, -1000));
}

TEST(Computed, LongVectorsGoInPieces) {
  CountingFile file({{"a", {5000}}, {"b", {5000}}});
  auto a = weight("a", {5000}, {"a"}), b = weight("b", {5000}, {"b"});
  std::vector<float> out = compute(*file, {&a, &b}, sum({5000}));
  ASSERT_EQ(out.size(), 5000u);
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], float(1000 + 2 * i)) << i;
}

// Three axes, of which each input repeats another one.
TEST(Computed, RepeatsTheMiddleAndTheFirstAxis) {
  CountingFile file({{"a", {2, 1, 3}}, {"b", {4, 1}}});
  auto a = weight("a", {2, 1, 3}, {"a"}), b = weight("b", {4, 1}, {"b"});
  std::vector<float> out = compute(*file, {&a, &b}, sum({2, 4, 3}));
  ASSERT_EQ(out.size(), 24u);
  for (int64_t i = 0; i < 24; ++i)
    ASSERT_EQ(out[i], float(i / 12 * 3 + i % 3 + 1000 + i / 3 % 4)) << i;
}

TEST(Computed, ConstantsAndInnerStepsAreNumberedAfterTheInputs) {
  CountingFile file({{"a", {5}}});
  auto a = weight("a", {5}, {"a"});
  Computed computed;
  computed.shape = {5};
  // (a + 0.5) * (a - 0.5)
  computed.formula = {1,
                      {{Op::Constant, 0, 0, 0, 0.5f},
                       {Op::Add, 0, 1},
                       {Op::Sub, 0, 1},
                       {Op::Mul, 2, 3}},
                      4};
  EXPECT_THAT(compute(*file, {&a}, computed),
              ElementsAre(-0.25f, 0.75f, 3.75f, 8.75f, 15.75f));
  computed.formula.result = 0; // an input as it is
  EXPECT_THAT(compute(*file, {&a}, computed), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Computed, TablesAloneNeedNoTensor) {
  CountingFile file({{"a", {1}}});
  Computed computed = sum({2, 2}, {{{2, 1}, {1, 2}}, {{2}, {10, 20}}});
  EXPECT_THAT(compute(*file, {}, computed), ElementsAre(11, 21, 12, 22));
}

TEST(Computed, FailsWithTheSinkAndWithAMissingTensor) {
  CountingFile file({{"a", {4}}});
  auto a = weight("a", {4}, {"a"}), b = weight("b", {4}, {"nothing"});
  std::vector<const spec::Weight *> parts = {&a, &a};
  EXPECT_EQ(packComputed(*file, parts, sum({4}),
                         [](const void *, size_t) {
                           return Status(Code::Io, "disk full");
                         })
                .code(),
            Code::Io);
  parts[1] = &b;
  EXPECT_THAT(packComputed(*file, parts, sum({4}),
                           [](const void *, size_t) { return Status(); })
                  .message(),
              HasSubstr("weight 'b': "));
}

TEST(Computed, RefusesShapesThatDoNotFit) {
  CountingFile file({{"a", {4}}, {"b", {3}}});
  auto a = weight("a", {4}, {"a"}), b = weight("b", {3}, {"b"});
  auto ignore = [](const void *, size_t) { return Status(); };
  auto message = [&](std::vector<const spec::Weight *> parts,
                     const Computed &computed) {
    return packComputed(*file, parts, computed, ignore).message();
  };
  EXPECT_THAT(message({&a, &b}, sum({4})),
              HasSubstr("weight 'b' [3] does not broadcast to [4]"));
  EXPECT_THAT(message({&a}, sum({4})),
              HasSubstr("a computed weight of 1 inputs, its formula takes 2"));
  EXPECT_THAT(message({&a, &a}, sum({})), HasSubstr("does not broadcast"));
}

} // namespace
