// The grammar of expressions, by the binding strength of operators.
#include "compiler/spec/Expr.h"
#include "compiler/spec/ExprLexer.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

namespace {

class ExprParser {
public:
  explicit ExprParser(std::string_view text) : lexer_(text) {}

  std::string error;
  int errorOffset = 0;

  ExprPtr parse() {
    ExprPtr expr = expression();
    if (error.empty() && lexer_.peek().kind != Token::Kind::End)
      fail("unexpected " + describe(lexer_.peek()));
    return error.empty() ? expr : nullptr;
  }

private:
  static constexpr int maxDepth = 200;
  using Kind = Token::Kind;

  static std::string describe(const Token &token) {
    switch (token.kind) {
    case Kind::End:
      return "end of the expression";
    case Kind::Number:
      return "number";
    case Kind::Text:
      return "text '" + token.text + "'";
    case Kind::Ref:
      return "'$" + token.text + "'";
    default:
      return "'" + token.text + "'";
    }
  }

  ExprPtr fail(std::string message) {
    if (error.empty()) {
      const Token &token = lexer_.peek();
      error = token.kind == Kind::Bad ? token.text : std::move(message);
      errorOffset = token.offset;
    }
    return std::make_shared<Expr>();
  }

  bool isSymbol(const char *text) const {
    return lexer_.peek().kind == Kind::Symbol && lexer_.peek().text == text;
  }
  bool isWord(const char *text) const {
    return lexer_.peek().kind == Kind::Name && lexer_.peek().text == text;
  }
  void expect(const char *text) {
    if (isSymbol(text))
      lexer_.take();
    else
      fail(std::string("expected '") + text + "', found " +
           describe(lexer_.peek()));
  }

  ExprPtr make(Expr::Kind kind, int offset, std::string name,
               std::vector<ExprPtr> args) {
    auto expr = std::make_shared<Expr>();
    for (const ExprPtr &arg : args)
      expr->height = std::max(expr->height, arg->height + 1);
    if (expr->height > maxHeight)
      return fail("the expression has more than " + std::to_string(maxHeight) +
                  " operators in a row or within each other");
    expr->kind = kind;
    expr->offset = offset;
    expr->name = std::move(name);
    expr->args = std::move(args);
    return expr;
  }
  static ExprPtr literal(int offset, Value value) {
    auto expr = std::make_shared<Expr>();
    expr->offset = offset;
    expr->literal = std::move(value);
    return expr;
  }

  // The binding strength of the operator that comes next; 0 if there is none.
  int binaryLevel() const {
    const Token &token = lexer_.peek();
    if (token.kind == Kind::Name)
      return token.text == "or"    ? 1
             : token.text == "and" ? 2
             : token.text == "in"  ? 4
                                   : 0;
    if (token.kind != Kind::Symbol)
      return 0;
    const std::string &t = token.text;
    if (t == "==" || t == "!=" || t == "<" || t == "<=" || t == ">" ||
        t == ">=")
      return 4;
    if (t == "+" || t == "-")
      return 5;
    if (t == "*" || t == "/" || t == "//" || t == "%")
      return 6;
    return 0;
  }

  ExprPtr expression() {
    if (++depth_ > maxDepth)
      return fail("the expression is nested too deeply");
    ExprPtr value = binary(1);
    if (error.empty() && isWord("if")) {
      int offset = lexer_.take().offset;
      ExprPtr condition = binary(1);
      if (!isWord("else"))
        fail("expected 'else', found " + describe(lexer_.peek()));
      else
        lexer_.take();
      ExprPtr other = error.empty() ? expression() : value;
      value = make(Expr::Kind::If, offset, "if", {condition, value, other});
    }
    --depth_;
    return value;
  }

  // Operators of `level` and above; `not` binds looser than comparisons, which
  // do not chain.
  ExprPtr binary(int level) {
    if (level == 3 && isWord("not")) {
      if (++depth_ > maxDepth)
        return fail("the expression is nested too deeply");
      int offset = lexer_.take().offset;
      ExprPtr operand = binary(3);
      --depth_;
      return make(Expr::Kind::Unary, offset, "not", {operand});
    }
    if (level > 6)
      return unary();
    ExprPtr left = binary(level + 1);
    while (error.empty() && level != 3 && binaryLevel() == level) {
      Token op = lexer_.take();
      ExprPtr right = binary(level + 1);
      left = make(Expr::Kind::Binary, op.offset, op.text, {left, right});
      if (level == 4)
        break;
    }
    return left;
  }

  ExprPtr unary() {
    if (!isSymbol("-"))
      return power();
    if (++depth_ > maxDepth)
      return fail("the expression is nested too deeply");
    int offset = lexer_.take().offset;
    ExprPtr operand = unary();
    --depth_;
    return make(Expr::Kind::Unary, offset, "-", {operand});
  }

  ExprPtr power() {
    ExprPtr base = postfix();
    if (!error.empty() || !isSymbol("**"))
      return base;
    if (++depth_ > maxDepth)
      return fail("the expression is nested too deeply");
    int offset = lexer_.take().offset;
    ExprPtr exponent = unary();
    --depth_;
    return make(Expr::Kind::Binary, offset, "**", {base, exponent});
  }

  ExprPtr postfix() {
    ExprPtr value = atom();
    while (error.empty() && isSymbol("[")) {
      int offset = lexer_.take().offset;
      ExprPtr index = expression();
      expect("]");
      value = make(Expr::Kind::Index, offset, "[]", {value, index});
    }
    return value;
  }

  ExprPtr atom() {
    const Token token = lexer_.peek();
    switch (token.kind) {
    case Kind::Number:
      lexer_.take();
      return literal(token.offset, token.value);
    case Kind::Text:
      lexer_.take();
      return literal(token.offset, token.text);
    case Kind::Ref:
      lexer_.take();
      return make(Expr::Kind::Ref, token.offset, token.text, {});
    case Kind::Name:
      return nameOrCall();
    case Kind::Symbol:
      if (token.text == "(") {
        lexer_.take();
        ExprPtr inner = expression();
        expect(")");
        return inner;
      }
      if (token.text == "[") {
        lexer_.take();
        return make(Expr::Kind::List, token.offset, "", arguments("]"));
      }
      break;
    default:
      break;
    }
    return fail("expected a value, found " + describe(token));
  }

  std::vector<ExprPtr> arguments(const char *close) {
    std::vector<ExprPtr> args;
    while (error.empty() && !isSymbol(close)) {
      args.push_back(expression());
      if (!isSymbol(","))
        break;
      lexer_.take();
    }
    expect(close);
    return args;
  }

  ExprPtr nameOrCall() {
    Token token = lexer_.take();
    if (token.text == "true" || token.text == "false")
      return literal(token.offset, token.text == "true");
    if (token.text == "none")
      return literal(token.offset, Value());
    if (!isSymbol("(")) {
      error = "unknown word " + quote(token.text) +
              "; a parameter is written $" + token.text + ", a text '" +
              token.text + "'";
      errorOffset = token.offset;
      return literal(token.offset, Value());
    }
    bool known = false;
    for (const std::string &name : functionNames())
      known |= name == token.text;
    if (!known) {
      error = "unknown function " + quote(token.text) +
              suggest(token.text, functionNames());
      errorOffset = token.offset;
      return literal(token.offset, Value());
    }
    lexer_.take();
    if (token.text == "has" || token.text == "given")
      return make(Expr::Kind::Call, token.offset, token.text, {bareName(")")});
    if (token.text != "each")
      return make(Expr::Kind::Call, token.offset, token.text, arguments(")"));
    ExprPtr index = bareName(",");
    if (error.empty() && !isName(index->name))
      return fail("the index that 'each' binds must be a plain name");
    std::vector<ExprPtr> args = arguments(")");
    args.insert(args.begin(), index);
    return make(Expr::Kind::Call, token.offset, "each", std::move(args));
  }

  // The name that `has` or `given` asks for or that `each` binds, then `close`.
  ExprPtr bareName(const char *close) {
    if (lexer_.peek().kind != Kind::Name)
      return fail("expected a name, found " + describe(lexer_.peek()));
    Token token = lexer_.take();
    ExprPtr name = make(Expr::Kind::Name, token.offset, token.text, {});
    expect(close);
    return name;
  }

  Lexer lexer_;
  int depth_ = 0;
};

} // namespace

const std::vector<std::string> &functionNames() {
  static const std::vector<std::string> names = {
      "min",  "max",  "abs",  "floor",    "ceil",  "round", "sqrt",
      "exp",  "log",  "log2", "int",      "float", "len",   "sum",
      "cast", "each", "has",  "linspace", "given"};
  return names;
}

ExprPtr parseExpr(const Scalar &scalar, Diagnostics &diagnostics) {
  ExprParser parser(scalar.text);
  ExprPtr expr = parser.parse();
  if (!expr)
    diagnostics.error(scalar.at(parser.errorOffset), parser.error);
  return expr;
}

} // namespace sluice::spec
