// Tokens that are found in the text before anything else looks at it.
#pragma once

#include "runtime/tokenizer/Component.h"

#include <array>
#include <unordered_map>

namespace sluice::tokenizer {

struct AddedToken {
  std::string content;
  std::string pattern; // the content as it stands in the text
  int32_t id = 0;
  bool special = false;    // left out when decoding for people
  bool singleWord = false; // only where no word character touches it
  bool stripLeft = false, stripRight = false; // takes the space beside it
  bool normalized = false;                    // looked for after normalizing
};

class AddedTokens {
public:
  static Result<AddedTokens> parse(const Json &list);
  // Tokens that are looked for in normalized text are normalized as well.
  Status normalize(const Normalizer &normalizer);

  // A stretch of text, or a token (id >= 0) that was found.
  struct Part {
    std::string_view text;
    int32_t id = -1;
  };
  // Cuts at the tokens that are looked for before (or after) normalizing; of
  // several at one place the longest counts.
  std::vector<Part> split(std::string_view text, bool normalized) const;

  const AddedToken *byId(int32_t id) const;
  int32_t id(const std::string &content) const;
  const std::vector<AddedToken> &all() const { return tokens_; }

private:
  const AddedToken *match(std::string_view text, size_t at,
                          bool normalized) const;

  void index();

  std::vector<AddedToken> tokens_;
  std::array<std::vector<size_t>, 256> byFirst_; // longest first
  std::unordered_map<int32_t, size_t> byId_;
  std::unordered_map<std::string, int32_t> byContent_;
};

} // namespace sluice::tokenizer
