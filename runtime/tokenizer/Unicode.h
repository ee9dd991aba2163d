// UTF-8 and the Unicode properties that tokenizers ask for (by utf8proc).
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::unicode {

// The code point at `at`, which moves behind it. Bytes that are no UTF-8 give
// -1 and are skipped one at a time.
int32_t next(std::string_view text, size_t &at);
void append(std::string &text, int32_t codePoint);
std::vector<int32_t> decode(std::string_view text);

// InvalidArgument names the first byte that is not UTF-8.
Status check(std::string_view text);
// Every maximal part that could have begun a character, and every other byte
// that is not UTF-8, becomes one U+FFFD.
std::string replaceInvalid(std::string_view text);
// How many bytes at the end are the beginning of a character (0 to 3).
size_t incompleteTail(std::string_view text);

bool isWhitespace(int32_t c);
bool isControl(int32_t c);     // categories C*, but not tab and line ends
bool isPunctuation(int32_t c); // categories P*, and the ASCII symbols
bool isNumber(int32_t c);      // categories N*
bool isWord(int32_t c);        // letters, marks, digits, connectors
bool isMark(int32_t c);        // categories M*
bool isNonspacingMark(int32_t c);
bool isChinese(int32_t c); // ideographs that stand alone in BERT

enum class Form { NFC, NFD, NFKC, NFKD };
std::string normalize(std::string_view text, Form form);
std::string lower(std::string_view text);

} // namespace sluice::unicode
