// str % value
#include "runtime/template/NumberFormat.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

#include <cmath>

namespace sluice::jinja {

namespace {
class Percent {
public:
  Percent(Heap &heap, const Value &format, const Value &arguments)
      : heap_(heap), format_(format.str()), arguments_(arguments),
        safe_(format.safe), out_(heap) {
    mapping_ = arguments.is(Kind::Dict) || arguments.is(Kind::List) ||
               arguments.is(Kind::Range) || arguments.is(Kind::Undefined);
  }

  Value run() {
    while (at_ < format_.size()) {
      size_t mark = std::min(format_.find('%', at_), format_.size());
      out_ << std::string_view(format_).substr(at_, mark - at_);
      at_ = mark + 1;
      if (mark < format_.size())
        specifier();
    }
    size_t given =
        arguments_.is(Kind::Tuple) ? arguments_.list().items.size() : 1;
    if (taken_ < given && !mapping_)
      fail("not all arguments are used by the format");
    return out_.value(safe_);
  }

private:
  char current() const {
    if (at_ >= format_.size())
      fail("the format ends within a specifier");
    return format_[at_];
  }

  Value next() {
    if (arguments_.is(Kind::Tuple)) {
      if (taken_ >= arguments_.list().items.size())
        fail("there are not enough arguments for the format");
      return arguments_.list().items[taken_++];
    }
    if (taken_++ > 0)
      fail("there are not enough arguments for the format");
    return arguments_;
  }

  // A number, or `*` for an argument.
  int64_t count() {
    if (current() == '*') {
      ++at_;
      Value value = next();
      if (!value.isInteger())
        fail("'*' in a format needs an integer");
      return value.whole();
    }
    int64_t result = 0;
    while (current() >= '0' && current() <= '9') {
      result = result * 10 + (format_[at_++] - '0');
      if (result > INT32_MAX)
        fail("a number in the format is too large", Code::Resource);
    }
    return result;
  }

  void specifier() {
    const Value *named = nullptr;
    if (current() == '(')
      named = name();
    Layout layout;
    bool zero = false;
    for (;; ++at_) {
      char c = current();
      if (c == '-')
        layout.align = '<';
      else if (c == '+' || (c == ' ' && layout.sign != '+'))
        layout.sign = c;
      else if (c == '#')
        layout.alternate = true;
      else if (c == '0')
        zero = true;
      else if (c != ' ')
        break;
    }
    layout.width = count();
    if (layout.width < 0) {
      layout.align = '<';
      layout.width = -layout.width;
    }
    if (current() == '.') {
      ++at_;
      layout.precision = std::max<int64_t>(count(), 0);
    }
    if (current() == 'h' || current() == 'l' || current() == 'L')
      ++at_;
    layout.type = current();
    ++at_;
    if (layout.type == '%') {
      out_ << "%";
      return;
    }
    if (zero && layout.align != '<') {
      layout.align = '=';
      layout.fill = "0";
    }
    value(layout, named ? *named : next());
  }

  const Value *name() {
    size_t begin = ++at_;
    for (int depth = 1; depth > 0; ++at_)
      depth += current() == '(' ? 1 : current() == ')' ? -1 : 0;
    if (!arguments_.is(Kind::Dict))
      fail("the format needs a dict");
    std::string key = format_.substr(begin, at_ - 1 - begin);
    const Value *found = arguments_.dict().find(key);
    if (!found)
      fail("the dict for the format has no key " + quotedText(key));
    return found;
  }

  void value(const Layout &layout, const Value &value) {
    switch (layout.type) {
    case 's':
    case 'r':
    case 'a':
      return text(layout, value);
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return integer(layout, value);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return real(layout, value);
    case 'c':
      return character(layout, value);
    default:
      fail(std::string("the format has no type '") + layout.type + "'");
    }
  }

  void text(Layout layout, const Value &value) {
    std::string content =
        layout.type == 's' ? toString(heap_, value).str() : repr(heap_, value);
    if (safe_ && !value.safe)
      content = escapeHtml(content);
    put(layout, std::move(content));
  }

  void put(Layout layout, std::string content) {
    if (layout.align == '=') {
      layout.align = 0;
      layout.fill = " ";
    }
    if (layout.precision >= 0) {
      Text whole(std::move(content), nullptr);
      content = std::string(between(whole, 0, size_t(layout.precision)));
    }
    layOut(out_, layout, "", std::move(content));
  }

  void integer(const Layout &layout, const Value &value) {
    bool decimal =
        layout.type == 'd' || layout.type == 'i' || layout.type == 'u';
    Value whole = value;
    if (decimal && value.is(Kind::Float)) {
      if (!(std::fabs(value.real) < 9223372036854775808.0))
        fail("the float does not fit into an integer");
      whole = Value::of(int64_t(value.real));
    }
    if (value.is(Kind::Undefined))
      failUndefined(value);
    if (!whole.isInteger())
      fail(std::string("the format needs a number, not '") + typeName(value) +
           "'");
    checkPrecision(layout);
    int base = decimal ? 10 : layout.type == 'o' ? 8 : 16;
    std::string digits = digitsOf(whole.whole(), base, layout.type == 'X');
    if (int64_t(digits.size()) < layout.precision)
      digits.insert(0, size_t(layout.precision) - digits.size(), '0');
    std::string sign = signOf(whole.whole() < 0, layout);
    if (layout.alternate && !decimal)
      (sign += '0') += layout.type;
    layOut(out_, layout, sign, std::move(digits));
  }

  void real(const Layout &layout, const Value &value) {
    if (value.is(Kind::Undefined))
      failUndefined(value);
    if (!value.isNumber())
      fail(std::string("the format needs a number, not '") + typeName(value) +
           "'");
    double number = value.number();
    layOut(out_, layout, signOf(std::signbit(number), layout),
           realDigits(number, layout));
  }

  void character(const Layout &layout, const Value &value) {
    if (value.is(Kind::String) && value.text->length == 1)
      return put(layout, value.str());
    if (!value.isInteger() || value.whole() < 0 || value.whole() > 0x10ffff ||
        (value.whole() >= 0xd800 && value.whole() < 0xe000))
      fail("%c needs one character");
    std::string content;
    appendCodePoint(content, int32_t(value.whole()));
    put(layout, std::move(content));
  }

  Heap &heap_;
  const std::string &format_;
  const Value &arguments_;
  bool mapping_, safe_;
  size_t at_ = 0, taken_ = 0;
  Writer out_;
};
} // namespace

Value formatPercent(Heap &heap, const Value &format, const Value &arguments) {
  return Percent(heap, format, arguments).run();
}

} // namespace sluice::jinja
