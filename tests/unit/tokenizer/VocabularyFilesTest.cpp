#include "compiler/tokenizer/VocabularyFiles.h"
#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/TokenizerFile.h"
#include "compiler/tokenizer/sentencepiece_model.pb.h"
#include "tests/unit/fixture/Folder.h"
#include "tests/unit/tokenizer/Documents.h"

#include <gmock/gmock.h>

namespace sluice::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace tokenizer;

proto::Model model(int kind) {
  proto::Model model;
  auto add = [&](const char *piece, float score, TokenType type) {
    proto::SentencePiece *entry = model.add_pieces();
    entry->set_piece(piece);
    entry->set_score(score);
    entry->set_type(int(type));
  };
  add("<unk>", 0, TokenType::Unknown);
  add("<s>", 0, TokenType::Control);
  add("</s>", 0, TokenType::Control);
  add("<0x0A>", 0, TokenType::Byte);
  add("\u2581", -4, TokenType::Normal);
  add("a", -5, TokenType::Normal);
  add("b", -6, TokenType::Normal);
  add("ab", -1, TokenType::Normal);
  model.mutable_trainer_spec()->set_model_type(kind);
  model.mutable_trainer_spec()->set_byte_fallback(true);
  return model;
}

Result<Json> convert(const proto::Model &model) {
  Result<SentencePieceModel> read =
      SentencePieceModel::read(model.SerializeAsString());
  return read.ok() ? Result<Json>(tokenizerJson(*read)) : read.status();
}

TEST(SentencePieceModel, JoinsInTheOrderOfScores) {
  Result<Json> document = convert(model(2));
  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_THAT(pieces(make(*document), "  ab  b\n "),
              ElementsAre("\u2581", "ab", "\u2581", "b", "<0x0A>"));
  proto::Model other = model(2);
  other.mutable_normalizer_spec()->set_remove_extra_whitespaces(false);
  other.mutable_normalizer_spec()->set_add_dummy_prefix(false);
  EXPECT_THAT(pieces(make(*convert(other)), "b  a"),
              ElementsAre("b", "\u2581", "\u2581", "a"));
}

TEST(SentencePieceModel, UnigramKeepsScoresAndCharacters) {
  proto::Model file = model(1);
  file.mutable_normalizer_spec()->set_precompiled_charsmap("abc");
  Result<Json> document = convert(file);
  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_EQ((*document)["model"]["type"], "Unigram");
  EXPECT_EQ((*document)["model"]["unk_id"], 0);
  EXPECT_EQ((*document)["model"]["vocab"][7], Json::array({"ab", -1.0}));
  EXPECT_EQ((*document)["normalizer"]["normalizers"][0]["precompiled_charsmap"],
            "YWJj");
}

TEST(SentencePieceModel, RefusesWhatItCannotExpress) {
  auto message = [](const proto::Model &model) {
    return convert(model).status().message();
  };
  EXPECT_THAT(message(model(3)), HasSubstr("kind 3 is not supported"));
  proto::Model broken = model(2);
  broken.mutable_pieces(4)->set_type(9);
  EXPECT_THAT(message(broken), HasSubstr("piece 4 has the unknown type 9"));
  broken = model(2);
  broken.mutable_pieces(5)->set_piece("");
  EXPECT_THAT(message(broken), HasSubstr("piece 5 is empty"));
  broken = model(2);
  broken.mutable_trainer_spec()->set_treat_whitespace_as_suffix(true);
  EXPECT_THAT(message(broken), HasSubstr("not supported"));
  EXPECT_THAT(message(proto::Model()), HasSubstr("no pieces"));
  std::string bytes = model(2).SerializeAsString();
  EXPECT_EQ(SentencePieceModel::read(bytes.substr(0, bytes.size() - 3))
                .status()
                .code(),
            Code::Corrupt);
}

TEST(VocabularyFiles, TokenLines) {
  Result<Json> document =
      fromTokenLines("[PAD]\r\n[UNK]\n[CLS]\n[SEP]\nun\n##aff\n", true);
  ASSERT_TRUE(document.ok());
  EXPECT_THAT(pieces(make(*document), "Unaff x"),
              ElementsAre("[CLS]", "un", "##aff", "[UNK]", "[SEP]"));
  EXPECT_THAT(fromTokenLines("a\nb\n", true).status().message(),
              HasSubstr("[UNK]"));
}

TEST(VocabularyFiles, VocabularyAndMerges) {
  Result<Json> document = fromVocabularyAndMerges(
      R"({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120ab": 4})",
      "#version: 0.2\na b\n\u0120 ab\n");
  ASSERT_TRUE(document.ok());
  EXPECT_THAT(pieces(make(*document), "ab ab"), ElementsAre("ab", "\u0120ab"));
  EXPECT_THAT(fromVocabularyAndMerges("[]", "").status().message(),
              HasSubstr("vocab.json"));
  EXPECT_THAT(fromVocabularyAndMerges("{}", "a b\nab\n").status().message(),
              HasSubstr("line 2"));
}

TEST(VocabularyFiles, Ranks) {
  // a, b, space, ab, " ab"
  const char *lines = "YQ== 0\nYg== 1\nIA== 2\nYWI= 3\nIGFi 4\n";
  EXPECT_TRUE(isRankFile(lines));
  EXPECT_FALSE(isRankFile("\n\x0a\x03"));
  Json kinds = Json::parse(R"([{"ranks": 5, "cut": [" ?\\w+"],
    "special": ["<s>", ["<r{}>", 1, 2]], "bos": "<s>"}])");
  Result<Json> document = fromRanks(lines, kinds);
  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_THAT(pieces(make(*document), "ab ab<r2>"),
              ElementsAre("<s>", "ab", "\u0120ab", "<r2>"));
  kinds[0]["ranks"] = 7;
  EXPECT_THAT(fromRanks(lines, kinds).status().message(),
              HasSubstr("5 ranks is not known (known: 7)"));
  EXPECT_THAT(fromRanks("YQ== 0\nYg== 2\n", kinds).status().message(),
              HasSubstr("line 2"));
}

// The files that a checkpoint's folder may hold, and what stands beside them.
TEST(TokenizerFile, TakesWhatTheFolderHolds) {
  Folder folder;
  folder.add("config.json", "{}");
  folder.add("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  auto made = [&]() -> Result<TokenizerFile> {
    Result<checkpoint::Checkpoint> file =
        checkpoint::Checkpoint::open(folder.path());
    return file.ok() ? readTokenizer(*file, SLUICE_SOURCE_DIR "/models")
                     : file.status();
  };
  ASSERT_TRUE(made().ok()) << made().status().message();
  EXPECT_EQ(made()->json, "");
  folder.add("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nA\na\n");
  folder.add("tokenizer_config.json",
             R"({"do_lower_case": false, "added_tokens_decoder":
               {"5": {"content": "<x>", "special": true}}})");
  EXPECT_THAT(pieces(make(Json::parse(made()->json)), "A<x>a"),
              ElementsAre("[CLS]", "A", "<x>", "a", "[SEP]"));
  folder.add("tokenizer.model", model(2).SerializeAsString());
  EXPECT_THAT(pieces(make(Json::parse(made()->json)), "ab"),
              ElementsAre("<s>", "\u2581", "ab"));
  folder.add("tokenizer_config.json", R"({"add_bos_token": false})");
  EXPECT_THAT(pieces(make(Json::parse(made()->json)), "ab"),
              ElementsAre("\u2581", "ab"));
  folder.add("tokenizer.model", "no model");
  EXPECT_THAT(made().status().message(), HasSubstr("tokenizer.model"));
  folder.add("tokenizer.json", "{}");
  EXPECT_EQ(made()->json, "{}");
}

} // namespace
} // namespace sluice::test
