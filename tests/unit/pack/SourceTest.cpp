#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::vector<float> read(const CountingFile &file, const spec::Weight &weight) {
  Result<ViewPtr> view = openWeight(*file, weight);
  EXPECT_TRUE(view.ok()) << view.status().message();
  return view.ok() ? values(**view) : std::vector<float>();
}

TEST(Source, Concat) {
  CountingFile file({{"a", {1, 2}}, {"b", {2, 2}}});
  EXPECT_THAT(read(file, weight("w", {3, 2}, {"a", "b"})),
              ElementsAre(0, 1, 1000, 1001, 1002, 1003));
}

TEST(Source, ConcatOfBiases) {
  CountingFile file({{"a", {1}}, {"b", {2}}});
  EXPECT_THAT(read(file, weight("w.bias", {3}, {"a", "b"})),
              ElementsAre(0, 1000, 1001));
}

TEST(Source, Stack) {
  CountingFile file({{"a", {1, 2}}, {"b", {1, 2}}});
  spec::Weight stack = weight("w", {2, 1, 2}, {"a", "b"});
  stack.source.join = spec::Source::Join::Stack;
  EXPECT_THAT(read(file, stack), ElementsAre(0, 1, 1000, 1001));
}

// Vectors become the rows of a matrix, single elements those of a vector.
TEST(Source, StackOfVectors) {
  CountingFile file({{"a", {3}}, {"b", {3}}});
  spec::Weight stack = weight("w", {2, 3}, {"a", "b"});
  stack.source.join = spec::Source::Join::Stack;
  EXPECT_THAT(read(file, stack), ElementsAre(0, 1, 2, 1000, 1001, 1002));
  spec::Transform last;
  last.kind = spec::Transform::Kind::Rows;
  last.first = 1;
  last.last = 3;
  stack.shape = {2, 2};
  for (spec::TensorPart &part : stack.source.tensors)
    part.apply = {last};
  EXPECT_THAT(read(file, stack), ElementsAre(1, 2, 1001, 1002));
  CountingFile scalars({{"a", {}}, {"b", {}}});
  spec::Weight vector = weight("v", {2}, {"a", "b"});
  vector.source.join = spec::Source::Join::Stack;
  EXPECT_THAT(read(scalars, vector), ElementsAre(0, 1000));
}

TEST(Source, StackOfTransposedExperts) {
  CountingFile file({{"a", {2, 3}}, {"b", {2, 3}}});
  spec::Weight stack = weight("w", {2, 3, 2}, {"a", "b"});
  stack.source.join = spec::Source::Join::Stack;
  stack.source.apply.emplace_back(); // transpose
  EXPECT_THAT(read(file, stack), ElementsAre(0, 3, 1, 4, 2, 5, 1000, 1003, 1001,
                                             1004, 1002, 1005));
}

TEST(Source, FusedRowsPerHead) {
  CountingFile file({{"qkv", {8, 1}}});
  spec::Weight k = weight("k", {2, 1}, {"qkv"});
  k.source.fused = true;
  k.source.rows = {.offset = 2, .size = 1, .period = 4, .count = 2};
  EXPECT_THAT(read(file, k), ElementsAre(2, 6));
  k.source.rows = {.offset = 4, .size = 2, .period = 0, .count = 1};
  EXPECT_THAT(read(file, k), ElementsAre(4, 5));
}

// Two heads of two rows, the rows of the second part between them.
TEST(Source, PartsAreTransformedAfterTheirRowsAreTaken) {
  CountingFile file({{"kv", {6, 3}}});
  spec::Weight k = weight("k", {2, 3, 2}, {"kv"});
  k.experts = true;
  k.source.fused = true;
  k.source.rows = {.offset = 0, .size = 2, .period = 3, .count = 2};
  spec::Transform heads;
  heads.kind = spec::Transform::Kind::Reshape;
  heads.shape = {2, 2, 3};
  k.source.then = {heads, {}}; // transposed
  EXPECT_THAT(read(file, k),
              ElementsAre(0, 3, 1, 4, 2, 5, 9, 12, 10, 13, 11, 14));
}

// One row of several, as a vector.
TEST(Source, PartsMayHaveFewerAxes) {
  CountingFile file({{"shares", {3, 1, 4}}});
  spec::Weight share = weight("share", {4}, {"shares"});
  spec::Transform rows, flat;
  rows.kind = flat.kind = spec::Transform::Kind::Reshape;
  rows.shape = {3, 4};
  flat.shape = {4};
  share.source.apply = {rows};
  share.source.fused = true;
  share.source.rows = {.offset = 1, .size = 1, .period = 0, .count = 1};
  share.source.then = {flat};
  EXPECT_THAT(read(file, share), ElementsAre(4, 5, 6, 7));
}

TEST(Source, FusedRowsOfExperts) {
  // Even rows are the gate, odd rows the up half, for each of two experts.
  CountingFile file({{"gate_up", {2, 4, 2}}, {"gate_up_bias", {2, 4}}});
  spec::Weight up = weight("up", {2, 2, 2}, {"gate_up"});
  up.source.fused = true;
  up.source.rows = {.offset = 1, .size = 1, .period = 2, .count = 2};
  EXPECT_THAT(read(file, up), ElementsAre(2, 3, 6, 7, 10, 11, 14, 15));
  spec::Weight bias = weight("up.bias", {2, 2}, {"gate_up_bias"});
  bias.source.fused = true;
  bias.source.rows = up.source.rows;
  EXPECT_THAT(read(file, bias), ElementsAre(1001, 1003, 1005, 1007));
}

TEST(Source, ConcatOfConvolutions) {
  CountingFile file({{"a", {1, 2, 2}}, {"b", {1, 2, 2}}});
  spec::Weight conv = weight("w", {2, 4}, {"a", "b"});
  conv.source.apply.emplace_back();
  conv.source.apply[0].kind = spec::Transform::Kind::Reshape;
  conv.source.apply[0].shape = {2, 4};
  EXPECT_THAT(read(file, conv),
              ElementsAre(0, 1, 2, 3, 1000, 1001, 1002, 1003));
}

TEST(Source, Errors) {
  CountingFile file({{"a", {2, 3}}, {"b", {2, 2}}});
  auto message = [&](spec::Weight weight) {
    return openWeight(*file, weight).status().message();
  };
  EXPECT_THAT(message(weight("w", {2, 3}, {"c"})),
              HasSubstr("m.safetensors: tensor 'c': is not in the checkpoint"));
  EXPECT_THAT(message(weight("w", {3, 2}, {"a"})),
              HasSubstr("weight 'w': expected shape [3, 2], its tensors give "
                        "[2, 3]"));
  EXPECT_THAT(message(weight("w", {4, 2}, {"a", "b"})),
              HasSubstr("cannot join [2, 3] and [2, 2] along the rows"));
  spec::Weight fused = weight("w", {2, 3}, {"a"});
  fused.index = 4;
  fused.source.fused = true;
  fused.source.rows = {.offset = 1, .size = 2, .period = 0, .count = 1};
  EXPECT_THAT(
      message(fused),
      HasSubstr("weight 'w[4]': a tensor of shape [2, 3]: has no 1 runs "
                "of 2 rows"));
  fused.source.rows = {0, INT64_MAX, INT64_MAX, 2};
  EXPECT_THAT(message(fused), HasSubstr("has no 2 runs"));
  spec::Weight coded = weight("w", {2, 3}, {"a"});
  coded.source.tensors[0].format = "mxfp4";
  coded.source.tensors[0].scales = "c";
  EXPECT_THAT(message(coded),
              HasSubstr("'a': its scales 'c' are not in the checkpoint"));
  coded.source.tensors[0].scales = "b";
  EXPECT_THAT(message(coded), HasSubstr("mxfp4 needs U8 values [..., n, 16] "
                                        "and U8 exponents [..., n]; found F32 "
                                        "[2, 3] and F32 [2, 2]"));
  coded.source.tensors[0].format = "fp8_block128";
  EXPECT_THAT(message(coded),
              HasSubstr("expected scales of shape [1, 1], found [2, 2]"));
  coded.source.tensors[0].format = "int3";
  EXPECT_EQ(openWeight(*file, coded).status().code(), Code::Unsupported);
  spec::Weight alias = weight("w", {2, 3}, {});
  alias.aliasOf = "embed";
  EXPECT_THAT(message(alias), HasSubstr("is an alias of 'embed'"));
}

// A checkpoint with two tensors of raw bytes.
Result<checkpoint::Checkpoint> twoTensors(const Folder &folder,
                                          const std::string &header,
                                          const std::string &data) {
  return checkpoint::Checkpoint::open(
      folder.add("m.safetensors", safetensors(header, data)));
}

TEST(Source, Mxfp4) {
  // Two rows of one block; byte j holds elements 2j (low half) and 2j + 1.
  std::string data(32, '\0');
  data[0] = '\x21';               // 0.5, 1
  data[15] = '\xf7';              // 6, -6
  data[16] = '\x08';              // -0, 0
  data[17] = '\x03';              // 1.5
  data += {char(128), char(120)}; // times 2, times 2^-7
  Folder folder;
  auto file = twoTensors(
      folder,
      R"({"b":{"dtype":"U8","shape":[2,1,16],"data_offsets":[0,32]},)"
      R"("s":{"dtype":"U8","shape":[2,1],"data_offsets":[32,34]}})",
      data);
  ASSERT_TRUE(file.ok()) << file.status().message();
  spec::Weight w = weight("w", {2, 32}, {"b"});
  w.source.tensors[0].scales = "s";
  w.source.tensors[0].format = "mxfp4";
  Result<ViewPtr> view = openWeight(*file, w);
  ASSERT_TRUE(view.ok()) << view.status().message();
  std::vector<float> expected(64);
  expected[0] = 1;
  expected[1] = 2;
  expected[30] = 12;
  expected[31] = -12;
  expected[34] = 1.5f / 128;
  EXPECT_EQ(values(**view), expected);
  float part[3]; // a tile that begins in the middle of a byte
  ASSERT_TRUE((*view)->read({0, 1, 29, 3}, part).ok());
  EXPECT_THAT(part, ElementsAre(0, 12, -12));
}

TEST(Source, Fp8Blocks) {
  // 130 x 129 ones: a factor per 128 x 128 block, ragged at both ends.
  Bytes data;
  data.data = std::string(130 * 129, '\x38');
  data.floats({1, 2, 3, 4});
  Folder folder;
  auto file = twoTensors(
      folder,
      R"({"w":{"dtype":"F8_E4M3","shape":[130,129],"data_offsets":[0,16770]},)"
      R"("s":{"dtype":"F32","shape":[2,2],"data_offsets":[16770,16786]}})",
      data.data);
  ASSERT_TRUE(file.ok()) << file.status().message();
  spec::Weight w = weight("w", {130, 129}, {"w"});
  w.source.tensors[0].scales = "s";
  w.source.tensors[0].format = "fp8_block128";
  Result<ViewPtr> view = openWeight(*file, w);
  ASSERT_TRUE(view.ok()) << view.status().message();
  std::vector<float> found = values(**view);
  for (int64_t row = 0; row < 130; ++row)
    for (int64_t column = 0; column < 129; ++column)
      ASSERT_EQ(found[row * 129 + column], 1 + row / 128 * 2 + column / 128);
}

class Random : public testing::Test {
protected:
  std::vector<float> draw(const spec::Weight &weight, uint64_t seed = 1) {
    auto file = checkpoint::Checkpoint::random(seed, config_);
    EXPECT_TRUE(file.ok());
    auto view = openWeight(*file, weight);
    EXPECT_TRUE(view.ok());
    return values(**view);
  }

  Folder folder_;
  std::string config_ = folder_.add("config.json", "{}");
};

TEST_F(Random, HasTheRightMoments) {
  std::vector<float> found = draw(randomWeight("w", {300, 1000}));
  double sum = 0, squares = 0;
  for (float x : found)
    sum += x, squares += double(x) * x;
  double mean = sum / found.size();
  EXPECT_NEAR(mean, 0, 2e-4);
  EXPECT_NEAR(std::sqrt(squares / found.size() - mean * mean), 0.02, 2e-4);
}

TEST_F(Random, NormsAreAroundOne) {
  EXPECT_THAT(draw(randomWeight("norm", {50})),
              Each(testing::FloatNear(1, 0.1)));
  EXPECT_THAT(draw(randomWeight("norm.bias", {50})),
              Each(testing::FloatNear(0, 0.1)));
}

TEST_F(Random, DependsOnSeedAndNameOnly) {
  spec::Weight first = randomWeight("layers.q", {7, 9}), second = first;
  first.index = 0;
  second.index = 1;
  EXPECT_EQ(draw(first), draw(first));
  EXPECT_NE(draw(first), draw(second));
  EXPECT_NE(draw(first, 1), draw(first, 2));
}

TEST_F(Random, TilesAgree) {
  std::vector<float> whole = draw(randomWeight("w", {6, 7}));
  auto file = checkpoint::Checkpoint::random(1, config_);
  auto view = openWeight(*file, randomWeight("w", {6, 7}));
  std::vector<float> part(4 * 3);
  ASSERT_TRUE((*view)->read({1, 4, 2, 3}, part.data()).ok());
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t column = 0; column < 3; ++column)
      EXPECT_EQ(part[row * 3 + column], whole[(1 + row) * 7 + 2 + column]);
}

} // namespace
