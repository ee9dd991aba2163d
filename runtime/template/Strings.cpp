#include "runtime/template/Strings.h"

#include "runtime/template/SpecialCase.h"
#include "runtime/template/Value.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utf8proc.h>

namespace sluice::jinja {

namespace {
utf8proc_category_t category(int32_t c) { return utf8proc_category(c); }

bool isLetterCategory(utf8proc_category_t c) {
  return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

const SpecialCase *special(int32_t c) {
  auto it = std::lower_bound(
      std::begin(specialCases), std::end(specialCases), c,
      [](const SpecialCase &entry, int32_t x) { return entry.letter < x; });
  return it != std::end(specialCases) && it->letter == c ? it : nullptr;
}

void appendUpper(std::string &out, int32_t c) {
  if (const SpecialCase *entry = special(c))
    out += entry->upper;
  else
    appendCodePoint(out, utf8proc_toupper(c));
}

void appendTitle(std::string &out, int32_t c) {
  if (const SpecialCase *entry = special(c))
    out += entry->title;
  else
    appendCodePoint(out, utf8proc_totitle(c));
}

// Letters that do not end a word for the purpose of a final sigma.
bool isCaseIgnorable(int32_t c) {
  utf8proc_category_t k = category(c);
  return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME ||
         k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_LM ||
         k == UTF8PROC_CATEGORY_SK || c == '\'' || c == '.' || c == ':' ||
         c == 0xb7 || c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027;
}

// A sigma at the end of a word has a small letter of its own.
bool endsWord(const std::vector<int32_t> &text, size_t at) {
  size_t before = at;
  while (before > 0 && isCaseIgnorable(text[before - 1]))
    --before;
  if (before == 0 || !isCased(text[before - 1]))
    return false;
  size_t after = at + 1;
  while (after < text.size() && isCaseIgnorable(text[after]))
    ++after;
  return after == text.size() || !isCased(text[after]);
}

void appendLower(std::string &out, const std::vector<int32_t> &text,
                 size_t at) {
  int32_t c = text[at];
  if (c == 0x130)
    out += "i\xcc\x87";
  else if (c == 0x3a3)
    appendCodePoint(out, endsWord(text, at) ? 0x3c2 : 0x3c3);
  else
    appendCodePoint(out, utf8proc_tolower(c));
}

// Up to `stop` from code point to code point.
size_t lastStart(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (uint8_t(text[at]) & 0xc0) == 0x80)
    --at;
  return at;
}

template <typename Drop>
std::string_view stripIf(std::string_view text, Side side, Drop drop) {
  while (side != Side::Right && !text.empty()) {
    size_t at = 0;
    if (!drop(unicode::next(text, at)))
      break;
    text.remove_prefix(at);
  }
  while (side != Side::Left && !text.empty()) {
    size_t start = lastStart(text), at = start;
    if (!drop(unicode::next(text, at)))
      break;
    text = text.substr(0, start);
  }
  return text;
}
} // namespace

size_t codePoints(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) {
    return (uint8_t(c) & 0xc0) != 0x80;
  }));
}

size_t byteOffset(const Text &text, size_t index) {
  if (index >= text.length)
    return text.bytes.size();
  if (text.ascii())
    return index;
  size_t at = 0;
  for (;; ++at)
    if ((uint8_t(text.bytes[at]) & 0xc0) != 0x80 && index-- == 0)
      return at;
}

std::string_view between(const Text &text, size_t begin, size_t end) {
  if (begin >= end)
    return {};
  size_t from = byteOffset(text, begin), to = byteOffset(text, end);
  return std::string_view(text.bytes).substr(from, to - from);
}

void appendCodePoint(std::string &text, int32_t c) { unicode::append(text, c); }

bool isSpace(int32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 ||
         (c > 0x7f && category(c) >= UTF8PROC_CATEGORY_ZS &&
          category(c) <= UTF8PROC_CATEGORY_ZP);
}

bool isUpper(int32_t c) { return utf8proc_isupper(c); }
bool isLower(int32_t c) { return utf8proc_islower(c); }
bool isCased(int32_t c) {
  return isUpper(c) || isLower(c) || category(c) == UTF8PROC_CATEGORY_LT;
}
bool isAlpha(int32_t c) { return isLetterCategory(category(c)); }
bool isDecimal(int32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool isDigit(int32_t c) {
  return isDecimal(c) || c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070 ||
         (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089) ||
         (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247c) ||
         (c >= 0x2488 && c <= 0x2490);
}

bool isNumeric(int32_t c) {
  utf8proc_category_t k = category(c);
  return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool isWordLetter(int32_t c) { return isAlpha(c) || isNumeric(c) || c == '_'; }

bool isPrintable(int32_t c) {
  utf8proc_category_t k = category(c);
  return c == ' ' ||
         (k != UTF8PROC_CATEGORY_CN &&
          !(k >= UTF8PROC_CATEGORY_ZS && k <= UTF8PROC_CATEGORY_CO));
}

bool isIdentifier(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    bool first = at == 0;
    int32_t c = unicode::next(text, at);
    utf8proc_category_t k = category(c);
    bool start = c == '_' || isLetterCategory(k) || k == UTF8PROC_CATEGORY_NL;
    bool rest = k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC ||
                k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_PC;
    if (!start && (first || !rest))
      return false;
  }
  return !text.empty();
}

std::string upper(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();)
    appendUpper(out, unicode::next(text, at));
  return out;
}

std::string lower(std::string_view text) {
  std::vector<int32_t> letters = unicode::decode(text);
  std::string out;
  for (size_t i = 0; i < letters.size(); ++i)
    appendLower(out, letters, i);
  return out;
}

std::string title(std::string_view text) {
  std::vector<int32_t> letters = unicode::decode(text);
  std::string out;
  bool inWord = false;
  for (size_t i = 0; i < letters.size(); ++i) {
    if (inWord)
      appendLower(out, letters, i);
    else
      appendTitle(out, letters[i]);
    inWord = isCased(letters[i]);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  std::vector<int32_t> letters = unicode::decode(text);
  std::string out;
  for (size_t i = 0; i < letters.size(); ++i) {
    if (i == 0)
      appendTitle(out, letters[i]);
    else
      appendLower(out, letters, i);
  }
  return out;
}

std::string swapCase(std::string_view text) {
  std::vector<int32_t> letters = unicode::decode(text);
  std::string out;
  for (size_t i = 0; i < letters.size(); ++i) {
    if (isUpper(letters[i]))
      appendLower(out, letters, i);
    else if (isLower(letters[i]))
      appendUpper(out, letters[i]);
    else
      appendCodePoint(out, letters[i]);
  }
  return out;
}

std::string_view strip(std::string_view text, Side side) {
  return stripIf(text, side, isSpace);
}

std::string_view strip(std::string_view text, Side side,
                       std::string_view chars) {
  std::vector<int32_t> set = unicode::decode(chars);
  return stripIf(text, side, [&](int32_t c) {
    return std::find(set.begin(), set.end(), c) != set.end();
  });
}

std::vector<std::string_view> splitLines(std::string_view text, bool keep) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    int32_t c = unicode::next(text, at);
    if (!((c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
          c == 0x2028 || c == 0x2029))
      continue;
    if (c == '\r' && at < text.size() && text[at] == '\n')
      ++at;
    lines.push_back(text.substr(start, (keep ? at : end) - start));
    start = at;
  }
  if (start < text.size())
    lines.push_back(text.substr(start));
  return lines;
}

static void appendEscape(std::string &out, int32_t c) {
  static const char digits[] = "0123456789abcdef";
  int width = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  out += c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U";
  for (int shift = 4 * (width - 1); shift >= 0; shift -= 4)
    out += digits[(c >> shift) & 15];
}

std::string quotedText(std::string_view text) {
  bool single = text.find('\'') != text.npos;
  char quote = single && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    int32_t c = unicode::next(text, at);
    if (c == quote || c == '\\')
      (out += '\\') += char(c);
    else if (c == '\n' || c == '\r' || c == '\t')
      (out += '\\') += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    else if (isPrintable(c))
      appendCodePoint(out, c);
    else
      appendEscape(out, c);
  }
  return out + quote;
}

std::string escapeHtml(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '\'')
      out += "&#39;";
    else if (c == '"')
      out += "&#34;";
    else
      out += c;
  }
  return out;
}

std::string printFloat(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                           std::chars_format::scientific);
  std::string_view text(buffer, size_t(end.ptr - buffer));
  std::string out;
  if (text[0] == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  size_t mark = text.find('e');
  int exponent = std::atoi(std::string(text.substr(mark + 1)).c_str());
  std::string digits(text.substr(0, 1));
  if (mark > 2)
    digits += text.substr(2, mark - 2);
  if (exponent < -4 || exponent >= 16) {
    out += digits.substr(0, 1);
    if (digits.size() > 1)
      out += "." + digits.substr(1);
    std::string power = std::to_string(std::abs(exponent));
    return out + (exponent < 0 ? "e-" : "e+") +
           (power.size() < 2 ? "0" + power : power);
  }
  if (exponent < 0)
    return out + "0." + std::string(size_t(-exponent - 1), '0') + digits;
  size_t whole = size_t(exponent) + 1;
  if (digits.size() <= whole)
    return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

} // namespace sluice::jinja
