// Takes out the spaces that decoding leaves before punctuation and English
// contractions, as `clean_up_tokenization_spaces` asks for.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace sluice::tokenizer {

struct Replacement {
  std::string_view from, to;
};

// In this order, each in all of the text.
inline constexpr std::array<Replacement, 10> kTidied{{{" .", "."},
                                                      {" ?", "?"},
                                                      {" !", "!"},
                                                      {" ,", ","},
                                                      {" ' ", "'"},
                                                      {" n't", "n't"},
                                                      {" 'm", "'m"},
                                                      {" 's", "'s"},
                                                      {" 've", "'ve"},
                                                      {" 're", "'re"}}};

void replaceAll(std::string &text, Replacement replacement);

// The same for text that comes piece by piece.
class CleanUp {
public:
  // The text that is certain now; the beginning of what may be replaced is held
  // back.
  std::string add(std::string_view text);
  // What is still held back.
  std::string finish();

private:
  std::array<std::string, kTidied.size()> held_; // one per replacement
};

} // namespace sluice::tokenizer
