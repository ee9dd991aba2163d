// str.format()
#include "runtime/template/Interpreter.h"
#include "runtime/template/NumberFormat.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/StringTools.h"
#include "runtime/unicode/Unicode.h"

#include <cmath>

namespace sluice::jinja {

namespace {
bool isAlign(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

// What stands behind the colon of a field.
Layout parseLayout(std::string_view spec) {
  Layout layout;
  std::string_view whole = spec;
  auto take = [&](std::string_view set) {
    char c = !spec.empty() && set.find(spec[0]) != set.npos ? spec[0] : 0;
    spec.remove_prefix(c != 0);
    return c;
  };
  size_t first = 0;
  if (!spec.empty())
    unicode::next(spec, first);
  if (first > 0 && first < spec.size() && isAlign(spec[first])) {
    layout.fill = spec.substr(0, first);
    layout.align = spec[first];
    spec.remove_prefix(first + 1);
  } else {
    layout.align = take("<>^=");
  }
  if (char sign = take("+- "))
    layout.sign = sign;
  layout.alternate = take("#") != 0;
  if (take("0") && !layout.align) {
    layout.align = '=';
    layout.fill = "0";
  }
  auto number = [&] {
    int64_t value = 0;
    while (char c = take("0123456789")) {
      value = value * 10 + (c - '0');
      if (value > INT32_MAX)
        fail("a number in the format is too large", Code::Resource);
    }
    return value;
  };
  layout.width = number();
  layout.group = take(",_");
  if (take(".")) {
    if (spec.empty() || spec[0] < '0' || spec[0] > '9')
      fail("the format has no precision behind the point");
    layout.precision = number();
  }
  layout.type = take("bcdeEfFgGnosxX%");
  if (!spec.empty())
    fail("the format " + quotedText(whole) + " is not valid");
  return layout;
}

class Braces {
public:
  Braces(Interpreter &in, const std::vector<Value> &positional,
         const std::vector<std::pair<std::string, Value>> &named)
      : in_(in), heap_(in.heap()), positional_(positional), named_(named) {}

  std::string run(std::string_view format, int depth) {
    if (depth == 0)
      fail("fields of a format nest too deeply");
    Writer out(heap_);
    for (size_t at = 0; at < format.size();) {
      size_t mark = format.find_first_of("{}", at);
      out << format.substr(at, mark == format.npos ? mark : mark - at);
      if (mark == format.npos)
        break;
      char c = format[mark];
      at = mark + 1;
      if (at < format.size() && format[at] == c) {
        out << std::string_view(&format[mark], 1);
        ++at;
        continue;
      }
      if (c == '}')
        fail("a single '}' stands in the format");
      size_t end = fieldEnd(format, at);
      field(out, format.substr(at, end - at), depth);
      at = end + 1;
    }
    return out.take();
  }

private:
  static size_t fieldEnd(std::string_view format, size_t at) {
    int depth = 1;
    for (; at < format.size(); ++at) {
      depth += format[at] == '{' ? 1 : format[at] == '}' ? -1 : 0;
      if (depth == 0)
        return at;
    }
    fail("expected '}' in the format");
  }

  void field(Writer &out, std::string_view text, int depth) {
    size_t end = 0;
    for (bool brackets = false; end < text.size(); ++end) {
      if (text[end] == '[' || text[end] == ']')
        brackets = text[end] == '[';
      if (!brackets && (text[end] == '!' || text[end] == ':'))
        break;
    }
    Value value = look(text.substr(0, end));
    text.remove_prefix(end);
    if (!text.empty() && text[0] == '!') {
      if (text.size() < 2 || (text.size() > 2 && text[2] != ':'))
        fail("expected one letter behind '!' in the format");
      value = converted(value, text[1]);
      text.remove_prefix(2);
    }
    std::string spec;
    if (!text.empty())
      spec = run(text.substr(1), depth - 1);
    print(out, value, spec);
  }

  Value converted(const Value &value, char how) {
    if (how == 's')
      return toString(heap_, value);
    if (how != 'r' && how != 'a')
      fail(std::string("the format has no conversion '") + how + "'");
    return heap_.string(repr(heap_, value));
  }

  Value look(std::string_view path) {
    size_t end = path.find_first_of(".[");
    Value value = argument(path.substr(0, end));
    while (end != path.npos) {
      path.remove_prefix(end);
      bool item = path[0] == '[';
      end = path.find_first_of(item ? "]" : ".[", 1);
      if (item && end == path.npos)
        fail("expected ']' in the format");
      std::string name(path.substr(1, end == path.npos ? end : end - 1));
      if (name.empty())
        fail("the format has an empty attribute");
      int64_t index;
      bool digits = name.find_first_not_of("0123456789") == name.npos;
      if (!item)
        value = in_.attribute(value, name);
      else if (digits && parseInteger(name, 10, index))
        value = in_.item(value, Value::of(index));
      else
        value = in_.item(value, heap_.string(name));
      if (item)
        end = end + 1 < path.size() ? end + 1 : path.npos;
      if (end != path.npos && path[end] != '.' && path[end] != '[')
        fail("only '.' or '[' may follow ']' in the format");
    }
    return value;
  }

  Value argument(std::string_view name) {
    bool digits = name.find_first_not_of("0123456789") == name.npos;
    if (!digits) {
      for (const auto &[key, value] : named_)
        if (key == name)
          return value;
      fail("the format has no argument " + quotedText(name));
    }
    int64_t index = int64_t(automatic_);
    if (name.empty())
      ++automatic_;
    else if (!parseInteger(name, 10, index))
      fail("the format has no argument " + quotedText(name));
    bool &mode = name.empty() ? numbers_ : names_;
    mode = true;
    if (numbers_ && names_)
      fail("the format has fields with and without numbers");
    if (index >= int64_t(positional_.size()))
      fail("the format has no argument " + std::to_string(index));
    return positional_[size_t(index)];
  }

  void print(Writer &out, const Value &value, const std::string &spec) {
    if (spec.empty()) {
      out << toString(heap_, value).str();
      return;
    }
    Layout layout = parseLayout(spec);
    if (value.is(Kind::String))
      return text(out, layout, value);
    if (!value.isNumber())
      fail(std::string("a value of type '") + typeName(value) +
           "' takes no format");
    if (value.isInteger() &&
        (!layout.type ||
         std::string("bcdnoxX").find(layout.type) != std::string::npos))
      return integer(out, layout, value.whole());
    real(out, layout, value.number());
  }

  void text(Writer &out, Layout layout, const Value &value) {
    if ((layout.type && layout.type != 's') || layout.sign != '-' ||
        layout.alternate || layout.group)
      fail("the format is not one for strings");
    if (layout.align == '=') {
      if (layout.fill != "0")
        fail("the format is not one for strings");
      layout.align = '<';
    }
    if (!layout.align)
      layout.align = '<';
    size_t size =
        layout.precision < 0 ? value.text->length : size_t(layout.precision);
    layOut(out, layout, "", std::string(between(*value.text, 0, size)));
  }

  void integer(Writer &out, const Layout &layout, int64_t value) {
    if (layout.precision >= 0)
      fail("an integer has no precision");
    if (layout.type == 'c') {
      std::string letter;
      if (value < 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        fail("the number is no character");
      appendCodePoint(letter, int32_t(value));
      return layOut(out, layout, "", letter);
    }
    char type = layout.type ? char(layout.type | 0x20) : 'd';
    int base = type == 'x' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
    std::string sign = signOf(value < 0, layout);
    if (layout.alternate && base != 10)
      (sign += '0') += layout.type;
    layOut(out, layout, sign, digitsOf(value, base, layout.type == 'X'));
  }

  void real(Writer &out, Layout layout, double value) {
    if (layout.type &&
        std::string("eEfFgGn%").find(layout.type) == std::string::npos)
      fail(std::string("the format '") + layout.type + "' is not for floats");
    if (layout.type == 'n')
      layout.type = 'g';
    std::string digits;
    if (layout.type) {
      digits = realDigits(value, layout);
    } else if (layout.precision < 0) {
      digits = printFloat(std::fabs(value));
    } else {
      digits = realDigits(value, layout);
      bool whole = digits.find_first_not_of("0123456789") == digits.npos;
      if (whole && int64_t(digits.size()) < layout.precision)
        digits += ".0";
      else if (whole && int64_t(digits.size()) == layout.precision)
        digits = exponential(value, layout);
    }
    layOut(out, layout, signOf(std::signbit(value), layout), digits);
  }

  // Without a type, a number of as many digits as there may be has an exponent.
  static std::string exponential(double value, Layout layout) {
    layout.type = 'e';
    layout.precision -= 1;
    std::string digits = realDigits(value, layout);
    size_t mark = digits.find('e');
    std::string head = digits.substr(0, mark);
    if (head.find('.') != head.npos) {
      while (head.back() == '0')
        head.pop_back();
      if (head.back() == '.')
        head.pop_back();
    }
    return head + digits.substr(mark);
  }

  Interpreter &in_;
  Heap &heap_;
  const std::vector<Value> &positional_;
  const std::vector<std::pair<std::string, Value>> &named_;
  size_t automatic_ = 0;
  bool numbers_ = false, names_ = false;
};
} // namespace

Value formatBraces(Interpreter &in, const Value &format,
                   const std::vector<Value> &positional,
                   const std::vector<std::pair<std::string, Value>> &named) {
  if (!format.is(Kind::String))
    fail(std::string("expected a string, found '") + typeName(format) + "'");
  Braces braces(in, positional, named);
  return in.heap().string(braces.run(format.str(), 2), format.safe);
}

} // namespace sluice::jinja
