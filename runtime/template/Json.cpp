// JSON to values of a template and back, as Python's json writes it.
#include "runtime/template/Print.h"

#include "runtime/template/StableOrder.h"
#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

#include <cmath>

namespace sluice::jinja {

namespace {
// JSON in, whose depth a caller need not have checked.
constexpr int maxDepth = 400;

class JsonPrinter {
public:
  JsonPrinter(Heap &heap, Writer &out, const JsonStyle &style)
      : heap_(heap), out_(out), style_(style) {}

  void value(const Value &value) {
    switch (value.kind) {
    case Kind::None:
      out_ << "null";
      return;
    case Kind::Bool:
      out_ << (value.boolean ? "true" : "false");
      return;
    case Kind::Int:
      out_ << std::to_string(value.integer);
      return;
    case Kind::Float:
      out_ << real(value.real);
      return;
    case Kind::String:
      return string(value.str());
    case Kind::List:
    case Kind::Tuple:
      return list(value.list().items);
    case Kind::Dict:
      return dict(value.dict());
    default:
      fail(std::string("an object of type ") + typeName(value) +
           " can't be written as JSON");
    }
  }

private:
  static std::string real(double value) {
    if (std::isnan(value))
      return "NaN";
    if (std::isinf(value))
      return value < 0 ? "-Infinity" : "Infinity";
    return printFloat(value);
  }

  void unit(std::string &text, uint32_t c) {
    static const char digits[] = "0123456789abcdef";
    text += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
      text += digits[(c >> shift) & 15];
  }

  void character(std::string &text, int32_t c) {
    static const std::string_view names = "\"\\\n\r\t\f\b";
    size_t named = c < 0x80 ? names.find(char(c)) : names.npos;
    if (named != names.npos) {
      (text += '\\') += "\"\\nrtfb"[named];
    } else if (c < 0x20 || (style_.ascii && c > 0x7e && c < 0x10000)) {
      // DEL stands for itself in either style.
      if (c == 0x7f)
        text += char(c);
      else
        unit(text, uint32_t(c));
    } else if (style_.ascii && c >= 0x10000) {
      uint32_t rest = uint32_t(c) - 0x10000;
      unit(text, 0xd800 + (rest >> 10));
      unit(text, 0xdc00 + (rest & 0x3ff));
    } else {
      appendCodePoint(text, c);
    }
  }

  void string(std::string_view content) {
    std::string text = "\"";
    for (size_t at = 0; at < content.size();)
      character(text, unicode::next(content, at));
    out_ << (text += '"');
  }

  // Between items, and around them.
  void line() {
    if (!style_.indent)
      return;
    out_ << "\n";
    out_.repeat(*style_.indent, level_);
  }

  void list(const std::vector<Value> &items) {
    if (items.empty()) {
      out_ << "[]";
      return;
    }
    out_ << "[";
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      out_ << (i > 0 ? style_.comma : "");
      line();
      value(items[i]);
    }
    --level_;
    line();
    out_ << "]";
  }

  void key(const Value &key) {
    switch (key.kind) {
    case Kind::String:
      return string(key.str());
    case Kind::None:
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float:
      out_ << "\"";
      value(key);
      out_ << "\"";
      return;
    default:
      fail(std::string("keys of JSON must be str, int, float, bool or None, "
                       "not ") +
           typeName(key));
    }
  }

  void dict(const Dict &dict) {
    if (dict.entries.empty()) {
      out_ << "{}";
      return;
    }
    const auto &entries = dict.entries;
    std::vector<size_t> order = stableOrder(entries.size(), [&](size_t a,
                                                                size_t b) {
      return style_.sortKeys && less(heap_, entries[a].first, entries[b].first);
    });
    out_ << "{";
    ++level_;
    for (size_t i = 0; i < order.size(); ++i) {
      out_ << (i > 0 ? style_.comma : "");
      line();
      key(entries[order[i]].first);
      out_ << style_.colon;
      value(entries[order[i]].second);
    }
    --level_;
    line();
    out_ << "}";
  }

  Heap &heap_;
  Writer &out_;
  const JsonStyle &style_;
  size_t level_ = 0;
};

Value checkedString(Heap &heap, const std::string &text) {
  if (Status status = unicode::check(text); !status.ok())
    fail("a variable holds a string that is not UTF-8: " + status.message());
  return heap.string(text);
}

Value read(Heap &heap, const nlohmann::ordered_json &json, int depth) {
  using Type = nlohmann::ordered_json::value_t;
  if (depth > maxDepth)
    fail("a variable nests too deeply", Code::Resource);
  switch (json.type()) {
  case Type::boolean:
    return Value::of(json.get<bool>());
  case Type::number_integer:
    return Value::of(json.get<int64_t>());
  case Type::number_unsigned:
    if (json.get<uint64_t>() > uint64_t(INT64_MAX))
      fail("a variable holds an integer of more than 64 bits",
           Code::Unsupported);
    return Value::of(json.get<int64_t>());
  case Type::number_float:
    return Value::of(json.get<double>());
  case Type::string:
    return checkedString(heap, json.get_ref<const std::string &>());
  case Type::array: {
    std::vector<Value> items;
    for (const auto &item : json)
      heap.push(items, read(heap, item, depth + 1));
    return heap.list(std::move(items));
  }
  case Type::object: {
    Dict *dict = heap.make<Dict>();
    for (const auto &[key, item] : json.items())
      dict->set(heap, checkedString(heap, key), read(heap, item, depth + 1));
    return Value::of(Kind::Dict, dict);
  }
  default:
    return Value::none();
  }
}
} // namespace

void printJson(Heap &heap, Writer &out, const Value &value,
               const JsonStyle &style) {
  JsonPrinter(heap, out, style).value(value);
}

Value fromJson(Heap &heap, const nlohmann::ordered_json &json) {
  return read(heap, json, 0);
}

} // namespace sluice::jinja
