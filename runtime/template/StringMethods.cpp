// Methods of strings.
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/StringTools.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>

namespace sluice::jinja {

namespace {
Value text(Call &c, std::string_view bytes) {
  return c.heap().string(std::string(bytes), c[0].safe);
}

template <std::string (*function)(std::string_view)> Value mapped(Call &c) {
  c.heap().stepBytes(c.text(0).size() * 8);
  return c.heap().string(function(c.text(0)), c[0].safe);
}

template <Side side> Value stripped(Call &c) {
  return text(c, c.set(1) ? strip(c.text(0), side, c.text(1))
                          : strip(c.text(0), side));
}

Value listOf(Call &c, const std::vector<std::string_view> &parts) {
  std::vector<Value> values;
  for (std::string_view part : parts)
    c.heap().push(values, text(c, part));
  return c.heap().list(std::move(values));
}

const std::string &separator(Call &c, size_t i) {
  if (c.text(i).empty())
    fail("the separator is empty");
  return c.text(i);
}

Value split(Call &c) {
  c.heap().stepBytes(c.text(0).size() * 8);
  int64_t count = c.integer(2, -1);
  std::string_view rest = c.text(0);
  if (!c.set(1))
    return listOf(c, splitWords(rest, count));
  const std::string &mark = separator(c, 1);
  std::vector<std::string_view> parts;
  for (size_t at; count != 0 && (at = rest.find(mark)) != rest.npos; --count) {
    parts.push_back(rest.substr(0, at));
    rest.remove_prefix(at + mark.size());
  }
  parts.push_back(rest);
  return listOf(c, parts);
}

// The last words; what is in front of them in one piece, spaces at its left
// included.
std::vector<std::string_view> lastWords(std::string_view rest, int64_t count) {
  std::vector<std::string_view> all = splitWords(rest, -1), parts;
  if (count < 0 || size_t(count) >= all.size())
    return all;
  size_t kept = all.size() - size_t(count);
  const char *begin = rest.data();
  const char *end = all[kept - 1].data() + all[kept - 1].size();
  parts.emplace_back(begin, size_t(end - begin));
  parts.insert(parts.end(), all.begin() + int64_t(kept), all.end());
  return parts;
}

Value rsplit(Call &c) {
  c.heap().stepBytes(c.text(0).size() * 8);
  int64_t count = c.integer(2, -1);
  std::string_view rest = c.text(0);
  if (!c.set(1))
    return listOf(c, lastWords(rest, count));
  const std::string &mark = separator(c, 1);
  std::vector<std::string_view> parts;
  for (size_t at; count != 0 && (at = rest.rfind(mark)) != rest.npos; --count) {
    parts.push_back(rest.substr(at + mark.size()));
    rest = rest.substr(0, at);
  }
  parts.push_back(rest);
  std::reverse(parts.begin(), parts.end());
  return listOf(c, parts);
}

Value splitlines(Call &c) {
  c.heap().stepBytes(c.text(0).size() * 8);
  return listOf(c, splitLines(c.text(0), c.flag(1)));
}

Value partitionAt(Call &c, bool last) {
  std::string_view whole = c.text(0), mark = separator(c, 1);
  size_t at = last ? whole.rfind(mark) : whole.find(mark);
  std::vector<std::string_view> parts;
  if (at != whole.npos)
    parts = {whole.substr(0, at), mark, whole.substr(at + mark.size())};
  else if (last)
    parts = {"", "", whole};
  else
    parts = {whole, "", ""};
  std::vector<Value> values;
  for (std::string_view part : parts)
    c.heap().push(values, text(c, part));
  return c.heap().tuple(std::move(values));
}
Value partition(Call &c) { return partitionAt(c, false); }
Value rpartition(Call &c) { return partitionAt(c, true); }

Value replace(Call &c) {
  return replaceText(c.heap(), c.text(0), c.text(1), c.text(2),
                     c.integer(3, -1));
}

Value removeprefix(Call &c) {
  std::string_view whole = c.text(0), part = c.text(1);
  bool found = whole.substr(0, part.size()) == part;
  return text(c, found ? whole.substr(part.size()) : whole);
}

Value removesuffix(Call &c) {
  std::string_view whole = c.text(0), part = c.text(1);
  bool found = whole.size() >= part.size() &&
               whole.substr(whole.size() - part.size()) == part;
  return text(c, found ? whole.substr(0, whole.size() - part.size()) : whole);
}

Value join(Call &c) {
  Writer out(c.heap());
  Value item;
  size_t i = 0;
  for (Iteration it(c.heap(), c[1]); it.next(item); ++i) {
    if (!item.is(Kind::String))
      fail("item " + std::to_string(i) + " is no string but '" +
           typeName(item) + "'");
    out << (i > 0 ? c.text(0) : "") << item.str();
  }
  return out.value(c[0].safe);
}

std::string fillOf(Call &c) {
  if (!c.has(2))
    return " ";
  if (c.text(2).empty() || c[2].text->length != 1)
    fail("the fill character must be one character");
  return c.text(2);
}
Value center(Call &c) {
  return pad(c.heap(), c[0], c.integer(1), fillOf(c), Side::Both);
}
// To stand at the left, the fill comes to the right.
Value ljust(Call &c) {
  return pad(c.heap(), c[0], c.integer(1), fillOf(c), Side::Right);
}
Value rjust(Call &c) {
  return pad(c.heap(), c[0], c.integer(1), fillOf(c), Side::Left);
}

Value zfill(Call &c) {
  const std::string &digits = c.text(0);
  bool sign = !digits.empty() && (digits[0] == '-' || digits[0] == '+');
  int64_t width = c.integer(1), length = int64_t(c[0].text->length);
  Writer out(c.heap());
  out << digits.substr(0, sign);
  if (width > length)
    out.repeat("0", size_t(width - length));
  out << digits.substr(sign);
  return out.value(c[0].safe);
}

Value expandtabs(Call &c) {
  int64_t width = c.integer(1, 8), column = 0;
  Writer out(c.heap());
  std::string_view whole = c.text(0);
  for (size_t at = 0; at < whole.size();) {
    size_t begin = at;
    int32_t letter = unicode::next(whole, at);
    if (letter == '\t') {
      int64_t spaces = width > 0 ? width - column % width : 0;
      out.repeat(" ", size_t(spaces));
      column += spaces;
      continue;
    }
    column = letter == '\n' || letter == '\r' ? 0 : column + 1;
    out << whole.substr(begin, at - begin);
  }
  return out.value(c[0].safe);
}

Value format(Call &c) {
  Value self = c[0];
  std::vector<Value> rest(c.positional.begin() + 1, c.positional.end());
  return formatBraces(c.in, self, rest, c.named);
}

Value formatMap(Call &c) {
  if (!c[1].is(Kind::Dict))
    fail(std::string("expected a dict, found '") + typeName(c[1]) + "'");
  std::vector<std::pair<std::string, Value>> named;
  for (const auto &[key, value] : c[1].dict().entries)
    if (key.is(Kind::String))
      named.emplace_back(key.str(), value);
  return formatBraces(c.in, c[0], {}, named);
}

Value encode(Call &) {
  fail("'encode' is not supported: there are no bytes here", Code::Unsupported);
}
} // namespace

const BuiltinTable &stringMethods() {
  static const BuiltinTable table = {
      {"upper", 1, {""}, mapped<upper>},
      {"lower", 1, {""}, mapped<lower>},
      {"title", 1, {""}, mapped<title>},
      {"capitalize", 1, {""}, mapped<capitalize>},
      {"swapcase", 1, {""}, mapped<swapCase>},
      {"strip", 1, {"", ""}, stripped<Side::Both>},
      {"lstrip", 1, {"", ""}, stripped<Side::Left>},
      {"rstrip", 1, {"", ""}, stripped<Side::Right>},
      {"split", 1, {"", "sep", "maxsplit"}, split},
      {"rsplit", 1, {"", "sep", "maxsplit"}, rsplit},
      {"splitlines", 1, {"", "keepends"}, splitlines},
      {"partition", 2, {"", ""}, partition},
      {"rpartition", 2, {"", ""}, rpartition},
      {"replace", 3, {"", "", "", ""}, replace},
      {"removeprefix", 2, {"", ""}, removeprefix},
      {"removesuffix", 2, {"", ""}, removesuffix},
      {"join", 2, {"", ""}, join},
      {"center", 2, {"", "", ""}, center},
      {"ljust", 2, {"", "", ""}, ljust},
      {"rjust", 2, {"", "", ""}, rjust},
      {"zfill", 2, {"", ""}, zfill},
      {"expandtabs", 1, {"", "tabsize"}, expandtabs},
      {"format", 1, {}, format, true},
      {"format_map", 2, {"", ""}, formatMap},
      {"encode", 1, {"", "encoding", "errors"}, encode},
  };
  return table;
}

} // namespace sluice::jinja
