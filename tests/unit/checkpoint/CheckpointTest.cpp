#include "compiler/checkpoint/Checkpoint.h"

#include "tests/unit/checkpoint/Files.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::checkpoint;
using namespace sluice::test;
using testing::HasSubstr;

namespace {

// One f32 tensor of two rows.
std::string shard(const std::string &name, float first) {
  return safetensors(
      "{\"" + name +
          R"(":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})",
      Bytes().floats({first, first + 1, first + 2, first + 3}).data);
}

const char *indexName = "model.safetensors.index.json";

TEST(Checkpoint, FolderWithOneFile) {
  Folder folder;
  folder.add("config.json", R"({"hidden_size": 2})");
  folder.add("model.safetensors", shard("a", 1));
  folder.add("1_Pooling/config.json", R"({"pooling": "mean"})");
  auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->format(), Format::HuggingFace);
  EXPECT_FALSE(checkpoint->synthetic());
  EXPECT_EQ(checkpoint->config()->at("hidden_size"), 2);
  EXPECT_EQ(checkpoint->config("1_Pooling/config.json")->at("pooling"), "mean");
  EXPECT_EQ(checkpoint->config("other.json"), nullptr);
  float row[2];
  ASSERT_TRUE(checkpoint->readRows(*checkpoint->find("a"), 1, 1, row).ok());
  EXPECT_EQ(row[0], 3.0f);
  checkpoint->release(*checkpoint->find("a"));
  ASSERT_TRUE(checkpoint->readRows(*checkpoint->find("a"), 0, 1, row).ok());
  EXPECT_EQ(row[1], 2.0f);
}

TEST(Checkpoint, Shards) {
  Folder folder;
  folder.add("config.json", "{}");
  folder.add("x-1.safetensors", shard("a", 1));
  folder.add("x-2.safetensors", shard("b", 10));
  folder.add(indexName, R"({"weight_map": {"a": "x-1.safetensors",
                                           "b": "x-2.safetensors"}})");
  auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->files().size(), 2u);
  float rows[4];
  ASSERT_TRUE(checkpoint->readRows(*checkpoint->find("b"), 0, 2, rows).ok());
  EXPECT_EQ(rows[3], 13.0f);
}

TEST(Checkpoint, BrokenShards) {
  Folder folder;
  folder.add("x.safetensors", shard("a", 1));
  folder.add("y.safetensors", shard("a", 1));
  auto messageFor = [&](const std::string &index) {
    folder.add(indexName, index);
    return Checkpoint::open(folder.path()).status().message();
  };
  EXPECT_THAT(messageFor("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(messageFor("{}"), HasSubstr("has no weight_map object"));
  EXPECT_THAT(messageFor(R"({"weight_map": {"a": "../x.safetensors"}})"),
              HasSubstr("tensor 'a' lies in \"../x.safetensors\", expected the "
                        "name of a file in the folder"));
  EXPECT_THAT(messageFor(R"({"weight_map": {"a": "/x.safetensors"}})"),
              HasSubstr("expected the name of a file in the folder"));
  EXPECT_THAT(messageFor(R"({"weight_map": {"a": "z.safetensors"}})"),
              HasSubstr("z.safetensors: cannot open"));
}

// What transformers reads: every file that the index names, whatever else it
// says.
TEST(Checkpoint, StaleIndex) {
  Folder folder;
  folder.add("x.safetensors", shard("a", 1));
  folder.add("y.safetensors", shard("b", 10));
  folder.add("z.safetensors", shard("a", 100));
  auto open = [&](const std::string &map) {
    folder.add(indexName, R"({"weight_map": )" + map + "}");
    auto checkpoint = Checkpoint::open(folder.path());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    return checkpoint;
  };
  auto warnings = [](const Result<Checkpoint> &checkpoint) {
    std::string all;
    for (const std::string &warning : checkpoint->warnings())
      all += warning + "\n";
    return all;
  };
  auto right = open(R"({"a": "x.safetensors", "b": "y.safetensors"})");
  EXPECT_EQ(warnings(right), "");

  auto swapped = open(R"({"a": "y.safetensors", "b": "x.safetensors"})");
  EXPECT_EQ(swapped->tensors().size(), 2u);
  EXPECT_THAT(warnings(swapped),
              HasSubstr("names the wrong shard for tensors: 'a' and 1 more"));

  auto more = open(R"({"a": "x.safetensors", "lm_head": "x.safetensors"})");
  EXPECT_EQ(more->find("lm_head"), nullptr);
  EXPECT_THAT(warnings(more),
              HasSubstr("names tensors that no shard holds: 'lm_head'"));

  auto fewer = open(R"({"c": "y.safetensors", "a": "x.safetensors"})");
  EXPECT_NE(fewer->find("b"), nullptr);
  EXPECT_THAT(warnings(fewer),
              HasSubstr("does not name tensors that a shard holds: 'b'"));

  auto twice = open(R"({"a": "x.safetensors", "c": "z.safetensors"})");
  float row[2];
  ASSERT_TRUE(twice->readRows(*twice->find("a"), 0, 1, row).ok());
  EXPECT_EQ(row[0], 100.0f);
  EXPECT_THAT(warnings(twice),
              HasSubstr("z.safetensors: tensor 'a' is also in"));
}

TEST(Checkpoint, GgufUnderAnyName) {
  Folder folder;
  std::string bytes =
      "GGUF" +
      Bytes().number<uint32_t>(3).number<uint64_t>(0).number<uint64_t>(0).data;
  for (const char *name : {"blobs/sha256-0123", "M.GGUF", "m.gguf.part"}) {
    auto file = Checkpoint::open(folder.add(name, bytes));
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->format(), Format::Gguf) << name;
  }
  folder.add("link/README", "GGU");
  std::filesystem::create_symlink("../blobs/sha256-0123",
                                  folder.path() + "/link/model");
  auto linked = Checkpoint::open(folder.path() + "/link");
  ASSERT_TRUE(linked.ok()) << linked.status().message();
  EXPECT_EQ(linked->format(), Format::Gguf);
  EXPECT_THAT(Checkpoint::open(folder.path()).status().message(),
              HasSubstr("found 0 .safetensors and 2 GGUF files"));
  EXPECT_THAT(
      Checkpoint::open(folder.add("no.gguf", "GGML")).status().message(),
      HasSubstr("does not begin with 'GGUF'"));
}

TEST(Checkpoint, SaysWhatItExpectsInAFolder) {
  Folder folder;
  EXPECT_THAT(Checkpoint::open(folder.path()).status().message(),
              HasSubstr("expected model.safetensors, "));
  folder.add("pytorch_model.bin", "");
  EXPECT_THAT(Checkpoint::open(folder.path()).status().message(),
              HasSubstr("pickled weights are not read"));
  folder.add("a.safetensors", shard("a", 1));
  auto raw = Checkpoint::open(folder.path());
  ASSERT_TRUE(raw.ok()) << raw.status().message();
  EXPECT_EQ(raw->format(), Format::Raw);
  folder.add("b.safetensors", shard("b", 1));
  EXPECT_THAT(Checkpoint::open(folder.path()).status().message(),
              HasSubstr("found 2 .safetensors"));
  EXPECT_EQ(Checkpoint::open(folder.path() + "/none").status().code(),
            Code::NotFound);
  EXPECT_THAT(
      Checkpoint::open(folder.path() + "/pytorch_model.bin").status().message(),
      HasSubstr("found only 'pytorch_model.bin'; pickled weights"));
}

TEST(Checkpoint, MalformedConfig) {
  Folder folder;
  folder.add("model.safetensors", shard("a", 1));
  folder.add("config.json", "[1]");
  EXPECT_THAT(Checkpoint::open(folder.path()).status().message(),
              HasSubstr("config.json: expected a JSON object, found array"));
  folder.add("config.json", "{\"a\": }");
  EXPECT_THAT(Checkpoint::open(folder.path()).status().message(),
              HasSubstr("config.json: not valid JSON"));
}

TEST(Checkpoint, SideFilesStayInTheFolder) {
  Folder folder;
  std::string model = folder.add("in/model.safetensors", shard("a", 1));
  folder.add("in/tokenizer.json", "{}");
  folder.add("secret.json", "{}");
  auto checkpoint = Checkpoint::open(model);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  auto tokenizer = checkpoint->file("tokenizer.json");
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->size(), 2u);
  EXPECT_EQ(checkpoint->file("../secret.json").status().code(),
            Code::InvalidArgument);
  EXPECT_FALSE(checkpoint->hasFile("../secret.json"));
  EXPECT_EQ(checkpoint->file("none.json").status().code(), Code::NotFound);
}

TEST(Checkpoint, RowsOutOfRange) {
  Folder folder;
  auto checkpoint =
      Checkpoint::open(folder.add("m.safetensors", shard("a", 1)));
  ASSERT_TRUE(checkpoint.ok());
  const TensorInfo &a = *checkpoint->find("a");
  float row[2];
  EXPECT_THAT(checkpoint->readRows(a, 2, 1, row).message(),
              HasSubstr("tensor 'a': 1 rows from row 2 wanted, it has 2"));
  EXPECT_FALSE(checkpoint->readRows(a, -1, 1, row).ok());
  EXPECT_FALSE(checkpoint->readRows(a, 1, INT64_MAX, row).ok());
}

TEST(Checkpoint, SyntheticHasOnlyAConfig) {
  Folder folder;
  std::string config = folder.add("tiny.json", R"({"hidden_size": 64})");
  auto checkpoint = Checkpoint::random(7, config);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_TRUE(checkpoint->synthetic());
  EXPECT_EQ(checkpoint->seed(), 7u);
  EXPECT_EQ(checkpoint->format(), Format::HuggingFace);
  EXPECT_TRUE(checkpoint->tensors().empty());
  EXPECT_EQ(checkpoint->config()->at("hidden_size"), 64);
  EXPECT_EQ(Checkpoint::random(7, folder.path() + "/no.json").status().code(),
            Code::NotFound);
}

} // namespace
