#include "runtime/template/StringTools.h"

#include "runtime/template/Heap.h"
#include "runtime/unicode/Unicode.h"

#include <cstdlib>

namespace sluice::jinja {

// An empty `from` stands between all letters, and at both ends.
static Value interleave(Heap &heap, std::string_view text, std::string_view to,
                        int64_t count) {
  Writer out(heap);
  for (size_t at = 0;; --count) {
    if (count == 0) {
      out << text.substr(at);
      break;
    }
    out << to;
    if (at >= text.size())
      break;
    size_t begin = at;
    unicode::next(text, at);
    out << text.substr(begin, at - begin);
  }
  return out.value();
}

Value replaceText(Heap &heap, std::string_view text, std::string_view from,
                  std::string_view to, int64_t count) {
  if (from.empty())
    return interleave(heap, text, to, count);
  Writer out(heap);
  size_t at = 0;
  for (; count != 0; --count) {
    size_t found = text.find(from, at);
    if (found == text.npos)
      break;
    out << text.substr(at, found - at) << to;
    at = found + from.size();
  }
  out << text.substr(at);
  return out.value();
}

Value pad(Heap &heap, const Value &text, int64_t width, std::string_view fill,
          Side side) {
  int64_t length = int64_t(text.text->length);
  if (width <= length)
    return text;
  int64_t all = width - length;
  // Python puts the odd one to the left if the width is odd.
  int64_t left = side == Side::Left    ? all
                 : side == Side::Right ? 0
                                       : all / 2 + (all & width & 1);
  Writer out(heap);
  out.repeat(fill, size_t(left));
  out << text.str();
  out.repeat(fill, size_t(all - left));
  return out.value(text.safe);
}

std::vector<std::string_view> splitWords(std::string_view text, int64_t count) {
  std::vector<std::string_view> words;
  text = strip(text, Side::Left);
  while (!text.empty()) {
    size_t end = text.size();
    if (count-- != 0)
      for (size_t at = 0; at < text.size();) {
        size_t begin = at;
        if (isSpace(unicode::next(text, at))) {
          end = begin;
          break;
        }
      }
    words.push_back(text.substr(0, end));
    text = strip(text.substr(end), Side::Left);
  }
  return words;
}

// Digits with single underscores between them, without those.
static bool takeDigits(std::string_view &text, std::string &out) {
  size_t taken = 0;
  bool digit = false;
  for (; taken < text.size(); ++taken) {
    char c = text[taken];
    bool isDigit = c >= '0' && c <= '9';
    if (!isDigit && !(c == '_' && digit && taken + 1 < text.size() &&
                      text[taken + 1] >= '0' && text[taken + 1] <= '9'))
      break;
    digit = isDigit;
    if (isDigit)
      out += c;
  }
  text.remove_prefix(taken);
  return taken > 0;
}

bool parseFloat(std::string_view text, double &value) {
  text = strip(text, Side::Both);
  std::string number;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    number += text[0];
    text.remove_prefix(1);
  }
  std::string word = lower(text);
  if (word == "inf" || word == "infinity" || word == "nan") {
    value = std::strtod((number + word).c_str(), nullptr);
    return true;
  }
  bool digits = takeDigits(text, number);
  if (!text.empty() && text[0] == '.') {
    number += '.';
    text.remove_prefix(1);
    digits |= takeDigits(text, number);
  }
  if (!digits)
    return false;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    number += 'e';
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
      number += text[0];
      text.remove_prefix(1);
    }
    if (!takeDigits(text, number))
      return false;
  }
  if (!text.empty())
    return false;
  value = std::strtod(number.c_str(), nullptr);
  return true;
}

bool parseInteger(std::string_view text, int64_t base, int64_t &value) {
  text = strip(text, Side::Both);
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    text.remove_prefix(1);
  bool first = true;
  if (text.size() > 2 && text[0] == '0') {
    char mark = text[1] | 0x20;
    int64_t meant = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (meant != 0 && (base == meant || base == 0)) {
      base = meant;
      text.remove_prefix(2);
      first = false; // an underscore may follow
    }
  }
  if (base == 0) {
    base = 10;
    if (text.size() > 1 && text[0] == '0' &&
        text.find_first_not_of("0_") != text.npos)
      return false;
  }
  value = 0;
  bool digit = !first;
  for (char c : text) {
    if (c == '_') {
      if (!digit)
        return false;
      digit = false;
      continue;
    }
    char low = char(c | 0x20);
    int64_t d = c >= '0' && c <= '9'       ? c - '0'
                : low >= 'a' && low <= 'z' ? low - 'a' + 10
                                           : 99;
    if (d >= base || __builtin_mul_overflow(value, base, &value) ||
        (negative ? __builtin_sub_overflow(value, d, &value)
                  : __builtin_add_overflow(value, d, &value)))
      return false;
    digit = true;
  }
  return digit && !text.empty();
}

} // namespace sluice::jinja
