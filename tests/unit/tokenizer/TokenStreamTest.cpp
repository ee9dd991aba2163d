#include "tests/unit/tokenizer/Documents.h"

#include "runtime/unicode/Unicode.h"

#include <random>

namespace sluice::test {
namespace {

// The pieces joined; each of them must be whole UTF-8.
std::string streamed(const Tokenizer &tokenizer,
                     const std::vector<int32_t> &ids, bool skip = true) {
  TokenStream stream(tokenizer, skip);
  std::string text;
  for (int32_t id : ids) {
    Result<std::string> piece = stream.next(id);
    EXPECT_TRUE(piece.ok() && unicode::check(*piece).ok());
    text += *piece;
  }
  std::string rest = stream.finish();
  EXPECT_TRUE(unicode::check(rest).ok());
  return text + rest;
}

TEST(TokenStream, HoldsBackHalfCharacters) {
  Tokenizer tokenizer = make(byteLevel());
  std::vector<int32_t> ids = *tokenizer.encode("h\u20ach");
  ASSERT_EQ(ids.size(), 5u);
  TokenStream stream(tokenizer);
  std::vector<std::string> pieces;
  for (int32_t id : ids)
    pieces.push_back(*stream.next(id));
  EXPECT_EQ(pieces, (std::vector<std::string>{"h", "", "", "\u20ac", "h"}));
  EXPECT_EQ(stream.finish(), "");
}

TEST(TokenStream, GivesUpOnACharacterThatIsNotContinued) {
  Tokenizer tokenizer = make(byteLevel());
  TokenStream stream(tokenizer);
  EXPECT_EQ(*stream.next(0xe2), "");
  EXPECT_EQ(*stream.next('h'), "\ufffdh");
  EXPECT_EQ(*stream.next(0xf0), "");
  EXPECT_EQ(stream.finish(), "\ufffd");
}

TEST(TokenStream, IsWhatDecodeGives) {
  Tokenizer tokenizer = make(byteLevel());
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int32_t> ids(random() % 12);
    for (int32_t &id : ids)
      id = round % 2 ? int32_t(random() % uint32_t(tokenizer.size()))
                     : int32_t(0x80 + random() % 0x80);
    ASSERT_EQ(streamed(tokenizer, ids), *tokenizer.decode(ids));
  }
}

TEST(TokenStream, KeepsSpacesThatAreStrippedAtTheBeginning) {
  Json document = byteFallback();
  document["added_tokens"] = {
      {{"id", 300}, {"content", "<s>"}, {"special", true}}};
  Tokenizer tokenizer = make(document);
  for (const char *text :
       {"ab ab", " ab", "  ", "a<s> b", "<s>a \u20ac\U0001f642 b"}) {
    std::vector<int32_t> ids = *tokenizer.encode(text);
    for (bool skip : {true, false})
      EXPECT_EQ(streamed(tokenizer, ids, skip), *tokenizer.decode(ids, skip))
          << text;
  }
}

TEST(TokenStream, ContinuesAPrompt) {
  Tokenizer tokenizer = make(byteFallback());
  std::vector<int32_t> ids = *tokenizer.encode("ab ab");
  TokenStream fresh(tokenizer), stream(tokenizer);
  EXPECT_EQ(*fresh.next(ids[1]), "ab");
  stream.follow(std::span(ids).first(1));
  EXPECT_EQ(*stream.next(ids[1]), " ab");
}

TEST(TokenStream, RefusesUnknownIdsAndGoesOn) {
  Tokenizer tokenizer = make(byteLevel());
  TokenStream stream(tokenizer);
  EXPECT_EQ(stream.next(1 << 20).status().code(), Code::InvalidArgument);
  EXPECT_EQ(*stream.next('h'), "h");
}

} // namespace
} // namespace sluice::test
