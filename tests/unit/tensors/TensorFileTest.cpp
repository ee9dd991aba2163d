#include "runtime/tensors/TensorFile.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using testing::HasSubstr;

namespace {

std::string write(const std::string &header, size_t dataBytes) {
  std::string path = testing::TempDir() + "tensors.safetensors";
  std::ofstream stream(path, std::ios::binary);
  uint64_t size = header.size();
  stream.write(reinterpret_cast<const char *>(&size), 8);
  stream << header << std::string(dataBytes, '\1');
  return path;
}

TEST(TensorFile, RoundTrips) {
  std::string path = testing::TempDir() + "round.safetensors";
  std::vector<NamedTensor> tensors = {
      {"logits.0", {2, 3}, std::vector<float>{1, -2, 3, 4, 5, 6.5}},
      {"ids", {2}, std::vector<int32_t>{7, -8}},
      {"wide", {}, std::vector<int64_t>{1ll << 40}},
      {"none", {0, 4}, std::vector<float>{}}};
  ASSERT_TRUE(writeTensors(path, tensors).ok());
  Result<std::vector<NamedTensor>> read = readTensors(path);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), 4u);
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
      {"{", "not a JSON object"},
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
       "type BF16 is not one of F32, I32, I64"},
  };
  for (const Case &one : cases) {
    Status status = readTensors(write(one.header, 8)).status();
    EXPECT_THAT(status.message(), HasSubstr(one.message)) << one.header;
  }
  EXPECT_EQ(readTensors("/nonexistent").status().code(), Code::Io);
  std::string path = testing::TempDir() + "short.safetensors";
  std::ofstream(path) << "abc";
  EXPECT_THAT(readTensors(path).status().message(), HasSubstr("too short"));
  std::ofstream(path) << "abcdefgh";
  EXPECT_THAT(readTensors(path).status().message(),
              HasSubstr("larger than the file"));
}

} // namespace
