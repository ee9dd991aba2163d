// Filters that make text.
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/StringTools.h"
#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>

namespace sluice::jinja {

namespace {
// A filter that maps the text of any value.
template <std::string (*function)(std::string_view)> Value mapped(Call &c) {
  Value text = c.string(0);
  c.heap().stepBytes(text.str().size() * 8);
  return c.heap().string(function(text.str()), text.safe);
}

// First letters upper and the others lower; a word begins behind a space, a
// dash or an opening bracket.
std::string titleWords(std::string_view text) {
  std::string out, word;
  bool first = true;
  auto flush = [&] {
    out += lower(word);
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    int32_t c = unicode::next(text, at);
    std::string_view letter = text.substr(begin, at - begin);
    bool between =
        isSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    if (between) {
      flush();
      out += letter;
    } else if (first) {
      out += upper(letter);
    } else {
      word += letter;
    }
    first = between;
  }
  flush();
  return out;
}

Value trimFilter(Call &c) {
  Value text = c.string(0);
  std::string_view stripped = c.set(1)
                                  ? strip(text.str(), Side::Both, c.text(1))
                                  : strip(text.str(), Side::Both);
  if (stripped.size() == text.str().size())
    return text;
  return c.heap().string(std::string(stripped), text.safe);
}

Value replaceFilter(Call &c) {
  Value text = c.string(0), from = c.string(1), to = c.string(2);
  return replaceText(c.heap(), text.str(), from.str(), to.str(),
                     c.set(3) ? c.integer(3) : -1);
}

Value centerFilter(Call &c) {
  Value text = c.string(0);
  return pad(c.heap(), text, c.integer(1, 80), " ", Side::Both);
}

Value indentFilter(Call &c) {
  Heap &heap = c.heap();
  if (c[0].is(Kind::Undefined))
    failUndefined(c[0]);
  std::string text = c.text(0) + "\n";
  std::string indention;
  if (c.has(1) && c[1].is(Kind::String)) {
    indention = c[1].str();
  } else {
    Writer spaces(heap);
    spaces.repeat(" ", size_t(std::max<int64_t>(c.integer(1, 4), 0)));
    indention = spaces.take();
  }
  Writer out(heap);
  bool first = true;
  if (c.flag(2))
    out << indention;
  for (std::string_view line : splitLines(text)) {
    if (!first)
      out << "\n" << (c.flag(3) || !line.empty() ? indention : "");
    out << line;
    first = false;
  }
  return out.value(c[0].safe);
}

Value truncateFilter(Call &c) {
  Heap &heap = c.heap();
  int64_t length = c.integer(1, 255), leeway = c.set(4) ? c.integer(4) : 5;
  Value end = c.has(3) ? c[3] : heap.string("...");
  if (!end.is(Kind::String))
    fail("expected a string as end, found '" + std::string(typeName(end)) +
         "'");
  int64_t tail = int64_t(end.text->length);
  if (length < tail || leeway < 0)
    fail("expected a length of at least " + std::to_string(tail) +
         " and no negative leeway, found " + std::to_string(length) + " and " +
         std::to_string(leeway));
  int64_t size = jinja::length(c[0]);
  if (size >= 0 && size - length <= leeway)
    return c[0];
  c.text(0);
  std::string_view kept = between(*c[0].text, 0, size_t(length - tail));
  if (!c.flag(2))
    if (size_t space = kept.rfind(' '); space != kept.npos)
      kept = kept.substr(0, space);
  Writer out(heap);
  out << kept << end.str();
  return out.value();
}

Value wordcountFilter(Call &c) {
  Value text = c.string(0);
  c.heap().stepBytes(text.str().size() * 8);
  int64_t count = 0;
  bool inWord = false;
  for (size_t at = 0; at < text.str().size();) {
    bool letter = isWordLetter(unicode::next(text.str(), at));
    count += letter && !inWord;
    inWord = letter;
  }
  return Value::of(count);
}

Value stringFilter(Call &c) { return c.string(0); }

Value safeFilter(Call &c) {
  Value text = c.string(0);
  text.safe = true;
  return text;
}

Value escaped(Heap &heap, const Value &text) {
  heap.room(text.str().size() * 5);
  return heap.string(escapeHtml(text.str()), true);
}

Value escapeFilter(Call &c) {
  Value text = c.string(0);
  return text.safe ? text : escaped(c.heap(), text);
}

Value forceEscapeFilter(Call &c) { return escaped(c.heap(), c.string(0)); }

// Takes out what lies between two marks, as long as both are there.
std::string without(std::string_view text, std::string_view begin,
                    std::string_view end) {
  std::string out;
  for (;;) {
    size_t from = text.find(begin);
    size_t to = from == text.npos ? text.npos : text.find(end, from);
    if (to == text.npos)
      return out.append(text);
    out.append(text.substr(0, from));
    text.remove_prefix(to + end.size());
  }
}

std::string unescapeHtml(std::string text) {
  static const std::pair<std::string_view, std::string_view> entities[] = {
      {"&lt;", "<"},  {"&gt;", ">"},   {"&quot;", "\""},     {"&#34;", "\""},
      {"&#39;", "'"}, {"&apos;", "'"}, {"&nbsp;", "\u00a0"}, {"&amp;", "&"}};
  std::string out;
  for (size_t i = 0; i < text.size();) {
    bool found = false;
    for (const auto &[entity, meaning] : entities)
      if (text.compare(i, entity.size(), entity) == 0) {
        out += meaning;
        i += entity.size();
        found = true;
        break;
      }
    if (!found)
      out += text[i++];
  }
  return out;
}

Value striptagsFilter(Call &c) {
  Value text = c.string(0);
  std::string plain = without(text.str(), "<!--", "-->");
  plain = without(plain, "<", ">");
  Writer out(c.heap());
  for (std::string_view word : splitWords(plain, -1))
    out << (out.size() > 0 ? " " : "") << word;
  return c.heap().string(unescapeHtml(out.take()));
}

std::string quoteUrl(std::string_view text, bool query) {
  static const char digits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' ||
                 c == '~' || (c == '/' && !query);
    if (plain)
      out += c;
    else if (c == ' ' && query)
      out += '+';
    else
      ((out += '%') += digits[uint8_t(c) >> 4]) += digits[uint8_t(c) & 15];
  }
  return out;
}

Value urlencodeFilter(Call &c) {
  Heap &heap = c.heap();
  if (c[0].is(Kind::String) || !isIterable(c[0])) {
    Value text = c.string(0);
    heap.room(text.str().size() * 3);
    return heap.string(quoteUrl(text.str(), false));
  }
  Value pairs = c[0], pair;
  if (c[0].is(Kind::Dict)) {
    View *view = heap.make<View>();
    view->part = View::Items;
    view->dict = &c[0].dict();
    pairs = Value::of(Kind::View, view);
  }
  Writer out(heap);
  for (Iteration it(heap, pairs); it.next(pair);) {
    std::vector<Value> parts = items(heap, pair);
    if (parts.size() != 2)
      fail("expected pairs of a name and a value");
    out << (out.size() > 0 ? "&" : "")
        << quoteUrl(toString(heap, parts[0]).str(), true) << "="
        << quoteUrl(toString(heap, parts[1]).str(), true);
  }
  return out.value();
}

Value xmlattrFilter(Call &c) {
  if (!c[0].is(Kind::Dict))
    fail(std::string("expected a dict, found '") + typeName(c[0]) + "'");
  Writer out(c.heap());
  for (const auto &[key, value] : c[0].dict().entries) {
    if (value.is(Kind::None) || value.is(Kind::Undefined))
      continue;
    if (!key.is(Kind::String) ||
        key.str().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      fail("'" + toString(c.heap(), key).str() +
           "' can't be the name of an attribute");
    Value text = toString(c.heap(), value);
    if (out.size() > 0 || c.flag(1, true))
      out << " ";
    out << escapeHtml(key.str()) << "=\""
        << (text.safe ? text.str() : escapeHtml(text.str())) << "\"";
  }
  return out.value();
}

Value formatFilter(Call &c) {
  Heap &heap = c.heap();
  if (c.positional.empty())
    fail("'format' needs a value");
  Value format = c.string(0);
  if (c.named.empty()) {
    std::vector<Value> rest;
    for (size_t i = 1; i < c.positional.size(); ++i)
      heap.push(rest, c[i]);
    return formatPercent(heap, format, heap.tuple(std::move(rest)));
  }
  if (c.positional.size() > 1)
    fail("'format' takes positional or named arguments, not both");
  Dict *dict = heap.make<Dict>();
  for (const auto &[name, value] : c.named)
    dict->set(heap, heap.string(name), value);
  return formatPercent(heap, format, Value::of(Kind::Dict, dict));
}

std::string jsonSeparator(const Value &value) {
  if (!value.is(Kind::String))
    fail("the separators must be two strings");
  return value.str();
}

Value tojsonFilter(Call &c) {
  Heap &heap = c.heap();
  JsonStyle style;
  style.ascii = c.flag(1);
  style.sortKeys = c.flag(4);
  if (c.set(2)) {
    style.comma = ",";
    style.indent =
        c[2].is(Kind::String)
            ? c[2].str()
            : std::string(size_t(std::clamp<int64_t>(c.integer(2), 0, 1 << 16)),
                          ' ');
  }
  if (c.set(3)) {
    std::vector<Value> separators = items(heap, c[3]);
    if (separators.size() != 2)
      fail("expected 2 separators, found " + std::to_string(separators.size()));
    style.comma = jsonSeparator(separators[0]);
    style.colon = jsonSeparator(separators[1]);
  }
  Writer out(heap);
  printJson(heap, out, c[0], style);
  return out.value();
}
} // namespace

const BuiltinTable &textFilters() {
  static const BuiltinTable table = {
      {"upper", 1, {"s"}, mapped<upper>},
      {"lower", 1, {"s"}, mapped<lower>},
      {"capitalize", 1, {"s"}, mapped<capitalize>},
      {"title", 1, {"s"}, mapped<titleWords>},
      {"trim", 1, {"value", "chars"}, trimFilter},
      {"replace", 3, {"s", "old", "new", "count"}, replaceFilter},
      {"center", 1, {"value", "width"}, centerFilter},
      {"indent", 1, {"s", "width", "first", "blank"}, indentFilter},
      {"truncate",
       1,
       {"s", "length", "killwords", "end", "leeway"},
       truncateFilter},
      {"wordcount", 1, {"s"}, wordcountFilter},
      {"wordwrap",
       1,
       {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"},
       wordwrap},
      {"string", 1, {""}, stringFilter},
      {"safe", 1, {"value"}, safeFilter},
      {"escape", 1, {""}, escapeFilter},
      {"e", 1, {""}, escapeFilter},
      {"forceescape", 1, {"value"}, forceEscapeFilter},
      {"striptags", 1, {"value"}, striptagsFilter},
      {"urlencode", 1, {"value"}, urlencodeFilter},
      {"xmlattr", 1, {"d", "autospace"}, xmlattrFilter},
      {"format", 1, {}, formatFilter, true},
      {"tojson",
       1,
       {"x", "ensure_ascii", "indent", "separators", "sort_keys"},
       tojsonFilter},
  };
  return table;
}

} // namespace sluice::jinja
