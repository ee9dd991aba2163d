// Tokens that are found in the text before anything else looks at it.
#pragma once

#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/FlatTable.h"

#include <array>
#include <unordered_map>
#include <unordered_set>

namespace sluice::tokenizer {

struct AddedToken {
  std::string content;
  std::string pattern; // the content as it stands in the text
  int32_t id = 0;
  bool special = false;    // left out when decoding for people
  bool singleWord = false; // only where no word character touches it
  bool stripLeft = false, stripRight = false; // takes the space beside it
  bool normalized = false;                    // looked for after normalizing
  bool verbatim = false; // and then as it is; a word of our own
};

class AddedTokens {
public:
  // A token that the vocabulary knows has the id that it has there; others are
  // numbered behind the vocabulary in their order, whatever id the file gives.
  // `splitSpecial`: special tokens are cut like all other text.
  static Result<AddedTokens> parse(const Json &list,
                                   const Vocabulary &vocabulary,
                                   bool splitSpecial = false);
  // A list that parse() has read, without what it takes for granted.
  static Json withoutDefaults(const Json &list);
  // Tokens that are looked for in normalized text are normalized as well.
  Status normalize(const Normalizer &normalizer);

  // Cuts at the tokens that are looked for before (or after) normalizing; of
  // several at one place the longest counts. Calls part(begin, end, id), with
  // id -1 for the text between.
  template <typename PartFunction>
  void split(std::string_view text, bool normalized, PartFunction part) const {
    Cursor cursor{text, normalized ? after_ : before_};
    size_t done = 0;
    for (Match match; find(cursor, match);) {
      if (match.token->stripLeft)
        match.begin = spaceBefore(text, match.begin, done);
      if (match.token->stripRight)
        match.end = spaceAfter(text, match.end);
      if (match.begin > done)
        part(done, match.begin, -1);
      part(match.begin, match.end, match.token->id);
      done = match.end;
    }
    if (done < text.size())
      part(done, text.size(), -1);
  }

  bool empty(bool normalized) const {
    return (normalized ? after_ : before_).none;
  }
  const AddedToken *byId(int32_t id) const;
  int32_t id(const std::string &content) const; // -1: none
  // Whether a token of this spelling is special.
  bool isSpecial(std::string_view spelling) const {
    return specials_.contains(std::string(spelling));
  }
  const std::vector<AddedToken> &all() const { return tokens_; }

private:
  // What is looked for in one pass, by the places in tokens_.
  struct Search {
    Trie trie;
    std::array<bool, 256> begins{}; // bytes that a token may begin with
    bool none = true;
  };
  struct Cursor {
    std::string_view text;
    const Search &search;
    size_t at = 0;
  };
  struct Match {
    const AddedToken *token;
    size_t begin, end;
  };
  bool find(Cursor &cursor, Match &match) const;
  static size_t spaceBefore(std::string_view text, size_t at, size_t limit);
  static size_t spaceAfter(std::string_view text, size_t at);
  void add(AddedToken token);
  void index();

  std::vector<AddedToken> tokens_;
  Search before_, after_;
  std::unordered_map<int32_t, size_t> byId_;
  std::unordered_map<std::string, int32_t> byContent_;
  std::unordered_set<std::string> specials_;
  bool splitSpecial_ = false;
};

} // namespace sluice::tokenizer
