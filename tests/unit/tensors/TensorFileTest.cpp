#include "runtime/tensors/TensorFile.h"

#include "tests/unit/fixture/Folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using testing::HasSubstr;

namespace {

std::string file(const std::string &header, size_t dataBytes) {
  uint64_t size = header.size();
  return std::string(reinterpret_cast<const char *>(&size), 8) + header +
         std::string(dataBytes, '\1');
}

TEST(TensorFile, RoundTrips) {
  test::Folder folder;
  std::string path = folder.path("round.safetensors");
  std::vector<NamedTensor> tensors = {
      {"logits.0", {2, 3}, std::vector<float>{1, -2, 3, 4, 5, 6.5}},
      {"ids", {2}, std::vector<int32_t>{7, -8}},
      {"wide", {}, std::vector<int64_t>{1ll << 40}},
      {"flags", {2, 1}, std::vector<uint8_t>{1, 0}},
      {"none", {0, 4}, std::vector<float>{}}};
  ASSERT_TRUE(writeTensors(path, tensors).ok());
  Result<std::vector<NamedTensor>> read = readTensors(path);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), tensors.size());
  for (const NamedTensor &tensor : tensors) {
    auto found =
        std::find_if(read->begin(), read->end(), [&](const NamedTensor &other) {
          return other.name == tensor.name;
        });
    ASSERT_NE(found, read->end()) << tensor.name;
    EXPECT_EQ(found->shape, tensor.shape);
    EXPECT_EQ(found->data, tensor.data);
  }
}

TEST(TensorFile, RefusesBrokenFiles) {
  struct Case {
    const char *header;
    const char *message;
  };
  const Case cases[] = {
      {"[]", "not a JSON object"},
      {"{", "not valid JSON"},
      {R"({"a": 1})", "needs dtype, shape and data_offsets"},
      {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0]}})",
       "not a pair"},
      {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 80]}})",
       "outside the file"},
      {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 4]}})",
       "outside the file"},
      {R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})",
       "8 bytes of data, expected 12"},
      {R"({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})",
       "not a list of sizes"},
      {R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 8]}})",
       "too large"},
      {R"({"a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}})",
       "type BF16 is not one of F32, I32, I64, BOOL"},
  };
  test::Folder folder;
  for (const Case &one : cases) {
    std::string path = folder.add("a.safetensors", file(one.header, 8));
    Status status = readTensors(path).status();
    EXPECT_THAT(status.message(), HasSubstr(one.message)) << one.header;
  }
  EXPECT_EQ(readTensors("/nonexistent").status().code(), Code::Io);
  EXPECT_THAT(readTensors(folder.add("b", "abc")).status().message(),
              HasSubstr("too short"));
  EXPECT_THAT(readTensors(folder.add("c", "abcdefgh")).status().message(),
              HasSubstr("larger than the file"));
}

} // namespace
