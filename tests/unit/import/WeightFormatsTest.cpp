#include "compiler/import/WeightFormats.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace sluice;
using format::Elem;
using import::WeightFormats;
using testing::HasSubstr;

namespace {

spec::Weight weight(const std::string &path, const std::string &dtype = "F32",
                    int64_t columns = 256) {
  spec::Weight weight;
  weight.path = path;
  weight.shape = {64, columns};
  weight.dtype = dtype;
  weight.source.tensors.push_back({path, "", "", {}});
  return weight;
}

Elem elemOf(const std::string &text, const spec::Weight &weight) {
  Result<WeightFormats> formats = WeightFormats::parse(text);
  EXPECT_TRUE(formats.ok()) << formats.status().message();
  return formats->elemOf(weight);
}

TEST(WeightFormats, KeepWhatTheCheckpointHas) {
  for (auto [dtype, elem] : {std::pair{"F32", Elem::F32},
                             {"F16", Elem::F32},
                             {"BF16", Elem::BF16},
                             {"Q4_0", Elem::I4x32},
                             {"Q6_K", Elem::Q6K},
                             {"Q2_K", Elem::F32}}) {
    EXPECT_EQ(elemOf("keep", weight("w", dtype)), elem) << dtype;
    EXPECT_EQ(WeightFormats().elemOf(weight("w", dtype)), elem) << dtype;
    EXPECT_EQ(elemOf("f32", weight("w", dtype)), Elem::F32) << dtype;
  }
}

TEST(WeightFormats, KeepBlocksOnlyWhereRowsStayWhole) {
  spec::Weight w = weight("w", "Q8_0");
  spec::Transform transform;
  transform.kind = spec::Transform::Kind::Rows;
  w.source.tensors[0].apply = {transform};
  EXPECT_EQ(elemOf("keep", w), Elem::I8x32);
  transform.kind = spec::Transform::Kind::Transpose;
  w.source.tensors[0].apply = {transform};
  EXPECT_EQ(elemOf("keep", w), Elem::F32);
  EXPECT_EQ(elemOf("int8", w), Elem::I8x32); // new blocks of other rows
}

TEST(WeightFormats, TheTensorWithScalesOfItsOwnIsKeptByItsFormat) {
  spec::Weight w = weight("w", "U8");
  w.source.tensors[0].format = "mxfp4";
  EXPECT_EQ(elemOf("keep", w), Elem::MXFP4);
  w.source.tensors[0].format = "fp8_block128";
  EXPECT_EQ(elemOf("keep", w), Elem::F32);
}

TEST(WeightFormats, RowsThatAreNoWholeBlocksAreKept) {
  EXPECT_EQ(elemOf("int4", weight("w", "BF16", 48)), Elem::BF16);
  EXPECT_EQ(elemOf("int4", weight("w", "F32", 48)), Elem::F32);
  EXPECT_EQ(elemOf("int4", weight("w", "F32", 64)), Elem::I4x32);
}

TEST(WeightFormats, TheLastNameThatIsAPartOfThePathCounts) {
  std::string text =
      "int4,head=int8,router=f32,layers.attn*=bf16,layers.o=keep";
  EXPECT_EQ(elemOf(text, weight("layers.q")), Elem::I4x32);
  EXPECT_EQ(elemOf(text, weight("head")), Elem::I8x32);
  EXPECT_EQ(elemOf(text, weight("heads")), Elem::I4x32);
  EXPECT_EQ(elemOf(text, weight("layers.moe.router")), Elem::F32);
  EXPECT_EQ(elemOf(text, weight("layers.attn.q")), Elem::BF16);
  EXPECT_EQ(elemOf(text, weight("layers.o", "Q5_1")), Elem::U5x32);
}

TEST(WeightFormats, NamesThatNoWeightHasAreFound) {
  spec::Model model;
  model.weights = {weight("embed"), weight("layers.q")};
  EXPECT_EQ(WeightFormats::parse("int4,q=f32")->unused(model), "");
  EXPECT_EQ(WeightFormats::parse("int4,q=f32,hed=f32")->unused(model), "hed");
}

TEST(WeightFormats, RefuseWhatIsNoFormat) {
  auto message = [](const char *text) {
    Result<WeightFormats> formats = WeightFormats::parse(text);
    EXPECT_FALSE(formats.ok()) << text;
    return formats.ok() ? "" : formats.status().message();
  };
  EXPECT_THAT(message("int5"), HasSubstr("there is no format 'int5'; expected "
                                         "keep, f32, bf16, int8, int4, i8x32"));
  // Nothing is brought to scales of scales.
  EXPECT_THAT(message("q4_k"), HasSubstr("there is no format 'q4_k'"));
  EXPECT_THAT(message(""), HasSubstr("there is no format ''"));
  for (const char *text : {"head=int8", "int4,int8", "int4,=int8"})
    EXPECT_THAT(message(text), HasSubstr("expected a format, then NAME=FORMAT"))
        << text;
  EXPECT_THAT(message("int4,[=int8"), HasSubstr("'['"));
}

} // namespace
