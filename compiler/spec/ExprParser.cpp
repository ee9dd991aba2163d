#include "compiler/spec/Expr.h"
#include "compiler/spec/Names.h"

#include <charconv>

namespace sluice::spec {

namespace {

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

  static ExprPtr make(Expr::Kind kind, int offset, std::string name,
                      std::vector<ExprPtr> args) {
    auto expr = std::make_shared<Expr>();
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
    if (token.text == "has")
      return make(Expr::Kind::Call, token.offset, "has", {bareName(")")});
    if (token.text != "each")
      return make(Expr::Kind::Call, token.offset, token.text, arguments(")"));
    ExprPtr index = bareName(",");
    if (error.empty() && !isName(index->name))
      return fail("the index that 'each' binds must be a plain name");
    std::vector<ExprPtr> args = arguments(")");
    args.insert(args.begin(), index);
    return make(Expr::Kind::Call, token.offset, "each", std::move(args));
  }

  // The name that `has` asks for or that `each` binds, then `close`.
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
      "min",  "max", "abs",  "floor", "ceil", "round",
      "sqrt", "exp", "log",  "log2",  "int",  "float",
      "len",  "sum", "cast", "each",  "has",  "linspace"};
  return names;
}

Location Scalar::at(int offset) const {
  Location place = location;
  if (textColumn > 0)
    place.column = textColumn + offset;
  return place;
}

static std::optional<Value> parseNumber(const std::string &text) {
  bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = std::string_view(text).substr(negative ? 1 : 0);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9')
    return std::nullopt;
  const char *first = text.data(), *last = first + text.size();
  if (digits.find_first_not_of("0123456789") == std::string_view::npos) {
    int64_t integer = 0;
    auto result = std::from_chars(first, last, integer);
    if (result.ec == std::errc() && result.ptr == last)
      return Value(integer);
    return std::nullopt;
  }
  if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
      digits.back() == '.')
    return std::nullopt;
  double number = 0;
  auto result = std::from_chars(first, last, number);
  if (result.ec == std::errc() && result.ptr == last)
    return Value(number);
  return std::nullopt;
}

static Value parseLiteral(const Tree &tree) {
  if (tree.quoted)
    return tree.text;
  if (tree.text == "true" || tree.text == "false")
    return tree.text == "true";
  if (tree.text == "none")
    return Value();
  if (std::optional<Value> number = parseNumber(tree.text))
    return *number;
  return tree.text;
}

Scalar parseScalar(const Tree &tree, Diagnostics &diagnostics) {
  Scalar scalar;
  scalar.location = tree.location;
  scalar.textColumn = tree.textColumn;
  scalar.text = tree.text;
  if (!tree.isScalar()) {
    diagnostics.error(tree.location,
                      tree.kind == Tree::Kind::Null
                          ? "expected a value; 'no value' is written none"
                          : "expected a single value");
    return scalar;
  }
  if (tree.text.find('$') == std::string::npos &&
      tree.text.find("has(") == std::string::npos) {
    scalar.literal = parseLiteral(tree);
    return scalar;
  }
  ExprParser parser(tree.text);
  scalar.expr = parser.parse();
  if (!scalar.expr) {
    diagnostics.error(scalar.at(parser.errorOffset), parser.error);
    // Later stages see none; they do not run after an error of this one.
    scalar.literal = Value();
  }
  return scalar;
}

const Data *Data::find(const std::string &key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key)
      return &items[i];
  return nullptr;
}

Data parseData(const Tree &tree, Diagnostics &diagnostics) {
  Data data;
  data.location = tree.location;
  if (tree.isList() || tree.isMap()) {
    data.kind = tree.isList() ? Data::Kind::List : Data::Kind::Map;
    for (const Tree &key : tree.keys) {
      Scalar name;
      name.location = key.location;
      name.textColumn = key.textColumn;
      name.text = key.text;
      name.literal = key.text;
      data.keys.push_back(std::move(name));
    }
    for (const Tree &item : tree.items)
      data.items.push_back(parseData(item, diagnostics));
    return data;
  }
  data.scalar = parseScalar(tree, diagnostics);
  return data;
}

static void parsePiece(Template &out, const Tree &tree, size_t &at,
                       Diagnostics &diagnostics) {
  const std::string &text = tree.text;
  Location place = tree.location;
  if (tree.textColumn > 0)
    place.column = tree.textColumn + int(at);
  Template::Piece piece;
  if (at + 1 < text.size() && text[at + 1] == '{') {
    size_t end = text.find('}', at);
    if (end == std::string::npos) {
      diagnostics.error(place, "'${' without a closing '}'");
      at = text.size();
      return;
    }
    Tree inner;
    inner.kind = Tree::Kind::Scalar;
    inner.location = place;
    inner.textColumn = tree.textColumn > 0 ? tree.textColumn + int(at) + 2 : 0;
    inner.text = text.substr(at + 2, end - at - 2);
    ExprParser parser(inner.text);
    Scalar scalar;
    scalar.location = place;
    scalar.textColumn = inner.textColumn;
    scalar.text = inner.text;
    scalar.expr = parser.parse();
    if (!scalar.expr)
      diagnostics.error(scalar.at(parser.errorOffset), parser.error);
    piece.scalar = std::move(scalar);
    at = end + 1;
  } else {
    size_t end = at + 1;
    while (end < text.size() && isName(text.substr(at + 1, end - at)))
      ++end;
    piece.name = text.substr(at + 1, end - at - 1);
    if (piece.name.empty())
      diagnostics.error(place, "'$' must be followed by a name or '{'");
    at = end;
  }
  out.pieces.push_back(std::move(piece));
}

Template parseTemplate(const Tree &tree, Diagnostics &diagnostics) {
  Template out;
  out.location = tree.location;
  out.text = tree.text;
  if (!tree.isScalar()) {
    diagnostics.error(tree.location, "expected a name");
    return out;
  }
  size_t at = 0;
  while (at < tree.text.size()) {
    if (tree.text[at] == '$') {
      parsePiece(out, tree, at, diagnostics);
      continue;
    }
    size_t end = std::min(tree.text.find('$', at), tree.text.size());
    Template::Piece piece;
    piece.literal = tree.text.substr(at, end - at);
    out.pieces.push_back(std::move(piece));
    at = end;
  }
  return out;
}

} // namespace sluice::spec
