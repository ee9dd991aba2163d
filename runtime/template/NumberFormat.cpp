#include "runtime/template/NumberFormat.h"

#include "runtime/template/Strings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sluice::jinja {

std::string digitsOf(int64_t value, int base, bool upper) {
  uint64_t rest = value < 0 ? uint64_t(0) - uint64_t(value) : uint64_t(value);
  const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string text;
  do {
    text += digits[rest % uint64_t(base)];
    rest /= uint64_t(base);
  } while (rest > 0);
  std::reverse(text.begin(), text.end());
  return text;
}

void checkPrecision(const Layout &layout) {
  if (layout.precision > 10'000)
    fail("a number can't be printed with " + std::to_string(layout.precision) +
             " digits",
         Code::Resource);
}

std::string realDigits(double value, const Layout &layout) {
  checkPrecision(layout);
  char type = layout.type ? layout.type : 'g';
  bool upper = type >= 'A' && type <= 'Z', percent = type == '%';
  double magnitude = std::fabs(value) * (percent ? 100 : 1);
  if (!std::isfinite(magnitude)) {
    std::string name = std::isnan(magnitude) ? "nan" : "inf";
    return (upper ? sluice::jinja::upper(name) : name) + (percent ? "%" : "");
  }
  std::string format = std::string("%") + (layout.alternate ? "#" : "") + ".*";
  format += percent ? 'f' : type;
  int precision = layout.precision < 0 ? 6 : int(layout.precision);
  std::string text(size_t(precision) + 340, '\0');
  text.resize(size_t(std::snprintf(text.data(), text.size(), format.c_str(),
                                   precision, magnitude)));
  return percent ? text + "%" : text;
}

std::string signOf(bool negative, const Layout &layout) {
  return negative ? "-" : layout.sign == '-' ? "" : std::string(1, layout.sign);
}

// Marks between groups of digits in front of a point or exponent.
static std::string grouped(const std::string &digits, const Layout &layout) {
  size_t end = 0, size = layout.type == 'x' || layout.type == 'X' ||
                                 layout.type == 'b' || layout.type == 'o'
                             ? 4
                             : 3;
  auto isDigit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
  };
  while (end < digits.size() && isDigit(digits[end]) &&
         !(size == 3 && (digits[end] | 0x20) == 'e'))
    ++end;
  std::string out;
  for (size_t i = 0; i < end; ++i) {
    if (i > 0 && (end - i) % size == 0)
      out += layout.group;
    out += digits[i];
  }
  return out + digits.substr(end);
}

void layOut(Writer &out, const Layout &layout, const std::string &sign,
            std::string digits) {
  if (layout.group)
    digits = grouped(digits, layout);
  int64_t used = int64_t(codePoints(sign) + codePoints(digits));
  int64_t missing = std::max<int64_t>(layout.width - used, 0);
  char align = layout.align ? layout.align : '>';
  int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  if (align == '=')
    out << sign;
  out.repeat(layout.fill, size_t(left));
  if (align != '=')
    out << sign;
  out << digits;
  out.repeat(layout.fill, size_t(missing - left));
}

} // namespace sluice::jinja
