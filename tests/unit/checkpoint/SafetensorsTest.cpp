#include "tests/unit/checkpoint/Files.h"

#include "compiler/checkpoint/Safetensors.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::checkpoint;
using namespace sluice::test;
using testing::HasSubstr;

namespace {

Result<std::vector<TensorInfo>> parse(const std::string &file) {
  return parseSafetensors(
      {reinterpret_cast<const uint8_t *>(file.data()), file.size()}, "m.st");
}

TEST(Safetensors, ReadsTensorsInFileOrder) {
  std::string header =
      R"({"__metadata__":{"format":"pt"},)"
      R"("b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("a":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},)"
      R"("none":{"dtype":"I64","shape":[0,5],"data_offsets":[26,26]}} )";
  auto tensors = parse(safetensors(header, std::string(26, '\0')));
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 3u);
  const TensorInfo &b = (*tensors)[0];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b.offset, 8 + header.size());
  EXPECT_EQ((*tensors)[1].rows(), 1);
  EXPECT_EQ((*tensors)[1].columns(), 1);
  EXPECT_EQ((*tensors)[2].elements(), 0);
}

struct Broken {
  const char *name, *header, *message;
  size_t data;
  Code code = Code::Corrupt;
};

class BrokenSafetensors : public testing::TestWithParam<Broken> {};

TEST_P(BrokenSafetensors, IsRefused) {
  auto tensors =
      parse(safetensors(GetParam().header, std::string(GetParam().data, '\0')));
  ASSERT_FALSE(tensors.ok());
  EXPECT_EQ(tensors.status().code(), GetParam().code);
  EXPECT_THAT(tensors.status().message(), HasSubstr("m.st: "));
  EXPECT_THAT(tensors.status().message(), HasSubstr(GetParam().message));
}

const Broken brokenHeaders[] = {
    {"NotJson", "{\"a\":", "the header: not valid JSON", 0},
    {"BadUtf8", "{\"\xff\":1}", "the header: not valid JSON", 0},
    {"NotAnObject", "[]", "not a JSON object but array", 0},
    {"EntryIsNumber", R"({"a":1})", "tensor 'a': is not an object but number",
     0},
    {"NoType", R"({"a":{"shape":[1],"data_offsets":[0,4]}})",
     "tensor 'a': has no dtype", 4},
    {"OddType", R"({"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}})",
     "tensor 'a': dtype 'X9' is not known", 4, Code::Unsupported},
    {"NoShape", R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", "has no shape",
     4},
    {"NegativeShape",
     R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
     "shape holds -1", 4},
    {"FractionalShape",
     R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})",
     "shape holds 1.5", 4},
    {"ShapeOverflows",
     R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}})",
     "overflows", 0},
    {"BytesOverflow",
     R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})",
     "overflows", 0},
    {"OffsetsSwapped",
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})",
     "data_offsets [4, 0] are not a begin and an end", 4},
    {"OutsideTheFile",
     R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
     "lies at bytes 0 to 8 of the data, but the file has only 4 bytes", 4},
    {"WrongSize", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
     "shape [2] of F32 needs 8 bytes, data_offsets give 4", 4},
    {"Overlap",
     R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
         "b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
     "overlaps 'a'", 8},
    {"Gap",
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
         "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
     "the bytes between belong to no tensor", 12},
    {"TrailingBytes",
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
     "the tensors end at byte", 5},
    {"Twice",
     R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
         "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
     "tensor 'a' is listed twice", 4},
};

INSTANTIATE_TEST_SUITE_P(Table, BrokenSafetensors,
                         testing::ValuesIn(brokenHeaders),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST(Safetensors, RefusesBadHeaderSizes) {
  EXPECT_THAT(parse("abc").status().message(),
              HasSubstr("needs at least 8 bytes, this one has 3"));
  EXPECT_THAT(
      parse(Bytes().number<uint64_t>(100).data + "{}").status().message(),
      HasSubstr("claims 100 bytes, but only 2 follow"));
  EXPECT_THAT(parse(Bytes().number<uint64_t>(UINT64_MAX).data + "{}")
                  .status()
                  .message(),
              HasSubstr("the limit is 100000000"));
}

} // namespace
