// Methods of strings that find something or ask for properties.
#include "runtime/template/Interpreter.h"
#include "runtime/template/StringTools.h"
#include "runtime/unicode/Unicode.h"

namespace sluice::jinja {

namespace {
// The part of the string that the arguments `i` and `i + 1` bound.
struct Part {
  size_t begin = 0, length = 0; // in code points
  std::string_view text;
  bool inside = true; // false: it begins behind the end
};

int64_t bound(const Call &c, size_t i, int64_t size, int64_t otherwise) {
  if (!c.set(i))
    return otherwise;
  int64_t index = c.integer(i);
  return index < 0 ? std::max<int64_t>(index + size, 0) : index;
}

Part partOf(Call &c, size_t i) {
  const Text &whole = *c[0].text;
  c.heap().stepBytes(whole.bytes.size());
  int64_t size = int64_t(whole.length);
  int64_t begin = bound(c, i, size, 0);
  int64_t end = std::min(bound(c, i + 1, size, size), size);
  Part part;
  part.inside = begin <= size && begin <= end;
  if (!part.inside)
    return part;
  part.begin = size_t(begin);
  part.length = size_t(end - begin);
  part.text = between(whole, size_t(begin), size_t(end));
  return part;
}

int64_t findIn(Call &c, bool last) {
  const std::string &what = c.text(1);
  Part part = partOf(c, 2);
  if (!part.inside)
    return -1;
  size_t at = last ? part.text.rfind(what) : part.text.find(what);
  if (at == part.text.npos)
    return -1;
  return int64_t(part.begin + codePoints(part.text.substr(0, at)));
}

template <bool last, bool must> Value findText(Call &c) {
  int64_t at = findIn(c, last);
  if (must && at < 0)
    fail("the string does not contain " + quotedText(c.text(1)));
  return Value::of(at);
}

Value count(Call &c) {
  const std::string &what = c.text(1);
  Part part = partOf(c, 2);
  if (!part.inside)
    return Value::of(int64_t(0));
  if (what.empty())
    return Value::of(part.length + 1);
  int64_t found = 0;
  for (size_t at = 0; (at = part.text.find(what, at)) != part.text.npos;
       at += what.size())
    ++found;
  return Value::of(found);
}

bool hasAt(std::string_view text, std::string_view what, bool end) {
  if (text.size() < what.size())
    return false;
  return text.substr(end ? text.size() - what.size() : 0, what.size()) == what;
}

template <bool end> Value startsOrEnds(Call &c) {
  Part part = partOf(c, 2);
  bool found = false;
  if (c[1].is(Kind::Tuple)) {
    for (const Value &what : c[1].list().items) {
      if (!what.is(Kind::String))
        fail("expected a tuple of strings");
      c.heap().step();
      found |= part.inside && hasAt(part.text, what.str(), end);
    }
  } else {
    found = part.inside && hasAt(part.text, c.text(1), end);
  }
  return Value::of(found);
}

// Not empty, and all characters have the property.
template <bool (*property)(int32_t)> Value all(Call &c) {
  const std::string &text = c.text(0);
  c.heap().stepBytes(text.size() * 8);
  for (size_t at = 0; at < text.size();)
    if (!property(unicode::next(text, at)))
      return Value::of(false);
  return Value::of(!text.empty());
}

bool isAlnum(int32_t c) {
  return isAlpha(c) || isDecimal(c) || isDigit(c) || isNumeric(c);
}

template <bool (*wanted)(int32_t), bool (*other)(int32_t)>
Value hasCase(Call &c) {
  const std::string &text = c.text(0);
  c.heap().stepBytes(text.size() * 8);
  bool found = false;
  for (size_t at = 0; at < text.size();) {
    int32_t letter = unicode::next(text, at);
    if (other(letter) || (isCased(letter) && !wanted(letter)))
      return Value::of(false);
    found |= wanted(letter);
  }
  return Value::of(found);
}

// Capital letters begin words, and only those.
Value istitle(Call &c) {
  const std::string &text = c.text(0);
  c.heap().stepBytes(text.size() * 8);
  bool found = false, inWord = false;
  for (size_t at = 0; at < text.size();) {
    int32_t letter = unicode::next(text, at);
    bool small = isLower(letter), cased = isCased(letter);
    if (cased && small != inWord)
      return Value::of(false);
    inWord = cased;
    found |= cased;
  }
  return Value::of(found);
}

Value isascii(Call &c) {
  c.text(0);
  return Value::of(c[0].text->ascii());
}

Value isprintable(Call &c) {
  return c.text(0).empty() ? Value::of(true) : all<isPrintable>(c);
}

Value isidentifier(Call &c) { return Value::of(isIdentifier(c.text(0))); }
} // namespace

const BuiltinTable &stringSearches() {
  static const BuiltinTable table = {
      {"find", 2, {"", "", "", ""}, findText<false, false>},
      {"rfind", 2, {"", "", "", ""}, findText<true, false>},
      {"index", 2, {"", "", "", ""}, findText<false, true>},
      {"rindex", 2, {"", "", "", ""}, findText<true, true>},
      {"count", 2, {"", "", "", ""}, count},
      {"startswith", 2, {"", "", "", ""}, startsOrEnds<false>},
      {"endswith", 2, {"", "", "", ""}, startsOrEnds<true>},
  };
  return table;
}

const BuiltinTable &stringPredicates() {
  static const BuiltinTable table = {
      {"isspace", 1, {""}, all<isSpace>},
      {"isalpha", 1, {""}, all<isAlpha>},
      {"isdigit", 1, {""}, all<isDigit>},
      {"isdecimal", 1, {""}, all<isDecimal>},
      {"isnumeric", 1, {""}, all<isNumeric>},
      {"isalnum", 1, {""}, all<isAlnum>},
      {"islower", 1, {""}, hasCase<isLower, isUpper>},
      {"isupper", 1, {""}, hasCase<isUpper, isLower>},
      {"istitle", 1, {""}, istitle},
      {"isascii", 1, {""}, isascii},
      {"isprintable", 1, {""}, isprintable},
      {"isidentifier", 1, {""}, isidentifier},
  };
  return table;
}

} // namespace sluice::jinja
