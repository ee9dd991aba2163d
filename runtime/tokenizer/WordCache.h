// The tokens of short words that came before, in a table of fixed size: a word
// takes the place of another one with the same hash.
#pragma once

#include "runtime/tokenizer/FlatTable.h"

#include <cstring>

namespace sluice::tokenizer {

class WordCache {
public:
  static constexpr size_t maxBytes = 24, maxIds = 9;

  struct Word {
    char bytes[maxBytes] = {};
    uint8_t length = 0, count = 0;
    int32_t ids[maxIds] = {};

    bool is(std::string_view word) const {
      return length == word.size() &&
             std::memcmp(bytes, word.data(), word.size()) == 0;
    }
    void set(std::string_view word, const int32_t *first, size_t n) {
      std::memcpy(bytes, word.data(), word.size());
      length = uint8_t(word.size());
      count = uint8_t(n);
      std::memcpy(ids, first, n * sizeof(int32_t));
    }
  };

  // `word` has 1 to maxBytes bytes.
  Word &slot(std::string_view word) {
    return words_[hashBytes(word) & (words_.size() - 1)];
  }

private:
  std::vector<Word> words_ = std::vector<Word>(size_t(1) << 15);
};

} // namespace sluice::tokenizer
