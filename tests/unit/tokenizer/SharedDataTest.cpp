// Vocabularies of trained models with the ids that llama.cpp gives.
#include "compiler/tokenizer/TokenizerFile.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::test {
namespace {

std::string folder() {
  const char *set = std::getenv("SLUICE_SHARED_DATA");
  return set ? set : SLUICE_SOURCE_DIR "/../shared/data";
}

std::string contents(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> split(const std::string &text,
                               const std::string &separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t at; (at = text.find(separator, begin)) != std::string::npos;
       begin = at + separator.size())
    parts.push_back(text.substr(begin, at - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<int32_t> numbers(const std::string &line) {
  std::istringstream in(line);
  return {std::istream_iterator<int32_t>(in), {}};
}

Result<Tokenizer> fromGguf(const std::string &path) {
  Result<checkpoint::Checkpoint> file = checkpoint::Checkpoint::open(path);
  if (!file.ok())
    return file.status();
  Result<tokenizer::TokenizerFile> made =
      tokenizer::readTokenizer(*file, SLUICE_SOURCE_DIR "/models");
  return made.ok() ? Tokenizer::parse(made->json) : made.status();
}

class SharedData : public testing::TestWithParam<const char *> {};

TEST_P(SharedData, GivesTheSameIds) {
  std::string base = folder() + "/tokenizers/" + GetParam();
  if (!std::filesystem::exists(base + ".gguf"))
    GTEST_SKIP() << base << ".gguf is not there (set SLUICE_SHARED_DATA)";
  Result<Tokenizer> tokenizer = fromGguf(base + ".gguf");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  auto texts = split(contents(base + ".inp"), "\n__ggml_vocab_test__\n");
  auto lines = split(contents(base + ".out"), "\n");
  ASSERT_EQ(texts.size(), 47u);
  ASSERT_EQ(lines.size(), texts.size());
  bool keepsText = GetParam() != std::string("bert-bge");
  for (size_t i = 0; i < texts.size(); ++i) {
    Result<std::vector<int32_t>> ids = tokenizer->encode(texts[i], false);
    ASSERT_TRUE(ids.ok()) << ids.status().message();
    EXPECT_EQ(*ids, numbers(lines[i])) << texts[i];
    if (keepsText) {
      EXPECT_EQ(*tokenizer->decode(*ids), texts[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, SharedData,
                         testing::Values("gpt-2", "llama-spm", "bert-bge",
                                         "falcon"));

TEST(SharedDataModel, SentencePieceFromScores) {
  std::string path = folder() + "/stories260k.gguf";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not there (set SLUICE_SHARED_DATA)";
  Result<Tokenizer> tokenizer = fromGguf(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ(*tokenizer->encode("Once upon a time"),
            (std::vector<int32_t>{1, 403, 407, 261, 378}));
}

} // namespace
} // namespace sluice::test
