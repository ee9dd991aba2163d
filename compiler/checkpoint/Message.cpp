#include "compiler/checkpoint/Message.h"

#include <algorithm>

namespace sluice::checkpoint {

std::string printable(std::string text) {
  bool readable = isUtf8(text);
  for (char &c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
    if (control || (byte >= 0x80 && !readable))
      c = '?';
  }
  // U+0080 to U+009F, which terminals obey too.
  for (size_t at = 0; (at = text.find('\xc2', at)) != text.npos; ++at)
    if (at + 1 < text.size() && uint8_t(text[at + 1]) < 0xa0)
      text[at] = text[at + 1] = '?';
  return text;
}

std::string excerpt(std::string_view text, size_t limit) {
  while (limit > 0 && limit < text.size() && (text[limit] & 0xc0) == 0x80)
    --limit; // not inside a character
  return printable(std::string(text.substr(0, limit))) +
         (text.size() > limit ? "..." : "");
}

std::string quote(std::string_view name) {
  std::string text = excerpt(name, 96);
  std::replace(text.begin(), text.end(), '\n', '?');
  return "'" + text + "'";
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool elementCount(const std::vector<int64_t> &shape, int64_t &count) {
  count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return false;
    // A zero extent must not hide an overflow of the others.
    if (extent == 0)
      empty = true;
    else if (__builtin_mul_overflow(count, extent, &count))
      return false;
  }
  if (empty)
    count = 0;
  return true;
}

// The number of bytes of the sequence that `lead` starts, 0 if it can't start
// one.
static int sequenceLength(unsigned char lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead < 0xe0)
    return 2;
  if (lead >= 0xe0 && lead < 0xf0)
    return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

bool isUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto at = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
    int length = sequenceLength(at(i));
    if (length == 0 || i + length > text.size())
      return false;
    for (int k = 1; k < length; ++k)
      if ((at(i + k) & 0xc0) != 0x80)
        return false;
    // Overlong forms, surrogates and values above U+10FFFF.
    if (length >= 3) {
      unsigned char second = at(i + 1);
      if ((at(i) == 0xe0 && second < 0xa0) ||
          (at(i) == 0xed && second >= 0xa0) ||
          (at(i) == 0xf0 && second < 0x90) || (at(i) == 0xf4 && second >= 0x90))
        return false;
    }
    i += length;
  }
  return true;
}

} // namespace sluice::checkpoint
