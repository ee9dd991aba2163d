// Errors, and the time that long texts take.
#include "runtime/support/Base64.h"
#include "tests/unit/tokenizer/Documents.h"

#include <gmock/gmock.h>

#include <ctime>

namespace sluice::test {
namespace {

using testing::HasSubstr;

Status parse(const std::string &text) {
  return Tokenizer::parse(text).status();
}

TEST(TokenizerErrors, MalformedFile) {
  for (const char *text :
       {"", "{", "[]", "\xff", "{\"model\": {\"type\": \"B"}) {
    EXPECT_EQ(parse(text).code(), Code::Corrupt) << text;
    EXPECT_THAT(parse(text).message(), HasSubstr("not a JSON object"));
  }
  std::string deep(100000, '[');
  EXPECT_THAT(parse("{\"model\": " + deep).message(),
              HasSubstr("nested more than"));
}

TEST(TokenizerErrors, UnknownComponentIsNamed) {
  for (const char *key :
       {"normalizer", "pre_tokenizer", "model", "post_processor", "decoder"}) {
    Json document = {{"model", bpe({"a"})}};
    document[key] = {{"type", "Mystery"}};
    Status status = parse(document.dump());
    EXPECT_EQ(status.code(), Code::Unsupported) << key;
    EXPECT_THAT(status.message(), HasSubstr("'Mystery'"));
  }
}

Json pattern(const char *kind, const char *text) {
  return {{"type", "Split"}, {"pattern", {{kind, text}}}};
}

Json unigram(Json vocabulary, Json unknown = 0) {
  return {{"type", "Unigram"}, {"vocab", vocabulary}, {"unk_id", unknown}};
}

// Files that contradict themselves, by the part that does and what is said.
TEST(TokenizerErrors, ContradictingFile) {
  Json good = bpe({"a", "b"});
  Json missing = bpe({"a", "b"}, {"a b"}), negative = good, huge = good,
       twice = good;
  negative["vocab"]["b"] = -1;
  huge["vocab"]["b"] = 1 << 30;
  twice["vocab"]["b"] = 0;
  Json shortRight = bpe({"a", "#"}, {"a #"});
  shortRight["continuing_subword_prefix"] = "##";
  Json longPrefix = good, dropout = good;
  longPrefix["continuing_subword_prefix"] = std::string(1000, '#');
  dropout["dropout"] = 0.1;
  Json post = {
      {"type", "BertProcessing"}, {"cls", {"x", 7}}, {"sep", {"a", 0}}};
  Json piece = {{"Sequence", {{"id", "A"}}}};
  Json doubled = {{"type", "TemplateProcessing"}, {"single", {piece, piece}}};
  Json unnamed = {{"type", "TemplateProcessing"},
                  {"single", {piece, {{"SpecialToken", {{"id", "x"}}}}}}};
  struct Case {
    const char *part;
    Json value;
    const char *message;
  };
  const Case cases[] = {
      {"model", missing, "merge 0 ('a' 'b') is not in the vocabulary"},
      {"model", bpe({"a"}, {"a"}), "merge 0 is not a pair"},
      {"model", bpe({"a"}, {"a a a"}), "merge 0 is not a pair"},
      {"model", shortRight, "merge 0 ('a' '#') is not in the vocabulary"},
      {"model", longPrefix, "prefix or suffix"},
      {"model", dropout, "dropout"},
      {"model", negative, "token 'b' has no valid id"},
      {"model", huge, "token id 1073741824 is too large"},
      {"model", twice, "token id 0 belongs to 'a' and to 'b'"},
      {"model", unigram(Json::array()), "no list of tokens"},
      {"model", unigram(Json::array({Json::array({"a", "b"})})),
       "token 0 is not a text and a score"},
      {"model", unigram(Json::array({Json::array({"a", -1})}), 1), "unk_id"},
      {"pre_tokenizer", pattern("Regex", "(a"), "regular expression '(a'"},
      {"pre_tokenizer", pattern("Regex", "[a"), "regular expression '[a'"},
      {"pre_tokenizer", pattern("Regex", "\\p{Klingon}"), "'Klingon'"},
      {"pre_tokenizer", pattern("Regex", "\\x{110000}"), "code point"},
      {"pre_tokenizer", pattern("Regex", "\\"), "backslash"},
      {"pre_tokenizer", pattern("Regex", ""), "empty"},
      {"pre_tokenizer", pattern("String", ""), "neither"},
      {"pre_tokenizer", {{"type", "FixedLength"}, {"length", 0}}, "length 0"},
      {"pre_tokenizer",
       {{"type", "Metaspace"}, {"replacement", "ab"}},
       "'replacement' is not one character"},
      {"normalizer", {{"type", "Precompiled"}}, "cut off"},
      {"normalizer",
       {{"type", "Precompiled"}, {"precompiled_charsmap", "!"}},
       "base64"},
      {"normalizer",
       {{"type", "Precompiled"}, {"precompiled_charsmap", "/////w=="}},
       "cut off"},
      {"normalizer", {{"type", "Sequence"}}, "without a list"},
      {"post_processor", post, "token id 7"},
      {"post_processor", doubled, "one place for the text"},
      {"post_processor", unnamed, "'x'"},
      {"decoder", {{"type", "BPEDecoder"}, {"suffix", ""}}, "suffix"},
      {"decoder", {{"type", "CTC"}, {"pad_token", ""}}, "CTC"},
      {"added_tokens", {{{"id", 1}}}, "no content"}};
  for (const Case &c : cases) {
    Json document = {{"model", good}};
    document[c.part] = c.value;
    Status status = parse(document.dump());
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << document.dump();
  }
}

// A trie whose root sends every byte past its end.
TEST(TokenizerErrors, TableThatPointsOutsideOfItself) {
  std::string bytes("\x08\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f", 12);
  Json normalizer = {{"type", "Precompiled"},
                     {"precompiled_charsmap", toBase64(bytes)}};
  Tokenizer tokenizer =
      make({{"model", bpe({"a"})}, {"normalizer", normalizer}});
  EXPECT_THAT(tokenizer.encode("a").status().message(),
              HasSubstr("points outside"));
}

// Each step makes the text a thousand times longer.
TEST(TokenizerErrors, StepsThatGrowTheText) {
  Json grow = {{"type", "Replace"},
               {"pattern", {{"String", "a"}}},
               {"content", std::string(1000, 'a')}};
  Json steps = {grow, grow, grow, grow, grow};
  Json document = {{"model", bpe({"a"})}};
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  document["decoder"] = {{"type", "Sequence"}, {"decoders", steps}};
  Tokenizer tokenizer = make(document);
  EXPECT_EQ(tokenizer.encode("a").status().code(), Code::Resource);
  std::vector<int32_t> ids = {0};
  EXPECT_EQ(tokenizer.decode(ids).status().code(), Code::Resource);
}

TEST(TokenizerErrors, UnknownTokenThatIsMissing) {
  for (Json model : {Json{{"type", "WordLevel"}, {"vocab", {{"a", 0}}}},
                     Json{{"type", "WordPiece"}, {"vocab", {{"a", 0}}}},
                     unigram(Json::array({Json::array({"a", -1})}), nullptr)}) {
    Tokenizer tokenizer = make({{"model", model}});
    EXPECT_EQ(*tokenizer.encode("a"), std::vector<int32_t>{0});
    EXPECT_EQ(tokenizer.encode("b").status().code(), Code::Corrupt) << model;
  }
}

TEST(TokenizerErrors, BadTextAndIds) {
  Tokenizer tokenizer = make({{"model", bpe({"a", "b"})}});
  Status status = tokenizer.encode("ab\xc3(").status();
  EXPECT_EQ(status.code(), Code::InvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("byte 2"));
  for (int32_t id : {-1, 2, INT32_MAX}) {
    std::vector<int32_t> ids = {0, id};
    status = tokenizer.decode(ids).status();
    EXPECT_EQ(status.code(), Code::InvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(std::to_string(id)));
    EXPECT_THAT(status.message(), HasSubstr("0..1"));
  }
}

TEST(TokenizerErrors, ExpressionThatBacktracksWithoutEnd) {
  Json split = {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+$"}}}};
  Tokenizer tokenizer =
      make({{"model", bpe({"a", "c"})}, {"pre_tokenizer", split}});
  Status status = tokenizer.encode(std::string(60, 'a') + "b").status();
  EXPECT_EQ(status.code(), Code::Unsupported);
  EXPECT_THAT(status.message(), HasSubstr("gives up"));
}

std::string repeated(std::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text += unit;
  return text;
}

// Processor time for a text of `bytes` bytes; the ids must give it back.
double timeFor(const Tokenizer &tokenizer, std::string_view unit,
               size_t bytes) {
  std::string text = repeated(unit, bytes);
  std::clock_t begin = std::clock();
  Result<std::vector<int32_t>> ids = tokenizer.encode(text);
  std::clock_t end = std::clock();
  EXPECT_TRUE(ids.ok() && *tokenizer.decode(*ids) == text) << unit;
  return static_cast<double>(end - begin);
}

// 32 times the text takes 32 times as long, and not a thousand times, as it
// would if the time were quadratic.
TEST(TokenizerSpeed, LongRunsOfOneCharacter) {
  for (const Json &document : {byteLevel(), byteFallback()}) {
    Tokenizer tokenizer = make(document);
    for (const char *unit : {"a", " ", "\n", "\U0001f642", "ab", "hello "})
      EXPECT_LT(timeFor(tokenizer, unit, 1 << 20),
                200 * (timeFor(tokenizer, unit, 1 << 15) + 1000))
          << unit;
  }
}

} // namespace
} // namespace sluice::test
