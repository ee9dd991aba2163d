// Python's view of a string: a sequence of code points with properties and
// case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::jinja {

struct Text;

size_t codePoints(std::string_view text);
// Where the code point with that index begins; the end if there is none.
size_t byteOffset(const Text &text, size_t index);
// The text from code point `begin` to before `end`.
std::string_view between(const Text &text, size_t begin, size_t end);
void appendCodePoint(std::string &text, int32_t c);

bool isSpace(int32_t c);
bool isCased(int32_t c);
bool isUpper(int32_t c);
bool isLower(int32_t c);
bool isAlpha(int32_t c);
bool isDecimal(int32_t c);
bool isDigit(int32_t c);
bool isNumeric(int32_t c);
bool isWordLetter(int32_t c); // \w of a regular expression
bool isPrintable(int32_t c);
bool isIdentifier(std::string_view text);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swapCase(std::string_view text);

enum class Side { Left, Right, Both };
// Without spaces at its sides, or without any of `chars`.
std::string_view strip(std::string_view text, Side side);
std::string_view strip(std::string_view text, Side side,
                       std::string_view chars);
// At line ends of every kind; with `keep`, each line with its end.
std::vector<std::string_view> splitLines(std::string_view text,
                                         bool keep = false);
// With quotes and escapes, as repr() gives it.
std::string quotedText(std::string_view text);
// With &, <, >, ' and " as entities.
std::string escapeHtml(std::string_view text);
// The shortest digits that give the number back, as Python prints them.
std::string printFloat(double value);

} // namespace sluice::jinja
