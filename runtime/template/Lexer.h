// Cuts a template into text and the tokens of its tags.
#pragma once

#include "runtime/template/Error.h"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::jinja {

struct Token {
  enum class Kind {
    Data,          // text outside of tags
    VariableBegin, // {{
    VariableEnd,   // }}
    BlockBegin,    // {%
    BlockEnd,      // %}
    Name,
    String, // text: what it says, escapes resolved
    Integer,
    Float,
    Operator,
    End,
  };
  Kind kind;
  std::string text;
  Position at;

  bool is(Kind k) const { return kind == k; }
  bool is(Kind k, std::string_view t) const { return kind == k && text == t; }
  bool isName(std::string_view t) const { return is(Kind::Name, t); }
  bool isOperator(std::string_view t) const { return is(Kind::Operator, t); }
};

// How a message calls the token.
std::string describe(const Token &token);

// With the rules of trim_blocks and lstrip_blocks: the first line end behind a
// block is dropped, and so are spaces in front of it on its line.
std::vector<Token> tokenize(std::string_view source);

} // namespace sluice::jinja
