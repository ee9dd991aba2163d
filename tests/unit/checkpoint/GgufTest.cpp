#include "tests/unit/checkpoint/Files.h"

#include "compiler/checkpoint/Gguf.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::checkpoint;
using namespace sluice::test;
using testing::HasSubstr;

namespace {

Result<GgufFile> parse(const std::string &file) {
  return parseGguf(
      {reinterpret_cast<const uint8_t *>(file.data()), file.size()}, "m.gguf");
}

Bytes header(uint64_t tensors, uint64_t pairs, uint32_t version = 3) {
  Bytes bytes;
  bytes.data = "GGUF";
  return bytes.number(version).number(tensors).number(pairs);
}

Bytes &tensor(Bytes &bytes, const std::string &name,
              const std::vector<uint64_t> &extents, uint32_t type,
              uint64_t offset) {
  bytes.text(name).number<uint32_t>(extents.size());
  for (uint64_t extent : extents)
    bytes.number(extent);
  return bytes.number(type).number(offset);
}

TEST(Gguf, ReadsWhatAnotherWriterWrote) {
  auto checkpoint = Checkpoint::open(SLUICE_GGUF_VECTORS);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->format(), Format::Gguf);
  const nlohmann::json &data = checkpoint->metadata();
  EXPECT_EQ(data["general.architecture"], "vectors");
  EXPECT_EQ(data["kinds.u8"], 200);
  EXPECT_EQ(data["kinds.i8"], -100);
  EXPECT_EQ(data["kinds.u16"], 60000);
  EXPECT_EQ(data["kinds.i16"], -30000);
  EXPECT_EQ(data["kinds.u32"], 4000000000u);
  EXPECT_EQ(data["kinds.i32"], -2000000000);
  EXPECT_EQ(data["kinds.u64"].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(data["kinds.i64"].get<int64_t>(), INT64_MIN);
  EXPECT_EQ(data["kinds.f32"].get<double>(), double(1e-5f));
  EXPECT_EQ(data["kinds.f64"].get<double>(), 1e-300);
  EXPECT_EQ(data["kinds.flag"], true);
  EXPECT_EQ(data["kinds.text"], "Grüße");
  EXPECT_EQ(data["kinds.numbers"], nlohmann::json({1, -2, 3}));
  EXPECT_EQ(data["kinds.texts"], nlohmann::json({"a", "", "ж"}));
  const TensorInfo *axes = checkpoint->find("axes");
  ASSERT_TRUE(axes);
  EXPECT_EQ(axes->shape, (std::vector<int64_t>{2, 3, 4}));
  float row[4];
  ASSERT_TRUE(checkpoint->readRows(*axes, 4, 1, row).ok());
  EXPECT_EQ(row[3], 19.0f);
}

TEST(Gguf, HonoursTheAlignmentKey) {
  Bytes bytes = header(1, 1, 2);
  bytes.text("general.alignment").number<uint32_t>(4).number<uint32_t>(256);
  tensor(bytes, "a", {1}, 0, 0).pad(256).number(1.0f);
  auto file = parse(bytes.data);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->tensors[0].offset, 256u);
}

TEST(Gguf, EveryTruncationIsRefused) {
  Bytes bytes = header(2, 2);
  bytes.text("k").number<uint32_t>(9).number<uint32_t>(8).number<uint64_t>(2);
  bytes.text("x").text("y");
  bytes.text("f").number<uint32_t>(12).number(1.0);
  tensor(bytes, "a", {4, 2}, 0, 0);
  tensor(bytes, "b", {32}, 8, 32).pad(32);
  bytes.data += std::string(32 + 34, '\0');
  ASSERT_TRUE(parse(bytes.data).ok()) << parse(bytes.data).status().message();
  for (size_t size = 0; size < bytes.data.size(); ++size)
    EXPECT_FALSE(parse(bytes.data.substr(0, size)).ok()) << size;
}

struct Broken {
  std::string name;
  std::string file;
  std::string message;
  Code code = Code::Corrupt;
};

class BrokenGguf : public testing::TestWithParam<Broken> {};

TEST_P(BrokenGguf, IsRefused) {
  auto file = parse(GetParam().file);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().code(), GetParam().code);
  EXPECT_THAT(file.status().message(), HasSubstr("m.gguf: "));
  EXPECT_THAT(file.status().message(), HasSubstr(GetParam().message));
}

std::string oneTensor(const std::vector<uint64_t> &extents, uint32_t type,
                      uint64_t offset) {
  Bytes bytes = header(1, 0);
  return tensor(bytes, "w", extents, type, offset)
      .pad(32)
      .number<uint64_t>(0)
      .data;
}

std::string twoTensors(const std::string &second, uint64_t offset) {
  Bytes bytes = header(2, 0);
  tensor(bytes, "w", {16}, 0, 0);
  tensor(bytes, second, {16}, 0, offset).pad(32);
  return bytes.data + std::string(128, '\0');
}

std::string oneKey(uint32_t type, const std::string &value) {
  return header(0, 1).text("key").number(type).data + value;
}

std::string list(uint32_t type, uint64_t count) {
  return Bytes().number(type).number(count).data;
}

std::vector<Broken> brokenFiles() {
  std::string nested;
  for (int depth = 0; depth < 6; ++depth)
    nested += list(9, 1);
  Bytes twice = header(0, 2), alignment = header(0, 1);
  twice.text("k").number<uint32_t>(0).number<uint8_t>(1);
  twice.text("k").number<uint32_t>(0).number<uint8_t>(1);
  alignment.text("general.alignment").number<uint32_t>(4).number<uint32_t>(24);
  return {
      {"Magic", "GGML" + std::string(20, '\0'), "does not begin with 'GGUF'"},
      {"Version1", header(0, 0, 1).data, "GGUF version 1, expected 2 or 3",
       Code::Unsupported},
      {"BigEndian", header(0, 0, 0x03000000).data, "a big-endian GGUF file",
       Code::Unsupported},
      {"TensorCount", header(uint64_t(1) << 60, 0).data,
       "claims 1152921504606846976 tensors, but only 0 bytes follow"},
      {"KeyCount", header(0, UINT64_MAX).data, "metadata keys, but only 0"},
      {"KeyLength", header(0, 1).number<uint64_t>(UINT64_MAX).data + "12345678",
       "metadata key 1 of 1: a text of 18446744073709551615 bytes"},
      {"ValueType", oneKey(13, "12345678"),
       "metadata key 'key': unknown value type 13"},
      {"Flag", oneKey(7, "\2"), "a flag is 2, expected 0 or 1"},
      {"ListCount", oneKey(9, list(4, uint64_t(1) << 62)),
       "a list of 4611686018427387904 values"},
      {"ListType", oneKey(9, list(99, 0)), "list of unknown value type 99"},
      {"NestedLists", oneKey(9, nested), "nested deeper than 4"},
      {"KeyTwice", twice.data, "metadata key 'k' occurs twice"},
      {"Alignment", alignment.data,
       "general.alignment is 24, expected a power of two"},
      {"Axes", oneTensor({1, 1, 1, 1, 1}, 0, 0), "5 axes, expected at most 4"},
      {"Extent", oneTensor({UINT64_MAX}, 0, 0), "an extent of"},
      {"ShapeOverflow", oneTensor({1u << 31, 1u << 31, 1u << 31}, 0, 0),
       "overflows"},
      {"Type", oneTensor({1}, 77, 0), "tensor 'w': tensor type 77 is not known",
       Code::Unsupported},
      {"RowOfBlocks", oneTensor({33}, 8, 0),
       "rows of Q8_0 must be a multiple of 32"},
      {"Misaligned", oneTensor({1}, 0, 4),
       "offset 4 is not a multiple of the alignment 32"},
      {"OutsideTheFile", oneTensor({4}, 0, 0),
       "tensor 'w' of 16 bytes at offset 0, but the file has only 8 bytes"},
      {"OffsetOverflow", oneTensor({4}, 0, UINT64_MAX - 31),
       "but the file has only 8 bytes"},
      {"NameTwice", twoTensors("w", 64), "tensor 'w' occurs twice"},
      {"Overlap", twoTensors("v", 32), "tensor 'v' at byte 128 overlaps 'w'"},
  };
}

INSTANTIATE_TEST_SUITE_P(Table, BrokenGguf, testing::ValuesIn(brokenFiles()),
                         [](const auto &info) { return info.param.name; });

// Vocabularies of bytes, and names in some code page.
TEST(Gguf, TextsNeedNotBeUtf8) {
  Bytes bytes = header(1, 2);
  bytes.text("caf\xe9").number<uint32_t>(7).number<uint8_t>(1);
  bytes.text("t").number<uint32_t>(9).number<uint32_t>(8).number<uint64_t>(1);
  bytes.text("\xc0\x80\xff");
  tensor(bytes, "w\xff", {4}, 0, 0).pad(32).floats({1, 2, 3, 4});
  auto file = parse(bytes.data);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->metadata["caf\xe9"], true);
  EXPECT_EQ(file->metadata["t"][0].get<std::string>(), "\xc0\x80\xff");
  EXPECT_EQ(file->tensors[0].name, "w\xff");
  EXPECT_THAT(
      parse(bytes.data.substr(0, bytes.data.size() - 1)).status().message(),
      HasSubstr("tensor 'w?' of 16 bytes"));
}

TEST(Gguf, UnreadableTypesFailOnlyWhenRead) {
  Bytes bytes = header(1, 0);
  tensor(bytes, "w", {256}, 16, 0).pad(32);
  Folder folder;
  auto checkpoint = Checkpoint::open(
      folder.add("m.gguf", bytes.data + std::string(66, '\0')));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  std::vector<float> row(256);
  Status status =
      checkpoint->readRows(*checkpoint->find("w"), 0, 1, row.data());
  EXPECT_EQ(status.code(), Code::Unsupported);
  EXPECT_THAT(
      status.message(),
      HasSubstr("m.gguf: tensor 'w': reading IQ2_XXS is not supported"));
}

} // namespace
