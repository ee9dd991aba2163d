#include "runtime/tokenizer/FlatTable.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace sluice::tokenizer {
namespace {

// The same bytes elsewhere, as if mapped from a file.
struct Mapped {
  explicit Mapped(std::span<const std::byte> bytes)
      : words((bytes.size() + 7) / 8), size(bytes.size()) {
    std::memcpy(words.data(), bytes.data(), size);
  }
  std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(words)).first(size);
  }
  std::vector<uint64_t> words;
  size_t size;
};

TokenTable tokens() {
  Result<TokenTable> table =
      TokenTable::build({{"a", 0}, {"", 3}, {"\xe2\x96\x81the", 5}});
  EXPECT_TRUE(table.ok());
  return std::move(*table);
}

TEST(TokenTable, FindsTokensBothWaysWhereverItLies) {
  TokenTable built = tokens();
  Mapped mapped(built.bytes());
  Result<TokenTable> loaded = TokenTable::load(mapped.bytes());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  for (const TokenTable *table : {&built, &*loaded}) {
    EXPECT_EQ(table->id("a"), 0);
    EXPECT_EQ(table->id(""), 3);
    EXPECT_EQ(table->id("\xe2\x96\x81the"), 5);
    EXPECT_EQ(table->id("the"), -1);
    EXPECT_EQ(table->spelling(5), "\xe2\x96\x81the");
    for (int32_t id : {-1, 1, 2, 4, 6, INT32_MAX})
      EXPECT_EQ(table->spelling(id), "") << id;
    EXPECT_EQ(table->ids(), 6);
    EXPECT_EQ(table->tokens(), 3);
    EXPECT_EQ(table->longest(), 6u);
  }
}

TEST(PairTable, FindsPairsWhereverItLies) {
  std::vector<PairTable::Pair> pairs;
  for (uint32_t i = 0; i < 1000; ++i)
    pairs.push_back({i * 7, i % 10, i, ~i});
  pairs.push_back({7, 1, 5, 6}); // the last of equal ones counts
  PairTable built = PairTable::build(pairs);
  Mapped mapped(built.bytes());
  Result<PairTable> loaded = PairTable::load(mapped.bytes());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  for (const PairTable *table : {&built, &*loaded}) {
    ASSERT_TRUE(table->find(21, 3));
    EXPECT_EQ(table->find(21, 3)->c, 3u);
    EXPECT_EQ(table->find(7, 1)->d, 6u);
    EXPECT_FALSE(table->find(21, 4));
    EXPECT_FALSE(table->find(UINT32_MAX, 0));
  }
}

TEST(Trie, FindsAllThatATextBeginsWith) {
  Trie trie({{"b", 0}, {"abc", 1}, {"a", 2}, {"ab", 3}, {"ab", 4}, {"", 9}});
  std::vector<std::pair<size_t, int32_t>> found;
  trie.prefixes(
      "abd", [&](size_t length, int32_t id) { found.push_back({length, id}); });
  EXPECT_EQ(found, (std::vector<std::pair<size_t, int32_t>>{{1, 2}, {2, 4}}));
  trie.prefixes("x", [&](size_t, int32_t) { FAIL(); });
}

// Whatever the bytes are, lookups end and stay inside (the sanitizers tell).
TEST(FlatTable, SurvivesAnyBytes) {
  std::mt19937 random(1);
  TokenTable good = tokens();
  PairTable pairs = PairTable::build({{1, 2, 3, 4}, {5, 6, 7, 8}});
  for (int round = 0; round < 20000; ++round) {
    bool tokenRound = round % 2;
    Mapped bad(tokenRound ? good.bytes() : pairs.bytes());
    auto *bytes = reinterpret_cast<unsigned char *>(bad.words.data());
    for (int i = 0; i < 1 + round % 4; ++i)
      bytes[random() % bad.size] =
          static_cast<unsigned char>(random() % 3 ? random() : 0xff);
    if (round % 5 == 0)
      bad.size = random() % (bad.size + 1);
    if (tokenRound) {
      if (Result<TokenTable> table = TokenTable::load(bad.bytes()); table.ok())
        for (int32_t id = -1; id < 10; ++id)
          (void)(table->id("a") + table->id(table->spelling(id)));
    } else if (Result<PairTable> table = PairTable::load(bad.bytes());
               table.ok()) {
      for (uint32_t i = 0; i < 10; ++i)
        (void)table->find(i, i + 1);
    }
  }
}

} // namespace
} // namespace sluice::tokenizer
