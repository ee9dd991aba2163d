// UTF-8 and the Unicode properties that tokenizers ask for: utf8proc's, and
// where Hugging Face's tables are of another version of Unicode, theirs
// (UnicodeTables.h).
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::unicode {

// The code point at `at`, which moves behind it. Bytes that are no UTF-8 give
// -1 and are skipped one at a time.
int32_t nextBeyondAscii(std::string_view text, size_t &at);
inline int32_t next(std::string_view text, size_t &at) {
  uint8_t byte = uint8_t(text[at]);
  return byte < 0x80 ? (++at, byte) : nextBeyondAscii(text, at);
}
std::vector<int32_t> decode(std::string_view text);
void append(std::string &text, int32_t codePoint);
// How many bytes the code point takes.
inline size_t width(int32_t c) {
  return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}
inline bool continues(char byte) { return (uint8_t(byte) & 0xc0) == 0x80; }
// Begin of the character that ends at `end` (> 0).
inline size_t before(std::string_view text, size_t end) {
  do
    --end;
  while (end > 0 && continues(text[end]));
  return end;
}
// How many characters the text has.
size_t length(std::string_view text);

bool isAscii(std::string_view text);
// InvalidArgument names the first byte that is not UTF-8.
Status check(std::string_view text);
// Every maximal part that could have begun a character, and every other byte
// that is not UTF-8, becomes one U+FFFD.
std::string replaceInvalid(std::string_view text);
// How many bytes at the end are the beginning of a character (0 to 3).
size_t incompleteTail(std::string_view text);

bool isWhitespace(int32_t c);
bool isControl(int32_t c);     // what BERT takes out: Cc, Cf, Co but \t \n \r
bool isPunctuation(int32_t c); // categories P*, and the ASCII symbols
bool isNumber(int32_t c);      // categories N*
bool isWord(int32_t c);        // letters, marks, digits, connectors
bool isMark(int32_t c);        // categories M*
bool isNonspacingMark(int32_t c);
bool isChinese(int32_t c); // ideographs that stand alone in BERT
// A number for the script that SentencePiece sees; 0 goes with every script.
int script(int32_t c);

int32_t lower(int32_t c); // U+0130 gives 'i', without its dot
// How many bytes at the beginning are one user-perceived character.
size_t grapheme(std::string_view text);

// Canonical order: 0 for everything but marks.
int combiningClass(int32_t c);
// The full decomposition of one character.
void decompose(int32_t c, bool compatible, std::vector<int32_t> &out);
// The character that two compose to, or -1.
int32_t compose(int32_t a, int32_t b);

} // namespace sluice::unicode
