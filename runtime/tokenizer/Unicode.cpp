#include "runtime/tokenizer/Unicode.h"

#include <cstdlib>
#include <utf8proc.h>

namespace sluice::unicode {

int32_t next(std::string_view text, size_t &at) {
  utf8proc_int32_t c;
  utf8proc_ssize_t length = utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()) + at,
      static_cast<utf8proc_ssize_t>(text.size() - at), &c);
  if (length <= 0) {
    ++at;
    return -1;
  }
  at += static_cast<size_t>(length);
  return c;
}

void append(std::string &text, int32_t codePoint) {
  utf8proc_uint8_t bytes[4];
  utf8proc_ssize_t length = utf8proc_encode_char(codePoint, bytes);
  text.append(reinterpret_cast<char *>(bytes), static_cast<size_t>(length));
}

std::vector<int32_t> decode(std::string_view text) {
  std::vector<int32_t> result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();)
    result.push_back(next(text, at));
  return result;
}

Status check(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t start = at;
    if (next(text, at) < 0)
      return Status(Code::InvalidArgument,
                    "the text is not UTF-8 at byte " + std::to_string(start));
  }
  return {};
}

// How many bytes from `at` on may begin a character, at least 1, where the
// character is not complete or not valid; `missing` tells how many more it
// would take.
static size_t validPrefix(std::string_view text, size_t at, size_t &missing) {
  uint8_t lead = uint8_t(text[at]);
  missing = 0;
  if (lead < 0xc2 || lead > 0xf4)
    return 1;
  size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte keeps out overlong forms, surrogates and what lies above
  // U+10FFFF.
  uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  size_t n = 1;
  for (; n < length && at + n < text.size(); ++n) {
    uint8_t byte = uint8_t(text[at + n]);
    if (byte < low || byte > high)
      return n;
    low = 0x80;
    high = 0xbf;
  }
  missing = length - n;
  return n;
}

std::string replaceInvalid(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at, missing;
    if (next(text, at) >= 0) {
      result.append(text, begin, at - begin);
    } else {
      append(result, 0xfffd);
      at = begin + validPrefix(text, begin, missing);
    }
  }
  return result;
}

size_t incompleteTail(std::string_view text) {
  for (size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    size_t missing;
    if (validPrefix(text, text.size() - n, missing) == n && missing > 0)
      return n;
  }
  return 0;
}

static utf8proc_category_t category(int32_t c) {
  return utf8proc_category(c < 0 ? 0xfffd : c);
}

bool isWhitespace(int32_t c) {
  utf8proc_category_t cat = category(c);
  return (c >= 9 && c <= 13) || c == 0x85 || cat == UTF8PROC_CATEGORY_ZS ||
         cat == UTF8PROC_CATEGORY_ZL || cat == UTF8PROC_CATEGORY_ZP;
}

bool isControl(int32_t c) {
  utf8proc_category_t cat = category(c);
  return c != '\t' && c != '\n' && c != '\r' &&
         (cat == UTF8PROC_CATEGORY_CC || cat == UTF8PROC_CATEGORY_CF ||
          cat == UTF8PROC_CATEGORY_CN || cat == UTF8PROC_CATEGORY_CO ||
          cat == UTF8PROC_CATEGORY_CS);
}

bool isPunctuation(int32_t c) {
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
      (c >= 123 && c <= 126))
    return true;
  utf8proc_category_t cat = category(c);
  return cat >= UTF8PROC_CATEGORY_PC && cat <= UTF8PROC_CATEGORY_PO;
}

bool isNumber(int32_t c) {
  utf8proc_category_t cat = category(c);
  return cat >= UTF8PROC_CATEGORY_ND && cat <= UTF8PROC_CATEGORY_NO;
}

bool isWord(int32_t c) {
  utf8proc_category_t cat = category(c);
  return cat == UTF8PROC_CATEGORY_ND || cat == UTF8PROC_CATEGORY_NL ||
         (cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO) ||
         (cat >= UTF8PROC_CATEGORY_MN && cat <= UTF8PROC_CATEGORY_ME) ||
         cat == UTF8PROC_CATEGORY_PC;
}

bool isMark(int32_t c) {
  utf8proc_category_t cat = category(c);
  return cat >= UTF8PROC_CATEGORY_MN && cat <= UTF8PROC_CATEGORY_ME;
}

bool isNonspacingMark(int32_t c) { return category(c) == UTF8PROC_CATEGORY_MN; }

bool isChinese(int32_t c) {
  static const int32_t ranges[][2] = {{0x4e00, 0x9fff},   {0x3400, 0x4dbf},
                                      {0x20000, 0x2a6df}, {0x2a700, 0x2b73f},
                                      {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf},
                                      {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};
  for (const auto &range : ranges)
    if (c >= range[0] && c <= range[1])
      return true;
  return false;
}

std::string normalize(std::string_view text, Form form) {
  int options = UTF8PROC_STABLE;
  options |= form == Form::NFC || form == Form::NFKC ? UTF8PROC_COMPOSE
                                                     : UTF8PROC_DECOMPOSE;
  if (form == Form::NFKC || form == Form::NFKD)
    options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t *out = nullptr;
  utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                   static_cast<utf8proc_option_t>(options));
  if (length < 0) // out of memory, or invalid text: leave it as it is
    return std::string(text);
  std::string result(reinterpret_cast<char *>(out),
                     static_cast<size_t>(length));
  std::free(out);
  return result;
}

std::string lower(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    int32_t c = next(text, at);
    if (c == 0x130) // the one letter whose lower case is two characters
      result += "i\xcc\x87";
    else
      append(result, c < 0 ? 0xfffd : utf8proc_tolower(c));
  }
  return result;
}

} // namespace sluice::unicode
