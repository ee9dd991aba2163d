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

TEST(WeightFormats, OnlyMatricesThatTheSpecLetsFreeChange) {
  spec::Weight vector = weight("norm"), kept = weight("router");
  vector.shape = {256};
  kept.keepF32 = true;
  EXPECT_EQ(elemOf("int4", vector), Elem::F32);
  EXPECT_EQ(elemOf("int4", kept), Elem::F32);
  // Vectors of experts are no matrix, matrices of experts are.
  spec::Weight experts = weight("experts.bias");
  experts.experts = true;
  EXPECT_EQ(elemOf("int4", experts), Elem::F32);
  experts.shape = {4, 64, 256};
  EXPECT_EQ(elemOf("int4", experts), Elem::I4x32);
}

TEST(WeightFormats, NamesThatChangeNothingAreRefused) {
  spec::Model model;
  model.weights = {weight("head"), weight("layers.q"), weight("layers.norm")};
  model.weights[2].shape = {256};
  auto message = [&](const char *text) {
    return WeightFormats::parse(text)->check(model).message();
  };
  EXPECT_EQ(message("int4,q=f32,layers=int8"), "");
  EXPECT_EQ(message("int4,q=f32,hed=f32"),
            "--weights: no matrix that may be stored otherwise has the name "
            "'hed'; did you mean 'head'? (valid: head, q)");
  EXPECT_THAT(message("int4,norm=f32"), HasSubstr("has the name 'norm'"));
}

TEST(WeightFormats, MatricesThatStayAreSaidOnce) {
  spec::Model model;
  model.weights = {weight("a", "BF16", 48), weight("layers.b", "F32", 40),
                   weight("layers.b", "F32", 40), weight("c")};
  model.weights[1].index = 0;
  model.weights[2].index = 1;
  EXPECT_THAT(WeightFormats::parse("int4")->notes(model),
              testing::ElementsAre(
                  "weight 'a' stays bf16: its rows of 48 numbers are no whole "
                  "blocks of 32",
                  "weight 'layers.b' stays f32: its rows of 40 numbers are no "
                  "whole blocks of 32"));
  EXPECT_THAT(WeightFormats::parse("bf16")->notes(model), testing::IsEmpty());
  EXPECT_THAT(WeightFormats().notes(model), testing::IsEmpty());
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
