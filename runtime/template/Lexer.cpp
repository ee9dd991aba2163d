#include "runtime/template/Lexer.h"

#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>

namespace sluice::jinja {

namespace {
using Kind = Token::Kind;

bool isAsciiDigit(char c) { return c >= '0' && c <= '9'; }

// Line ends become \n; the last one is dropped.
std::string normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      i += i + 1 < source.size() && source[i + 1] == '\n';
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n')
    out.pop_back();
  return out;
}

class Lexer {
public:
  explicit Lexer(std::string_view source) : source_(normalize(source)) {}

  std::vector<Token> run() {
    while (text())
      ;
    add(Kind::End, "", source_.size());
    return std::move(tokens_);
  }

private:
  bool at(size_t i, std::string_view what) const {
    return std::string_view(source_).substr(std::min(i, source_.size()),
                                            what.size()) == what;
  }
  size_t skipSpace(size_t i) const {
    while (i < source_.size()) {
      size_t next = i;
      if (!isSpace(unicode::next(source_, next)))
        break;
      i = next;
    }
    return i;
  }
  static bool isSign(char c) { return c == '-' || c == '+'; }
  char charAt(size_t i) const { return i < source_.size() ? source_[i] : 0; }

  Position position(size_t offset) {
    for (; seen_ < offset; ++seen_) {
      if (source_[seen_] == '\n') {
        ++here_.line;
        here_.column = 1;
      } else if ((uint8_t(source_[seen_]) & 0xc0) != 0x80) {
        ++here_.column;
      }
    }
    return here_;
  }
  void add(Kind kind, std::string text, size_t offset) {
    tokens_.push_back({kind, std::move(text), position(offset)});
  }
  [[noreturn]] void bad(size_t offset, const std::string &message) {
    failAt(position(offset), message);
  }

  bool text();
  void addText(size_t begin, size_t end, char sign, bool variable);
  size_t nextTag(size_t from) const;
  // Behind `{% raw %}` if that is what stands at `tag`; else 0.
  size_t behindRaw(size_t tag, std::string_view word) const;
  void raw(size_t begin);
  void comment(size_t tag);
  // Behind the end of a tag, `i` standing at its sign or `%}`; `newline`: the
  // first line end goes with it.
  size_t behindEnd(size_t i, bool newline) const;
  void tag(bool variable);
  bool tagEnd(bool variable);
  void token();
  void name();
  void number();
  void string();
  void operation();

  std::string source_;
  std::vector<Token> tokens_;
  std::string open_; // brackets that are open in this tag
  size_t at_ = 0;
  bool lineStart_ = true; // what was read last ends a line
  size_t seen_ = 0;       // whose position is here_
  Position here_ = {1, 1};
};

// The text up to `end` as the tag behind it and its sign leave it.
void Lexer::addText(size_t begin, size_t end, char sign, bool variable) {
  std::string_view text = std::string_view(source_).substr(begin, end - begin);
  if (sign == '-') {
    text = strip(text, Side::Right);
  } else if (sign != '+' && !variable) {
    size_t line = text.rfind('\n') + 1; // 0 if there is none
    std::string_view last = text.substr(line);
    if ((line > 0 || lineStart_) && strip(last, Side::Both).empty())
      text = text.substr(0, line);
  }
  if (!text.empty())
    add(Kind::Data, std::string(text), begin);
}

size_t Lexer::nextTag(size_t from) const {
  for (size_t i = source_.find('{', from); i != source_.npos;
       i = source_.find('{', i + 1))
    if (char c = charAt(i + 1); c == '{' || c == '%' || c == '#')
      return i;
  return source_.npos;
}

size_t Lexer::behindEnd(size_t i, bool newline) const {
  if (source_[i] == '-')
    return skipSpace(i + 3);
  if (source_[i] == '+')
    return i + 3;
  return i + 2 + (newline && charAt(i + 2) == '\n');
}

size_t Lexer::behindRaw(size_t tag, std::string_view word) const {
  size_t i = tag + 2;
  i = skipSpace(i + isSign(charAt(i)));
  if (!at(i, word))
    return 0;
  i = skipSpace(i + word.size());
  bool end = word == "endraw";
  if (at(i, "%}") || at(i, "-%}") || (end && at(i, "+%}")))
    return behindEnd(i, end);
  return 0;
}

void Lexer::raw(size_t begin) {
  for (size_t tag = source_.find("{%", begin); tag != source_.npos;
       tag = source_.find("{%", tag + 1)) {
    size_t behind = behindRaw(tag, "endraw");
    if (behind == 0)
      continue;
    lineStart_ = source_[begin - 1] == '\n';
    addText(begin, tag, charAt(tag + 2), false);
    at_ = behind;
    return;
  }
  bad(begin, "expected '{% endraw %}', found the end of the template");
}

void Lexer::comment(size_t tag) {
  size_t end = source_.find("#}", tag + 2);
  if (end == source_.npos)
    bad(tag, "expected '#}' for this '{#', found the end of the template");
  size_t first = tag + 2 + isSign(charAt(tag + 2));
  at_ =
      behindEnd(end > first && isSign(source_[end - 1]) ? end - 1 : end, true);
}

// One piece of text and the tag behind it; false at the end.
bool Lexer::text() {
  size_t tag = nextTag(at_);
  if (tag == source_.npos) {
    if (at_ < source_.size())
      add(Kind::Data, source_.substr(at_), at_);
    return false;
  }
  char type = source_[tag + 1], sign = charAt(tag + 2);
  addText(at_, tag, sign, type == '{');
  if (type == '#') {
    comment(tag);
  } else if (size_t body = type == '%' ? behindRaw(tag, "raw") : 0) {
    raw(body);
  } else {
    add(type == '{' ? Kind::VariableBegin : Kind::BlockBegin, "", tag);
    at_ = tag + 2 + isSign(sign);
    this->tag(type == '{');
  }
  lineStart_ = at_ > 0 && source_[at_ - 1] == '\n';
  return true;
}

bool Lexer::tagEnd(bool variable) {
  if (!open_.empty())
    return false;
  std::string_view end = variable ? "}}" : "%}";
  bool sign = source_[at_] == '-' || (!variable && source_[at_] == '+');
  if (!at(at_ + sign, end))
    return false;
  add(variable ? Kind::VariableEnd : Kind::BlockEnd, "", at_);
  at_ = behindEnd(at_, !variable);
  return true;
}

void Lexer::tag(bool variable) {
  size_t begin = at_;
  open_.clear();
  for (;;) {
    at_ = skipSpace(at_);
    if (at_ >= source_.size())
      bad(begin, std::string("expected '") + (variable ? "}}" : "%}") +
                     "' for this tag, found the end of the template");
    if (tagEnd(variable))
      return;
    token();
  }
}

void Lexer::token() {
  char c = source_[at_];
  size_t next = at_;
  if (isAsciiDigit(c))
    number();
  else if (isWordLetter(unicode::next(source_, next)))
    name();
  else if (c == '"' || c == '\'')
    string();
  else
    operation();
}

void Lexer::name() {
  size_t begin = at_, next = at_;
  while (next < source_.size() && isWordLetter(unicode::next(source_, next)))
    at_ = next;
  std::string text = source_.substr(begin, at_ - begin);
  if (!isIdentifier(text))
    bad(begin, "'" + text + "' is not a name");
  add(Kind::Name, std::move(text), begin);
}

// Digits of a base with single underscores between them, from `i` on.
static size_t digits(std::string_view text, size_t i, std::string_view set) {
  auto digit = [&](size_t k) {
    return k < text.size() && set.find(text[k]) != set.npos;
  };
  while (digit(i) || (i < text.size() && text[i] == '_' && digit(i + 1)))
    ++i;
  return i;
}

void Lexer::number() {
  static const std::string_view decimal = "0123456789";
  size_t begin = at_, end = digits(source_, begin, decimal);
  auto fits = [&](size_t i) { return isAsciiDigit(charAt(i)); };
  bool real = false, afterDot = begin > 0 && source_[begin - 1] == '.';
  if (!afterDot && charAt(end) == '.' && fits(end + 1)) {
    end = digits(source_, end + 1, decimal);
    real = true;
  }
  if (char e = charAt(end); !afterDot && (e == 'e' || e == 'E')) {
    size_t power = end + 1 + isSign(charAt(end + 1));
    if (fits(power)) {
      end = digits(source_, power, decimal);
      real = true;
    }
  }
  if (!real && source_[begin] == '0') {
    char base = charAt(begin + 1) | 0x20;
    std::string_view set = base == 'x'   ? "0123456789abcdefABCDEF"
                           : base == 'o' ? "01234567"
                           : base == 'b' ? "01"
                                         : "";
    size_t first = begin + 2 + (charAt(begin + 2) == '_');
    if (!set.empty() && first < source_.size() &&
        set.find(source_[first]) != set.npos)
      end = digits(source_, first, set);
    else
      end = digits(source_, begin, "0");
  }
  std::string text = source_.substr(begin, end - begin);
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  add(real ? Kind::Float : Kind::Integer, std::move(text), begin);
  at_ = end;
}

// Value of `count` digits of base 16 from `i` on, -1 if they are none.
static int32_t hex(std::string_view text, size_t i, size_t count) {
  int64_t value = 0;
  for (size_t k = i; k < i + count; ++k) {
    char c = k < text.size() ? text[k] : 0, low = char(c | 0x20);
    bool letter = low >= 'a' && low <= 'f';
    if (!isAsciiDigit(c) && !letter)
      return -1;
    value = value * 16 + (letter ? low - 'a' + 10 : c - '0');
  }
  return value > 0x10ffff ? -1 : int32_t(value);
}

// Reads the escape behind the backslash at `i` and moves behind it.
static const char *appendEscaped(std::string &out, std::string_view text,
                                 size_t &i) {
  static const std::string_view names = "\\'\"abfnrtv";
  char c = text[++i];
  if (size_t named = names.find(c); named != names.npos) {
    out += "\\'\"\a\b\f\n\r\t\v"[named];
  } else if (c == '\n') {
    // the line goes on
  } else if (c >= '0' && c <= '7') {
    int32_t value = 0;
    size_t end = std::min(i + 3, text.size());
    for (; i < end && text[i] >= '0' && text[i] <= '7'; ++i)
      value = value * 8 + (text[i] - '0');
    appendCodePoint(out, value);
    return nullptr;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    int32_t value = hex(text, i + 1, count);
    if (value < 0)
      return "an escape sequence that is cut short or no character";
    if (value >= 0xd800 && value < 0xe000)
      return "an escape sequence that names half of a surrogate pair";
    appendCodePoint(out, value);
    i += count;
  } else if (c == 'N') {
    return "an escape sequence \\N, which is not supported";
  } else {
    (out += '\\') += c;
  }
  ++i;
  return nullptr;
}

void Lexer::string() {
  size_t begin = at_, end = begin + 1;
  while (end < source_.size() && source_[end] != source_[begin])
    end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size())
    bad(begin, "expected a closing quote for this string, found the end of "
               "the template");
  std::string_view text =
      std::string_view(source_).substr(begin + 1, end - begin - 1);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '\\')
      out += text[i++];
    else if (const char *problem = appendEscaped(out, text, i))
      bad(begin, std::string("the string has ") + problem);
  }
  add(Kind::String, std::move(out), begin);
  at_ = end + 1;
}

void Lexer::operation() {
  static const char *const operators[] = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  for (std::string_view op : operators) {
    if (!at(at_, op))
      continue;
    static const std::string_view opening = "([{", closing = ")]}";
    if (size_t i = opening.find(op); i != opening.npos)
      open_ += closing[i];
    if (closing.find(op) != closing.npos) {
      if (open_.empty() || open_.back() != op[0])
        bad(at_, "unexpected '" + std::string(op) + "'" +
                     (open_.empty()
                          ? ""
                          : std::string(", expected '") + open_.back() + "'"));
      open_.pop_back();
    }
    add(Kind::Operator, std::string(op), at_);
    at_ += op.size();
    return;
  }
  size_t next = at_;
  unicode::next(source_, next);
  bad(at_, "unexpected character '" + source_.substr(at_, next - at_) + "'");
}
} // namespace

std::string describe(const Token &token) {
  switch (token.kind) {
  case Kind::Data:
    return "text";
  case Kind::VariableBegin:
    return "'{{'";
  case Kind::VariableEnd:
    return "'}}'";
  case Kind::BlockBegin:
    return "'{%'";
  case Kind::BlockEnd:
    return "'%}'";
  case Kind::String:
    return "the string " + quotedText(token.text);
  case Kind::End:
    return "the end of the template";
  default:
    return "'" + token.text + "'";
  }
}

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

} // namespace sluice::jinja
