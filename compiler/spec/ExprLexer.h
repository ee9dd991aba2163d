// The tokens of the expression language.
#pragma once

#include "compiler/spec/Names.h"
#include "compiler/spec/Value.h"

#include <charconv>
#include <string>
#include <string_view>

namespace sluice::spec {

struct Token {
  enum class Kind { End, Number, Text, Name, Ref, Symbol, Bad };
  Kind kind = Kind::End;
  int offset = 0;
  std::string text;
  Value value; // Number
};

class Lexer {
public:
  explicit Lexer(std::string_view text) : text_(text) { next(); }

  const Token &peek() const { return token_; }
  Token take() {
    Token token = token_;
    next();
    return token;
  }

private:
  static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }
  static bool digit(char c) { return c >= '0' && c <= '9'; }
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  void next() {
    while (at(at_) == ' ' || at(at_) == '\n')
      ++at_;
    token_ = {};
    token_.offset = int(at_);
    if (at_ >= text_.size())
      return;
    if (digit(at(at_)))
      return number();
    if (letter(at(at_))) {
      token_.kind = Token::Kind::Name;
      token_.text = dottedName();
      return;
    }
    if (at(at_) == '$')
      return ref();
    if (at(at_) == '\'')
      return quoted();
    symbol();
  }

  std::string name() {
    size_t begin = at_;
    while (letter(at(at_)) || digit(at(at_)))
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string dottedName() {
    std::string text = name();
    while (at(at_) == '.' && letter(at(at_ + 1))) {
      ++at_;
      text += "." + name();
    }
    return text;
  }

  void ref() {
    ++at_;
    if (!letter(at(at_)))
      return bad("'$' must be followed by a name");
    token_.kind = Token::Kind::Ref;
    token_.text = dottedName();
  }

  void quoted() {
    size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos)
      return bad("text without a closing quote");
    token_.kind = Token::Kind::Text;
    token_.text = std::string(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
  }

  void number() {
    size_t begin = at_;
    bool isFloat = false;
    while (digit(at(at_)))
      ++at_;
    if (at(at_) == '.' && digit(at(at_ + 1))) {
      isFloat = true;
      ++at_;
      while (digit(at(at_)))
        ++at_;
    }
    if (at(at_) == 'e' || at(at_) == 'E') {
      size_t exponent = at_ + 1;
      if (at(exponent) == '-' || at(exponent) == '+')
        ++exponent;
      if (digit(at(exponent))) {
        isFloat = true;
        at_ = exponent;
        while (digit(at(at_)))
          ++at_;
      }
    }
    if (letter(at(at_)) || at(at_) == '.')
      return bad("malformed number");
    token_.kind = Token::Kind::Number;
    std::string_view digits = text_.substr(begin, at_ - begin);
    const char *first = digits.data(), *last = first + digits.size();
    int64_t integer = 0;
    double number = 0;
    bool ok = isFloat ? std::from_chars(first, last, number).ec == std::errc()
                      : std::from_chars(first, last, integer).ec == std::errc();
    if (!ok)
      return bad("number out of range");
    token_.value = isFloat ? Value(number) : Value(integer);
  }

  void symbol() {
    static const char *const symbols[] = {
        "**", "//", "==", "!=", "<=", ">=", "<", ">", "+",
        "-",  "*",  "/",  "%",  "(",  ")",  "[", "]", ","};
    for (const char *symbol : symbols)
      if (text_.substr(at_).starts_with(symbol)) {
        token_.kind = Token::Kind::Symbol;
        token_.text = symbol;
        at_ += token_.text.size();
        return;
      }
    bad("unexpected character " + quote(text_.substr(at_, 1)));
  }

  void bad(std::string message) {
    token_.kind = Token::Kind::Bad;
    token_.text = std::move(message);
    at_ = text_.size();
  }

  std::string_view text_;
  size_t at_ = 0;
  Token token_;
};

} // namespace sluice::spec
