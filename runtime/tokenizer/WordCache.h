// The tokens of short words that came before, in a table of fixed size: a word
// takes the place of another one with the same hash.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace sluice::tokenizer {

class WordCache {
public:
  static constexpr size_t maxBytes = 24, maxIds = 9;

  // The bytes of a word of 1 to maxBytes bytes in three numbers, which overlap
  // where it is shorter; together with its length they are unique.
  struct Key {
    uint64_t parts[3];
    size_t length;

    explicit Key(std::string_view word) : parts{}, length(word.size()) {
      const char *bytes = word.data();
      if (length >= 8) {
        parts[0] = load<uint64_t>(bytes);
        parts[1] = load<uint64_t>(bytes + length - 8);
        if (length > 16)
          parts[2] = load<uint64_t>(bytes + 8);
      } else if (length >= 4) {
        parts[0] = uint64_t(load<uint32_t>(bytes)) << 32 |
                   load<uint32_t>(bytes + length - 4);
      } else {
        parts[0] = uint64_t(uint8_t(bytes[0])) << 16 |
                   uint64_t(uint8_t(bytes[length / 2])) << 8 |
                   uint8_t(bytes[length - 1]);
      }
    }

    template <typename T> static T load(const char *bytes) {
      T value;
      std::memcpy(&value, bytes, sizeof(value));
      return value;
    }
  };

  struct Word {
    uint64_t parts[3] = {};
    uint8_t length = 0, count = 0;
    int32_t ids[maxIds] = {};

    bool is(const Key &key) const {
      return length == key.length && parts[0] == key.parts[0] &&
             parts[1] == key.parts[1] && parts[2] == key.parts[2];
    }
    void set(const Key &key, const int32_t *first, size_t n) {
      std::copy_n(key.parts, 3, parts);
      length = uint8_t(key.length);
      count = uint8_t(n);
      std::copy_n(first, n, ids);
    }
  };

  Word &slot(const Key &key) {
    uint64_t h = (key.parts[0] ^ key.length) * 0x9e3779b97f4a7c15;
    h = (h ^ h >> 32 ^ key.parts[1]) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 32 ^ key.parts[2]) * 0x94d049bb133111eb;
    return words_[h >> (64 - bits)];
  }

private:
  static constexpr int bits = 16;
  std::vector<Word> words_ = std::vector<Word>(size_t(1) << bits);
};

} // namespace sluice::tokenizer
