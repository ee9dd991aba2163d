#include "tests/unit/tokenizer/Documents.h"

#include <cstring>
#include <random>

namespace sluice::test {
namespace {

std::string refusal(std::span<const std::byte> image) {
  return Tokenizer::load(image).status().message();
}

TEST(Image, KeepsAddedTokensAndTheirWays) {
  Json json = byteFallback();
  json["added_tokens"] = {
      {{"id", 1000}, {"content", "<a>"}, {"special", true}, {"lstrip", true}},
      {{"id", 1001}, {"content", "b"}, {"single_word", true}},
      {{"id", 5}, {"content", "<a>"}, {"normalized", true}}};
  Tokenizer parsed = make(json);
  Stored stored(json);
  Result<Tokenizer> loaded = stored.load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->size(), parsed.size());
  for (const char *text :
       {"ab <a> b", "<a>b", "b<a>", " b ", "abb\xe2\x82\xac"})
    EXPECT_EQ(*loaded->encode(text), *parsed.encode(text)) << text;
}

TEST(Image, RefusesWhatIsNone) {
  Stored stored(byteLevel());
  std::span<std::byte> bytes = stored.bytes();
  EXPECT_EQ(refusal({}), "tokenizer: not a stored tokenizer");
  EXPECT_EQ(refusal(bytes.subspan(8)), "tokenizer: not a stored tokenizer");
  EXPECT_EQ(refusal(bytes.first(16)),
            "tokenizer: the list of parts is cut off");
  EXPECT_EQ(refusal(bytes.first(bytes.size() / 2)),
            "tokenizer: a part lies outside");
  uint32_t parts = 2; // the JSON and the vocabulary, without the merges
  std::memcpy(bytes.data() + 4, &parts, sizeof(parts));
  EXPECT_EQ(refusal(bytes), "tokenizer: there is no table 1");
}

// Whatever the bytes are: no id out of range, no text that is not UTF-8.
TEST(Image, StaysInRangeWhateverItHolds) {
  std::mt19937 random(1);
  int loaded = 0;
  for (const Json &json : {byteLevel(), byteFallback()}) {
    Stored stored(json);
    std::span<std::byte> bytes = stored.bytes();
    for (int round = 0; round < 2000; ++round) {
      size_t at = random() % bytes.size();
      std::byte before = bytes[at];
      bytes[at] = std::byte(random());
      if (Result<Tokenizer> tokenizer = stored.load(); tokenizer.ok()) {
        ++loaded;
        Result<std::vector<int32_t>> ids = tokenizer->encode("hello abba ab");
        for (int32_t id : ids.ok() ? *ids : std::vector<int32_t>()) {
          ASSERT_GE(id, 0);
          ASSERT_LT(id, tokenizer->size());
        }
        std::vector<int32_t> all(size_t(tokenizer->size()));
        for (size_t i = 0; i < all.size(); ++i)
          all[i] = int32_t(i);
        Result<std::string> text = tokenizer->decode(all);
        if (text.ok()) {
          ASSERT_NO_THROW(Json(*text).dump()); // throws if it is not UTF-8
        }
      }
      bytes[at] = before;
    }
  }
  EXPECT_GT(loaded, 1000);
}

} // namespace
} // namespace sluice::test
