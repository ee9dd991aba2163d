// Translates regular expressions from Oniguruma's syntax to PCRE2's.
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/RegexSets.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>
#include <cstring>

namespace sluice {

using namespace regex;

namespace {

// Deeper nesting than any tokenizer's; keeps a hostile one off the stack.
constexpr int maxDepth = 100;

Status unsupported(const std::string &what) {
  return Status(Code::Unsupported, what);
}

// A literal inside of a class.
void appendLiteral(std::string &out, int32_t c) {
  char text[16];
  bool plain = c >= 0x80 || std::isalnum(c);
  if (plain)
    unicode::append(out, c);
  else
    out += (std::snprintf(text, sizeof(text), "\\x{%x}", unsigned(c)), text);
}

// One character of a set.
struct Set {
  std::string members;             // as they stand in a class of PCRE2
  std::vector<std::string> others; // further expressions for one character
};

class Translator {
public:
  explicit Translator(const std::string &pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (at_ < in_.size())
      if (Status status = step(); !status.ok())
        return status;
    for (; !open_.empty(); open_.pop_back())
      out_.append(size_t(open_.back().extra), ')');
    return out_.append(size_t(toplevel_), ')');
  }

private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0';
  }

  Status step() {
    if (!std::strchr("*+?{)", in_[at_]))
      atom_ = out_.size();
    switch (char c = in_[at_]) {
    case '\\':
      return escape();
    case '[': {
      Result<std::string> set = bracket(0);
      if (!set.ok())
        return set.status();
      out_ += *set;
      return {};
    }
    case '(':
      return group();
    case ')': {
      Group group = open_.empty() ? Group{} : open_.back();
      if (!open_.empty())
        open_.pop_back();
      atom_ = group.begin;
      out_.append(size_t(group.extra) + 1, ')');
      ++at_;
      return {};
    }
    case '{':
      interval();
      return {};
    default:
      out_ += c;
      ++at_;
      return {};
    }
  }

  // "(?i)" holds up to the end of the group around it, alternatives included.
  Status group() {
    size_t end = at_ + 2;
    std::string options;
    if (peek(1) == '?')
      for (; end < in_.size() && std::strchr("imx-", in_[end]); ++end)
        // "m" lets the dot match line ends; ^ and $ stand at lines anyway.
        options += in_[end] == 'm' ? 's' : in_[end];
    char last = end < in_.size() ? in_[end] : '\0';
    if (options.empty() || (last != ')' && last != ':')) {
      open_.push_back({out_.size(), 0});
      out_ += in_[at_++];
      return {};
    }
    if (last == ')')
      ++(open_.empty() ? toplevel_ : open_.back().extra);
    else
      open_.push_back({out_.size(), 0});
    out_ += "(?" + options + ":";
    at_ = end + 1;
    return {};
  }

  // {n}, {n,}, {n,m}, {,m}; anything else is text.
  void interval() {
    size_t end = in_.find('}', at_);
    std::string body =
        in_.substr(at_ + 1, end == std::string::npos ? end : end - at_ - 1);
    size_t comma = body.find(',');
    bool digits = !body.empty() && body != "," &&
                  std::all_of(body.begin(), body.end(), [](char c) {
                    return std::isdigit(uint8_t(c)) || c == ',';
                  });
    if (end == std::string::npos || !digits ||
        std::count(body.begin(), body.end(), ',') > 1) {
      out_ += "\\{";
      ++at_;
      return;
    }
    out_ += "{" + std::string(comma == 0 ? "0" : "") + body + "}";
    at_ = end + 1;
    // Here "{n}+" repeats the repeated, it is not possessive; "{n}?" makes it
    // optional.
    if (peek() != '+' && (peek() != '?' || comma != std::string::npos))
      return;
    out_.insert(atom_, "(?:");
    out_ += std::string(")") + peek();
    ++at_;
  }

  // A set of characters that an escape stands for, and whether it is turned
  // around; false: the escape is something else.
  Result<bool> escapedSet(bool inClass, std::string &members, bool &negated) {
    char c = peek(1);
    negated = std::isupper(uint8_t(c));
    switch (std::tolower(c)) {
    case 's':
      members = spaces();
      break;
    case 'w':
      members = words(inClass);
      break;
    case 'd':
      members = category("Nd");
      break;
    case 'h':
      members = "0-9A-Fa-f";
      break;
    case 'p':
      return propertySet(members, negated);
    default:
      return false;
    }
    at_ += 2;
    return true;
  }

  Result<bool> propertySet(std::string &members, bool &negated) {
    size_t end = in_.find('}', at_);
    if (peek(2) != '{' || end == std::string::npos)
      return unsupported("\\p without a name in braces");
    size_t begin = at_ + 3;
    if (in_[begin] == '^') {
      negated = !negated;
      ++begin;
    }
    std::string name = in_.substr(begin, end - begin);
    members = property(name);
    if (members.empty())
      return unsupported("unknown property '" + name + "'");
    at_ = end + 1;
    return true;
  }

  Status escape() {
    std::string members;
    bool negated;
    Result<bool> set = escapedSet(false, members, negated);
    if (!set.ok())
      return set.status();
    if (*set) {
      out_ += (negated ? "[^" : "[") + members + "]";
      return {};
    }
    char c = peek(1);
    if (c == 0)
      return unsupported("a backslash at the end");
    if (c == 'b' || c == 'B') {
      std::string word = "[" + words(false) + "]";
      out_ += c == 'b' ? "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word +
                             ")(?=" + word + "))"
                       : "(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word +
                             ")(?!" + word + "))";
      at_ += 2;
    } else if (c == 'O') {
      out_ += "(?s:.)";
      at_ += 2;
    } else if (c == 'y' || c == 'Y' || c == 'c' || c == 'C' || c == 'M') {
      return unsupported(std::string("\\") + c);
    } else if (std::isdigit(uint8_t(c)) || std::strchr("AzZGKRXNkg", c)) {
      out_ += {'\\', c};
      at_ += 2;
    } else {
      Result<int32_t> literal = codePoint();
      if (!literal.ok())
        return literal.status();
      appendLiteral(out_, *literal);
    }
    return {};
  }

  Result<int32_t> hex(size_t begin, size_t digits) {
    int32_t value = 0;
    for (size_t i = begin; i < begin + digits; ++i) {
      if (i >= in_.size() || !std::isxdigit(uint8_t(in_[i])) ||
          value > 0x10ffff)
        return unsupported("a code point in wrong digits");
      value = value * 16 + (in_[i] <= '9' ? in_[i] - '0' : (in_[i] | 32) - 87);
    }
    at_ = begin + digits;
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
      return unsupported("a code point that does not exist");
    return value;
  }

  // One character, plain or escaped.
  Result<int32_t> codePoint() {
    if (peek() != '\\')
      return unicode::next(in_, at_);
    char c = peek(1);
    if (c == 'x' && peek(2) == '{') {
      size_t end = std::min(in_.find('}', at_), in_.size());
      Result<int32_t> value = hex(at_ + 3, end - at_ - 3);
      ++at_;
      return value;
    }
    if (c == 'x') {
      size_t digits = std::isxdigit(uint8_t(peek(3))) ? 2 : 1;
      return hex(at_ + 2, digits);
    }
    if (c == 'u')
      return hex(at_ + 2, 4);
    if (c == 0)
      return unsupported("a backslash at the end");
    at_ += 1;
    static const char names[] = "tnrfvaeb0", values[] = "\t\n\r\f\v\a\x1b\b";
    if (const char *name = std::strchr(names, c)) {
      ++at_;
      return values[name - names];
    }
    return unicode::next(in_, at_);
  }

  // The class at the cursor, with classes inside and intersections.
  Result<std::string> bracket(int depth) {
    if (depth > maxDepth)
      return unsupported("classes nested too deeply");
    ++at_;
    bool negated = peek() == '^';
    at_ += negated;
    std::vector<Set> parts(1);
    for (bool first = true; peek() != ']' || first; first = false) {
      if (at_ >= in_.size())
        return unsupported("a class without an end");
      if (peek() == '&' && peek(1) == '&') {
        parts.emplace_back();
        at_ += 2;
        continue;
      }
      if (Status status = classItem(parts.back(), depth); !status.ok())
        return status;
    }
    ++at_;
    return written(parts, negated);
  }

  Status classItem(Set &set, int depth) {
    if (peek() == '[' && peek(1) == ':') {
      size_t end = in_.find(":]", at_);
      bool negated = peek(2) == '^';
      size_t begin = at_ + 2 + negated;
      std::string members = end == std::string::npos || end < begin
                                ? ""
                                : posix(in_.substr(begin, end - begin));
      if (!members.empty()) {
        add(set, members, negated);
        at_ = end + 2;
        return {};
      }
    }
    if (peek() == '[') {
      Result<std::string> inner = bracket(depth + 1);
      if (inner.ok())
        set.others.push_back(*inner);
      return inner.status();
    }
    if (peek() == '\\') {
      std::string members;
      bool negated;
      Result<bool> known = escapedSet(true, members, negated);
      if (!known.ok())
        return known.status();
      if (*known) {
        add(set, members, negated);
        return {};
      }
    }
    return range(set);
  }

  static void add(Set &set, const std::string &members, bool negated) {
    if (negated)
      set.others.push_back("[^" + members + "]");
    else
      set.members += members;
  }

  // A character, or two with a dash between.
  Status range(Set &set) {
    Result<int32_t> first = codePoint();
    if (!first.ok())
      return first.status();
    appendLiteral(set.members, *first);
    bool isRange = peek() == '-' && peek(1) != ']' && peek(1) != '[' &&
                   peek(1) != 0 &&
                   !(peek(1) == '\\' && std::strchr("sSwWdDhHpP", peek(2)));
    if (!isRange)
      return {};
    ++at_;
    Result<int32_t> last = codePoint();
    if (!last.ok())
      return last.status();
    if (*last < *first)
      return unsupported("a range that ends before it begins");
    set.members += '-';
    appendLiteral(set.members, *last);
    return {};
  }

  static std::string written(const std::vector<Set> &parts, bool negated) {
    if (parts.size() == 1 && parts[0].others.empty() &&
        !parts[0].members.empty())
      return (negated ? "[^" : "[") + parts[0].members + "]";
    std::string all;
    for (size_t i = 0; i < parts.size(); ++i) {
      std::string one;
      for (const std::string &other : parts[i].others)
        one += (one.empty() ? "" : "|") + other;
      if (!parts[i].members.empty())
        one += (one.empty() ? "[" : "|[") + parts[i].members + "]";
      if (one.empty())
        one = "(?!)";
      bool last = i + 1 == parts.size();
      all += (last ? "(?:" : "(?=") + one + ")";
    }
    return negated ? "(?:(?!" + all + ")(?s:.))" : "(?:" + all + ")";
  }

  const std::string &in_;
  size_t at_ = 0;
  std::string out_;
  struct Group {
    size_t begin = 0; // in out_
    int extra = 0;    // how many more of ours end with it
  };
  std::vector<Group> open_;
  int toplevel_ = 0;
  size_t atom_ = 0; // where in out_ begins what a quantifier repeats
};

} // namespace

Result<std::string> translateRegex(const std::string &pattern) {
  return Translator(pattern).run();
}

} // namespace sluice
