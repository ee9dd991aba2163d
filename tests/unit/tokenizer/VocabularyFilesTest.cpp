#include "compiler/tokenizer/VocabularyFiles.h"
#include "compiler/tokenizer/LongestMatch.h"
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

// They are looked for in the text as it is cut, with its spaces spelled.
TEST(SentencePieceModel, DefinedPiecesStayWhole) {
  for (int kind : {1, 2}) {
    proto::Model file = model(kind);
    for (const char *piece : {"a\u2581b", "bb"}) {
      proto::SentencePiece *entry = file.add_pieces();
      entry->set_piece(piece);
      entry->set_type(int(TokenType::UserDefined));
    }
    Result<Json> document = convert(file);
    ASSERT_TRUE(document.ok()) << document.status().message();
    // The score of "bb" loses by a bit against that of "ab" and "b".
    EXPECT_THAT(pieces(make(*document), "a b abb"),
                kind == 1
                    ? ElementsAre("\u2581", "a\u2581b", "\u2581", "ab", "b")
                    : ElementsAre("\u2581", "a\u2581b", "\u2581", "a", "bb"));
  }
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

// All bytes, as two texts and the rest as bytes, and what is longer.
std::string literals() {
  std::string lines;
  for (int byte = 0; byte < 256; ++byte) {
    char line[32];
    std::snprintf(line, sizeof(line),
                  byte < 128 ? "%d '\\x%02x' 1\n" : "%d b'\\x%02x' 1\n",
                  byte + 1, unsigned(byte));
    lines += line;
  }
  return lines +
         "257 'ab' 2\n258 'abc d' 5\n259 \"it's\" 4\n260 b'\\xe2\\x82' 2\n"
         "261 '\\u20ac' 3\n262 '\\n\\'' 2\n";
}

TEST(VocabularyFiles, Literals) {
  std::string lines = literals();
  EXPECT_TRUE(isLiteralFile(lines));
  EXPECT_FALSE(isLiteralFile("[UNK]\n"));
  Result<Json> document = fromLiterals(lines);
  ASSERT_TRUE(document.ok()) << document.status().message();
  Tokenizer tokenizer = make(*document);
  Stored stored(*document);
  Result<Tokenizer> loaded = stored.load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  using Ids = std::vector<int32_t>;
  for (const Tokenizer *t :
       {&std::as_const(tokenizer), &std::as_const(*loaded)}) {
    EXPECT_EQ(*t->encode("abc dab"), (Ids{258, 257}));
    EXPECT_EQ(*t->encode("abc it's"), (Ids{257, 'c' + 1, ' ' + 1, 259}));
    EXPECT_EQ(*t->encode("\n'\u20ac\u20ad"), (Ids{262, 261, 260, 0xad + 1}));
    EXPECT_EQ(*t->decode(Ids{260, 0xad + 1, 258}), "\u20ad"
                                                   "abc d");
  }
  EXPECT_THAT(fromLiterals("1 'a' 1\n2 'bc' 1\n").status().message(),
              HasSubstr("line 2"));
}

TEST(VocabularyFiles, Escapes) {
  EXPECT_EQ(unescape("a\\n\\x41\\\\\\'", true), "a\nA\\'");
  EXPECT_EQ(unescape("\\xe9", true), "\xe9");
  EXPECT_EQ(unescape("\\xe9\\u20ac\\U0001f642", false),
            "\u00e9\u20ac\U0001f642");
  for (const char *bad : {"\\", "\\x4", "\\xg0", "\\u20a", "\\Uffffffff"})
    EXPECT_FALSE(unescape(bad, false)) << bad;
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
  folder.add("tokenizer_config.json", R"({"add_bos_token": true})");
  EXPECT_THAT(pieces(make(Json::parse(made()->json)), "ab"),
              ElementsAre("<s>", "\u2581", "ab"));
  folder.add("tokenizer_config.json", "{}");
  EXPECT_THAT(pieces(make(Json::parse(made()->json)), "ab"),
              ElementsAre("\u2581", "ab"));
  folder.add("tokenizer.model", "no model");
  EXPECT_THAT(made().status().message(), HasSubstr("tokenizer.model"));
  folder.add("tokenizer.json", "{}");
  EXPECT_EQ(made()->json, "{}");
}

} // namespace
} // namespace sluice::test
