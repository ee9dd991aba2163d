#include "compiler/tokenizer/GgufVocabulary.h"
#include "tests/unit/tokenizer/Documents.h"

#include <fstream>
#include <gmock/gmock.h>

namespace sluice::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<Json> convert(const Json &fields) {
  Json metadata = Json::object();
  for (const auto &[key, value] : fields.items())
    metadata["tokenizer.ggml." + key] = value;
  std::ifstream table(SLUICE_SOURCE_DIR "/models/tokenizers/gguf.json");
  auto vocabulary =
      tokenizer::GgufVocabulary::read(metadata, Json::parse(table));
  return vocabulary.ok() ? tokenizer::tokenizerJson(*vocabulary)
                         : vocabulary.status();
}

Json sentencePiece() {
  return {{"model", "llama"},
          {"tokens",
           {"<unk>", "<s>", "<0x0A>", "\u2581", "a", "b", "ab", "\u2581a"}},
          {"scores", {0, 0, 0, -4, -5, -6, -1, -2}},
          {"token_type", {2, 3, 6, 1, 1, 1, 1, 1}},
          {"bos_token_id", 1},
          {"unknown_token_id", 0}};
}

TEST(GgufVocabulary, ScoresBecomeTheOrderOfMerges) {
  Result<Json> document = convert(sentencePiece());
  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_THAT(pieces(make(*document), "ab\n"),
              ElementsAre("<s>", "\u2581", "ab", "<0x0A>"));
  Json fields = sentencePiece();
  fields["scores"] = {0, 0, 0, -4, -5, -6, -2, -1};
  fields["add_bos_token"] = false;
  EXPECT_THAT(pieces(make(*convert(fields)), "ab"),
              ElementsAre("\u2581a", "b"));
  fields["add_space_prefix"] = false;
  EXPECT_THAT(pieces(make(*convert(fields)), "ab"), ElementsAre("ab"));
  // Old files leave out which tokens these are.
  fields = sentencePiece();
  for (const char *key : {"bos_token_id", "unknown_token_id"})
    fields.erase(key);
  EXPECT_THAT(pieces(make(*convert(fields)), "ab"),
              ElementsAre("<s>", "\u2581", "ab"));
}

TEST(GgufVocabulary, BytePairsAreCutAsTheFileNamesIt) {
  Json fields = {{"model", "gpt2"},
                 {"pre", "smollm"},
                 {"tokens", {"1", "2", "12", "a", "1a", "<|end|>"}},
                 {"token_type", {1, 1, 1, 1, 1, 3}},
                 {"merges", {"1 2", "1 a"}}};
  EXPECT_THAT(pieces(make(*convert(fields)), "12<|end|>"),
              ElementsAre("1", "2", "<|end|>"));
  fields["pre"] = "gpt-2";
  EXPECT_THAT(pieces(make(*convert(fields)), "12"), ElementsAre("12"));
  fields["pre"] = "mystery";
  EXPECT_EQ(convert(fields).status().code(), Code::Unsupported);
  EXPECT_THAT(convert(fields).status().message(), HasSubstr("'mystery'"));
}

TEST(GgufVocabulary, WordPieceMarksContinuations) {
  Json fields = {
      {"model", "bert"},
      {"tokens", {"[CLS]", "[SEP]", "[UNK]", "\u2581un", "aff", "\u2581,"}},
      {"token_type", {3, 3, 3, 1, 1, 1}},
      {"cls_token_id", 0},
      {"seperator_token_id", 1},
      {"unknown_token_id", 2}};
  EXPECT_THAT(pieces(make(*convert(fields)), "Unaff, aff"),
              ElementsAre("[CLS]", "un", "##aff", ",", "[UNK]", "[SEP]"));
}

// The ids that llama.cpp's vocabulary of each kind begins with.
TEST(GgufVocabulary, IdsThatAreLeftOutAreLlamaCpps) {
  Json tokens = Json::array();
  for (int i = 0; i < 104; ++i)
    tokens.push_back("\u2581t" + std::to_string(i));
  tokens[100] = "[UNK]";
  tokens[101] = "[CLS]";
  tokens[102] = "[SEP]";
  Json fields = {{"model", "bert"}, {"tokens", tokens}};
  EXPECT_THAT(pieces(make(*convert(fields)), "t7 x"),
              ElementsAre("[CLS]", "t7", "[UNK]", "[SEP]"));
  // Its flags do not count for this kind.
  fields["add_bos_token"] = fields["add_eos_token"] = false;
  EXPECT_THAT(pieces(make(*convert(fields)), "t7"),
              ElementsAre("[CLS]", "t7", "[SEP]"));
  fields = {{"model", "gpt2"},
            {"pre", "gpt-2"},
            {"tokens",
             {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "<|e|>"}},
            {"add_bos_token", true},
            {"add_eos_token", true},
            {"merges", Json::array()}};
  EXPECT_THAT(pieces(make(*convert(fields)), "ab"),
              ElementsAre("<|e|>", "a", "b", "<|e|>"));
  fields["pre"] = "glm4";
  EXPECT_THAT(pieces(make(*convert(fields)), "ab"),
              ElementsAre("a", "b", "<|e|>"));
  fields["add_bos_token"] = 1;
  EXPECT_THAT(convert(fields).status().message(),
              HasSubstr("add_bos_token: expected true or false"));
}

TEST(GgufVocabulary, WordPieceFoldsAsTheFileSays) {
  Json fields = {{"model", "bert"},
                 {"tokens",
                  {"[CLS]", "[SEP]", "[UNK]", "\u2581caf\u00e9", "\u2581cafe",
                   "\u2581Cafe"}},
                 {"cls_token_id", 0},
                 {"seperator_token_id", 1},
                 {"unknown_token_id", 2}};
  auto cut = [&] { return pieces(make(*convert(fields)), "Caf\u00e9")[1]; };
  EXPECT_EQ(cut(), "cafe");
  fields["normalizer.strip_accents"] = false;
  EXPECT_EQ(cut(), "caf\u00e9");
  fields["normalizer.strip_accents"] = true;
  fields["normalizer.lowercase"] = false;
  EXPECT_EQ(cut(), "Cafe");
}

TEST(GgufVocabulary, BytePairsMayStandForSpacesThemselves) {
  Json fields = {{"model", "gpt2"},
                 {"pre", "gemma4"},
                 {"tokens",
                  {"<unk>", "<0x0A>", "<0xC3>", "<0xA9>", "\u2581", "a", "b",
                   "\u2581a", "\n", "\n\n"}},
                 {"token_type", {2, 6, 6, 6, 1, 1, 1, 1, 1, 1}},
                 {"merges", {"\u2581 a", "\n \n"}},
                 {"unknown_token_id", 0}};
  Result<Json> document = convert(fields);
  ASSERT_TRUE(document.ok()) << document.status().message();
  Tokenizer tokenizer = make(*document);
  EXPECT_THAT(pieces(tokenizer, "a ab\n\n\u00e9"),
              ElementsAre("a", "\u2581a", "b", "\n\n", "<0xC3>", "<0xA9>"));
  EXPECT_EQ(*tokenizer.decode(*tokenizer.encode("a ab\n\n\u00e9")),
            "a ab\n\n\u00e9");
  // llama.cpp overrides the flag for this kind.
  fields["bos_token_id"] = 0;
  fields["add_bos_token"] = false;
  EXPECT_THAT(pieces(make(*convert(fields)), "a"), ElementsAre("<unk>", "a"));
}

// Every expression of the table is one that the engine takes.
TEST(GgufVocabulary, AllKindsCutText) {
  std::ifstream table(SLUICE_SOURCE_DIR "/models/tokenizers/gguf.json");
  for (const Json &kind : Json::parse(table)) {
    std::string name = kind["names"][0];
    SCOPED_TRACE(name);
    Json json = byteLevel();
    json["pre_tokenizer"] =
        tokenizer::cutBy(kind["cut"].get<std::vector<std::string>>());
    Tokenizer tokenizer = make(json);
    std::string text = "It's 12345 \u6f22\u5b57 Caf\u00e9s!!  \n\n x";
    EXPECT_EQ(*tokenizer.decode(*tokenizer.encode(text)), text);
  }
}

TEST(GgufVocabulary, EscapedTokensAreTakenAsLongAsTheyFit) {
  Json tokens = {"<s>"}, types = {3};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "\\x%02x", unsigned(byte));
    tokens.push_back(name);
    types.push_back(1);
  }
  for (const char *token : {"ab", "abcd", "\\n\\n", "\\xe2\\x82"}) {
    tokens.push_back(token);
    types.push_back(1);
  }
  tokens.push_back("[PAD261]");
  types.push_back(5);
  Json fields = {{"model", "rwkv"}, {"tokens", tokens}, {"token_type", types}};
  Result<Json> document = convert(fields);
  ASSERT_TRUE(document.ok()) << document.status().message();
  Tokenizer tokenizer = make(*document);
  EXPECT_EQ(*tokenizer.encode("abc\n\n\u20ac<s>"),
            (std::vector<int32_t>{257, 'c' + 1, 259, 260, 0xac + 1, 0}));
  EXPECT_EQ(*tokenizer.decode(std::vector<int32_t>{258, 260, 0xac + 1}),
            "abcd\u20ac");
  fields["tokens"][7] = "\\x0";
  EXPECT_EQ(convert(fields).status().message(),
            "token 7 ('\\x0') has a malformed escape");
}

// Not with the square of their length.
TEST(GgufVocabulary, LongTokensAreCutInLittleTime) {
  Json fields = sentencePiece();
  for (int i = 0; i < 200; ++i) {
    fields["tokens"].push_back(std::string(size_t(60000 + i), 'a'));
    fields["scores"].push_back(-9);
    fields["token_type"].push_back(1);
  }
  Result<Json> document = convert(fields);
  ASSERT_TRUE(document.ok()) << document.status().message();
  // "ab" and "\u2581a", and an "a" before or behind each long one but the last.
  EXPECT_EQ((*document)["model"]["merges"].size(), 2 + 2 * 199u);
}

TEST(GgufVocabulary, ContradictionsAreReported) {
  auto message = [](const char *key, Json value) {
    Json fields = sentencePiece();
    fields[key] = std::move(value);
    return convert(fields).status().message();
  };
  EXPECT_THAT(message("scores", {1, 2}), HasSubstr("2 entries for 8 tokens"));
  EXPECT_THAT(message("token_type", {1}), HasSubstr("1 entries for 8 tokens"));
  EXPECT_THAT(message("tokens", {1}), HasSubstr("wrong type"));
  Json tokens = sentencePiece()["tokens"];
  tokens[4] = std::string(70000, 'a');
  EXPECT_THAT(message("tokens", tokens), HasSubstr("token 4 has 70000 bytes"));
  EXPECT_THAT(message("tokens", Json::array()), HasSubstr("empty"));
  EXPECT_THAT(message("model", "mystery"), HasSubstr("'mystery'"));
}

} // namespace
} // namespace sluice::test
