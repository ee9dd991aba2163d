// Errors, and the time that long texts take.
#include "tests/unit/tokenizer/Documents.h"

#include <gmock/gmock.h>

#include <chrono>

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
  EXPECT_THAT(parse("{\"model\": " + deep).message(), HasSubstr("too deeply"));
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

TEST(TokenizerErrors, ContradictingFile) {
  Json model = bpe({"a", "b"}, {"a b"});
  EXPECT_THAT(parse(Json{{"model", model}}.dump()).message(),
              HasSubstr("merge 0 ('a' 'b') is not in the vocabulary"));
  model = bpe({"a"});
  model["vocab"]["b"] = -1;
  EXPECT_THAT(parse(Json{{"model", model}}.dump()).message(),
              HasSubstr("token 'b' has no valid id"));
  model["vocab"]["b"] = 1 << 30;
  EXPECT_THAT(parse(Json{{"model", model}}.dump()).message(),
              HasSubstr("too large"));
  Json post = {
      {"type", "BertProcessing"}, {"cls", {"x", 7}}, {"sep", {"a", 0}}};
  EXPECT_THAT(
      parse(Json{{"model", bpe({"a"})}, {"post_processor", post}}.dump())
          .message(),
      HasSubstr("token id 7"));
  Json split = {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}};
  EXPECT_THAT(
      parse(Json{{"model", bpe({"a"})}, {"pre_tokenizer", split}}.dump())
          .message(),
      HasSubstr("regular expression '(a'"));
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

// Seconds for a text of `bytes` bytes; the ids must give it back.
double seconds(const Tokenizer &tokenizer, std::string_view unit,
               size_t bytes) {
  std::string text = repeated(unit, bytes);
  auto begin = std::chrono::steady_clock::now();
  Result<std::vector<int32_t>> ids = tokenizer.encode(text);
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  EXPECT_TRUE(ids.ok() && *tokenizer.decode(*ids) == text) << unit;
  return time.count();
}

// Quadratic time would take hours for these; the bound leaves room for
// sanitizers and busy machines.
TEST(TokenizerSpeed, LongRunsOfOneCharacter) {
  for (const Json &document : {byteLevel(), byteFallback()}) {
    Tokenizer tokenizer = make(document);
    for (const char *unit : {"a", " ", "\n", "\U0001f642", "ab", "hello "})
      EXPECT_LT(seconds(tokenizer, unit, 1 << 20), 20) << unit;
  }
}

} // namespace
} // namespace sluice::test
