#include "runtime/support/Base64.h"
#include "tests/unit/tokenizer/Documents.h"

#include <gmock/gmock.h>

#include <array>
#include <random>

namespace sluice::test {
namespace {

using testing::ElementsAre;

TEST(Bpe, JoinsTheBestPairFirst) {
  Json model = bpe({"a", "b", "c", "ab", "bc"}, {"b c", "a b"});
  EXPECT_THAT(pieces(make({{"model", model}}), "abcab"),
              ElementsAre("a", "bc", "ab"));
}

TEST(Bpe, LeavesOutOrMarksUnknownCharacters) {
  Json model = bpe({"a", "?"});
  EXPECT_THAT(pieces(make({{"model", model}}), "axxa"), ElementsAre("a", "a"));
  model["unk_token"] = "?";
  EXPECT_THAT(pieces(make({{"model", model}}), "axxa"),
              ElementsAre("a", "?", "?", "a"));
  model["fuse_unk"] = true;
  EXPECT_THAT(pieces(make({{"model", model}}), "axxa"),
              ElementsAre("a", "?", "a"));
}

TEST(Bpe, TakesWholeWordsWhenMergesAreIgnored) {
  Json model = bpe({"a", "b", "ab"});
  EXPECT_THAT(pieces(make({{"model", model}}), "ab"), ElementsAre("a", "b"));
  model["ignore_merges"] = true;
  EXPECT_THAT(pieces(make({{"model", model}}), "ab"), ElementsAre("ab"));
}

TEST(ByteLevel, CutsWordsAndSpellsBytes) {
  Tokenizer tokenizer = make(byteLevel());
  EXPECT_THAT(pieces(tokenizer, "hello hello\xc3\xa9"),
              ElementsAre("hello", "\u0120hello", "\u00c3", "\u00a9"));
}

TEST(ByteFallback, SpellsWhatHasNoToken) {
  Tokenizer tokenizer = make(byteFallback());
  EXPECT_THAT(pieces(tokenizer, "ab \xc3\xa9"),
              ElementsAre("\u2581ab", "\u2581", "<0xC3>", "<0xA9>"));
}

// "a" becomes "1", "ab" becomes "2". The words of the trie have a label, a bit
// for "a value follows" and the distance to what comes next.
TEST(Charsmap, ReplacesTheShortestOfACharacterOrTheLongest) {
  std::vector<uint32_t> trie(2048);
  auto node = [&](size_t at, char label, uint32_t distance) {
    trie[at] = distance << 10 | 1 << 8 | uint8_t(label);
    trie[at ^ distance] |= 1u << 31;
    return at ^ distance;
  };
  trie[0] = 256 << 10;
  size_t a = node(256 ^ 'a', 'a', 512);
  trie[node(a ^ 'b', 'b', 1024)] |= 2; // the place of the text
  uint32_t size = uint32_t(trie.size() * 4);
  std::string bytes(reinterpret_cast<char *>(&size), 4);
  bytes.append(reinterpret_cast<char *>(trie.data()), size);
  bytes.append("1\0002\0", 4);
  Json normalizer = {{"type", "Precompiled"},
                     {"precompiled_charsmap", toBase64(bytes)}};
  Json json = {{"model", bpe({"a", "b", "c", "1", "2"})}};
  json["normalizer"] = normalizer;
  EXPECT_THAT(pieces(make(json), "abcac"),
              ElementsAre("1", "b", "c", "1", "c"));
  json["normalizer"]["longest_match"] = true;
  EXPECT_THAT(pieces(make(json), "abcac"), ElementsAre("2", "c", "1", "c"));
}

TEST(Metaspace, SplitsWordsAtTheSpace) {
  Json model = bpe({"\u2581", "a", "\u2581a"}, {"\u2581 a"});
  Json document = {{"model", model},
                   {"pre_tokenizer", {{"type", "Metaspace"}}}};
  EXPECT_THAT(pieces(make(document), "a a"), ElementsAre("\u2581a", "\u2581a"));
  document["pre_tokenizer"]["prepend_scheme"] = "never";
  EXPECT_THAT(pieces(make(document), "a a"), ElementsAre("a", "\u2581a"));
}

// Spans are found without the shortcuts: cached words, and long pieces that are
// cut where no merge reaches across.
TEST(Tokenizer, ShortcutsChangeNoIds) {
  Json uncut = byteFallback();
  uncut["model"]["merges"].push_back("ab \u2581");
  uncut["model"]["vocab"]["ab\u2581"] = 300;
  std::mt19937 random(1);
  for (const Json &document : {byteLevel(), byteFallback(), uncut}) {
    Tokenizer tokenizer = make(document);
    for (int round = 0; round < 20; ++round) {
      std::string text;
      while (text.size() < 10000)
        for (uint32_t n = random() % (round % 2 ? 8 : 200); n > 0; --n)
          text += std::array{"a", "b", " ", "he", "llo", "\u00e9", "\u2581"}
              [random() % (n % 3 ? 7 : 3)];
      Result<Encoding> encoding = tokenizer.encodeWithSpans(text);
      ASSERT_TRUE(encoding.ok());
      ASSERT_EQ(*tokenizer.encode(text), encoding->ids);
    }
  }
}

TEST(WordPiece, TakesTheLongestTokenOrNone) {
  Json model = {{"type", "WordPiece"},
                {"unk_token", "?"},
                {"vocab", {{"?", 0}, {"un", 1}, {"##aff", 2}, {"##a", 3}}}};
  Tokenizer tokenizer = make(
      {{"model", model}, {"pre_tokenizer", {{"type", "BertPreTokenizer"}}}});
  EXPECT_THAT(pieces(tokenizer, "unaff una unb"),
              ElementsAre("un", "##aff", "un", "##a", "?"));
}

TEST(AddedTokens, AreFoundBeforeTheRest) {
  Json document = {{"model", bpe({"<", "s", ">", "a"})},
                   {"added_tokens",
                    {{{"id", 4}, {"content", "<s>"}, {"special", true}},
                     {{"id", 5},
                      {"content", "<s>>"},
                      {"rstrip", true},
                      {"normalized", false}}}}};
  Tokenizer tokenizer = make(document);
  EXPECT_EQ(*tokenizer.encode("a<s>a<s>>  a<s"),
            (std::vector<int32_t>{3, 4, 3, 5, 3, 0, 1}));
  EXPECT_EQ(tokenizer.size(), 6);
  EXPECT_EQ(tokenizer.id("<s>"), 4);
  EXPECT_EQ(tokenizer.token(4), "<s>");
  EXPECT_TRUE(tokenizer.isSpecial(4));
  EXPECT_FALSE(tokenizer.isSpecial(5));
  EXPECT_EQ(tokenizer.id("b"), -1);
  EXPECT_EQ(tokenizer.token(6), "");
}

// The ids in a file are not asked: Hugging Face numbers in its own way, and so
// were the embeddings made.
TEST(AddedTokens, AreNumberedBehindTheVocabulary) {
  Json document = {{"model", bpe({"a", "<s>"})},
                   {"added_tokens",
                    {{{"id", 9}, {"content", "<x>"}},
                     {{"id", 8}, {"content", "<s>"}},
                     {{"id", 5}, {"content", "<y>"}}}}};
  Tokenizer tokenizer = make(document);
  EXPECT_EQ(tokenizer.id("<x>"), 2);
  EXPECT_EQ(tokenizer.id("<s>"), 1);
  EXPECT_EQ(tokenizer.id("<y>"), 3);
}

TEST(PostProcessor, AddsItsTokensOnRequest) {
  Json document = {
      {"model", bpe({"a", "[", "]"})},
      {"post_processor",
       {{"type", "RobertaProcessing"}, {"cls", {"[", 1}}, {"sep", {"]", 2}}}}};
  Tokenizer tokenizer = make(document);
  EXPECT_THAT(pieces(tokenizer, "a"), ElementsAre("[", "a", "]"));
  EXPECT_EQ(*tokenizer.encode("a", false), (std::vector<int32_t>{0}));
}

} // namespace
} // namespace sluice::test
