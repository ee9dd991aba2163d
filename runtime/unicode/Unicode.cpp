#include "runtime/unicode/Unicode.h"

#include "runtime/unicode/UnicodeTables.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <unordered_map>
#include <utf8proc.h>

namespace sluice::unicode {

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

int32_t nextBeyondAscii(std::string_view text, size_t &at) {
  size_t missing, length = validPrefix(text, at, missing);
  uint8_t lead = uint8_t(text[at]);
  size_t wanted = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || length != wanted) {
    ++at;
    return -1;
  }
  int32_t c = lead & (0x7f >> wanted);
  for (size_t i = 1; i < wanted; ++i)
    c = c << 6 | (uint8_t(text[at + i]) & 0x3f);
  at += wanted;
  return c;
}

std::vector<int32_t> decode(std::string_view text) {
  std::vector<int32_t> codePoints;
  for (size_t at = 0; at < text.size();)
    codePoints.push_back(next(text, at));
  return codePoints;
}

void append(std::string &text, int32_t c) {
  if (c < 0x80) {
    text += char(c);
    return;
  }
  size_t n = width(c);
  text += char((0xf00 >> n & 0xff) | c >> 6 * (n - 1));
  for (size_t i = n - 1; i > 0; --i)
    text += char(0x80 | (c >> 6 * (i - 1) & 0x3f));
}

size_t length(std::string_view text) {
  size_t count = 0;
  for (char byte : text)
    count += !continues(byte);
  return count;
}

// Where the ASCII characters from `at` on end, eight at a time.
static size_t skipAscii(std::string_view text, size_t at) {
  uint64_t eight;
  for (; at + 8 <= text.size(); at += 8) {
    std::memcpy(&eight, text.data() + at, 8);
    if (eight & 0x8080808080808080)
      break;
  }
  while (at < text.size() && uint8_t(text[at]) < 0x80)
    ++at;
  return at;
}

bool isAscii(std::string_view text) {
  return skipAscii(text, 0) == text.size();
}

Status check(std::string_view text) {
  for (size_t at = 0; (at = skipAscii(text, at)) < text.size();) {
    size_t start = at;
    if (nextBeyondAscii(text, at) < 0)
      return Status(Code::InvalidArgument,
                    "the text is not UTF-8 at byte " + std::to_string(start));
  }
  return {};
}

std::string replaceInvalid(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t begin = at, missing;
    at = skipAscii(text, at);
    result.append(text, begin, at - begin);
    if (at == text.size())
      break;
    begin = at;
    if (nextBeyondAscii(text, at) >= 0) {
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

// What the difference says of c, else `otherwise`.
template <size_t N>
static bool among(const tables::Change (&changes)[N], int32_t c,
                  bool otherwise) {
  auto it = std::upper_bound(
      std::begin(changes), std::end(changes), uint32_t(c),
      [](uint32_t c, const tables::Change &row) { return c < row.first; });
  return it != std::begin(changes) && uint32_t(c) <= std::prev(it)->last
             ? std::prev(it)->belongs
             : otherwise;
}

bool isWhitespace(int32_t c) {
  if (c < 0x80)
    return c == ' ' || (c >= 9 && c <= 13);
  utf8proc_category_t cat = category(c);
  return c == 0x85 || cat == UTF8PROC_CATEGORY_ZS ||
         cat == UTF8PROC_CATEGORY_ZL || cat == UTF8PROC_CATEGORY_ZP;
}

bool isControl(int32_t c) {
  if (c < 0x80)
    return (c < 32 || c == 127) && c != '\t' && c != '\n' && c != '\r';
  utf8proc_category_t cat = category(c);
  return among(tables::controls, c,
               cat == UTF8PROC_CATEGORY_CC || cat == UTF8PROC_CATEGORY_CF ||
                   cat == UTF8PROC_CATEGORY_CO);
}

bool isPunctuation(int32_t c) {
  if (c < 0x80)
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) ||
           (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  utf8proc_category_t cat = category(c);
  return among(tables::punctuation, c,
               cat >= UTF8PROC_CATEGORY_PC && cat <= UTF8PROC_CATEGORY_PO);
}

bool isNumber(int32_t c) {
  if (c < 0x80)
    return c >= '0' && c <= '9';
  utf8proc_category_t cat = category(c);
  return among(tables::numbers, c,
               cat >= UTF8PROC_CATEGORY_ND && cat <= UTF8PROC_CATEGORY_NO);
}

bool isWord(int32_t c) {
  utf8proc_category_t cat = category(c);
  return among(
      tables::words, c,
      cat == UTF8PROC_CATEGORY_ND || cat == UTF8PROC_CATEGORY_NL ||
          (cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO) ||
          (cat >= UTF8PROC_CATEGORY_MN && cat <= UTF8PROC_CATEGORY_ME) ||
          cat == UTF8PROC_CATEGORY_PC);
}

bool isMark(int32_t c) {
  if (c < 0x300)
    return false;
  utf8proc_category_t cat = category(c);
  return among(tables::marks, c,
               cat >= UTF8PROC_CATEGORY_MN && cat <= UTF8PROC_CATEGORY_ME);
}

bool isNonspacingMark(int32_t c) {
  return c >= 0x300 &&
         among(tables::nonspacing, c, category(c) == UTF8PROC_CATEGORY_MN);
}

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

int script(int32_t c) {
  auto it = std::upper_bound(
      std::begin(tables::scripts), std::end(tables::scripts), uint32_t(c),
      [](uint32_t c, const tables::Script &row) { return c < row.first; });
  return std::prev(it)->number;
}

int32_t lower(int32_t c) {
  if (c < 0x80)
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
  for (const tables::Shift &shift : tables::lowered)
    if (uint32_t(c) >= shift.first && uint32_t(c) <= shift.last)
      return c + shift.by;
  return utf8proc_tolower(c);
}

static bool breaksAlways(int32_t c) {
  unsigned bound = utf8proc_get_property(c)->boundclass;
  return bound == UTF8PROC_BOUNDCLASS_CR || bound == UTF8PROC_BOUNDCLASS_LF ||
         bound == UTF8PROC_BOUNDCLASS_CONTROL;
}

size_t grapheme(std::string_view text) {
  size_t at = 0;
  utf8proc_int32_t state = 0, last = next(text, at);
  while (at < text.size()) {
    size_t end = at;
    utf8proc_int32_t c = next(text, end);
    bool breaks = utf8proc_grapheme_break_stateful(last, c, &state);
    if (!breaksAlways(last))
      breaks = !among(tables::extenders, c, !breaks);
    if (breaks)
      break;
    last = c;
    at = end;
  }
  return at;
}

int combiningClass(int32_t c) {
  return isMark(c) ? utf8proc_get_property(c)->combining_class : 0;
}

static bool decomposes(int32_t c) {
  for (const tables::Range &range : tables::undecomposed)
    if (uint32_t(c) >= range.first && uint32_t(c) <= range.last)
      return false;
  return true;
}

void decompose(int32_t c, bool compatible, std::vector<int32_t> &out) {
  utf8proc_int32_t buffer[32];
  int bounds = 0;
  utf8proc_ssize_t count = 0;
  if (c >= 0xa0 && decomposes(c))
    count = utf8proc_decompose_char(
        c, buffer, 32,
        utf8proc_option_t(UTF8PROC_DECOMPOSE |
                          (compatible ? UTF8PROC_COMPAT : 0)),
        &bounds);
  if (count > 0 && count <= 32)
    out.insert(out.end(), buffer, buffer + count);
  else
    out.push_back(c);
}

namespace {
// utf8proc keeps its table of compositions to itself; it is the reverse of the
// decompositions into two, without those that NFC takes apart.
struct Compositions {
  std::unordered_map<uint64_t, int32_t> pairs;

  static uint64_t key(int32_t a, int32_t b) {
    return uint64_t(uint32_t(a)) << 32 | uint32_t(b);
  }

  Compositions() {
    std::vector<int32_t> parts;
    bool grown = true;
    // A decomposition into three composes in two steps, the first of which
    // must be known.
    while (grown) {
      grown = false;
      for (int32_t c = 0xc0; c < 0x30000; ++c)
        grown |= add(c, parts);
    }
  }

  static bool composed(int32_t c) {
    utf8proc_int32_t buffer[32];
    int bounds = 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char(c, buffer, 32, UTF8PROC_DECOMPOSE, &bounds);
    return count > 0 && count <= 32 &&
           utf8proc_normalize_utf32(
               buffer, count,
               utf8proc_option_t(UTF8PROC_COMPOSE | UTF8PROC_STABLE)) == 1 &&
           buffer[0] == c;
  }

  bool add(int32_t c, std::vector<int32_t> &parts) {
    if (utf8proc_get_property(c)->decomp_seqindex == UINT16_MAX ||
        (c >= 0xac00 && c <= 0xd7a3))
      return false;
    parts.clear();
    decompose(c, false, parts);
    if (parts.size() < 2 || !composed(c))
      return false;
    int32_t first = parts[0];
    for (size_t i = 1; i + 1 < parts.size(); ++i) {
      auto it = pairs.find(key(first, parts[i]));
      if (it == pairs.end())
        return false;
      first = it->second;
    }
    return pairs.emplace(key(first, parts.back()), c).second;
  }
};
} // namespace

int32_t compose(int32_t a, int32_t b) {
  if (a >= 0x1100 && a < 0x1113 && b >= 0x1161 && b < 0x1176)
    return 0xac00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28;
  if (a >= 0xac00 && a <= 0xd7a3 && (a - 0xac00) % 28 == 0 && b > 0x11a7 &&
      b < 0x11c3)
    return a + (b - 0x11a7);
  static const Compositions compositions;
  auto it = compositions.pairs.find(Compositions::key(a, b));
  return it == compositions.pairs.end() ? -1 : it->second;
}

} // namespace sluice::unicode
