// Jinja's expressions, by recursive descent from the loosest operator.
#include "runtime/template/Parser.h"

#include <charconv>
#include <cstdlib>
#include <memory>

namespace sluice::jinja {

static Value constantString(std::string text) {
  Value value = Value::of(Kind::String);
  value.text = std::make_shared<const Text>(std::move(text), nullptr);
  return value;
}

// Jinja itself makes an empty tuple of `()` and of nothing else.
Expr *Parser::tuple(const TupleRules &rules) {
  Position at = current().at;
  std::vector<Expr *> items;
  bool comma = false;
  for (;;) {
    if (!items.empty())
      expectOperator(",");
    const Token &token = current();
    if (token.is(Kind::VariableEnd) || token.is(Kind::BlockEnd) ||
        token.isOperator(")") ||
        (!rules.end.empty() && token.isName(rules.end)))
      break;
    items.push_back(tupleItem(rules));
    if (!current().isOperator(","))
      break;
    comma = true;
  }
  if (!comma && !items.empty())
    return items[0];
  if (!comma && !rules.parentheses)
    unexpected("an expression");
  Expr *expr = make(Expr::Kind::Tuple, at);
  expr->operands = std::move(items);
  return expr;
}

Expr *Parser::tupleItem(const TupleRules &rules) {
  if (rules.primaries)
    return primary(rules.fields);
  if (rules.conditional)
    return expression();
  Nested nested(*this);
  return disjunction();
}

// One whose innards may have any depth; all recursion goes through here.
Expr *Parser::expression() {
  Nested nested(*this);
  Expr *result = disjunction();
  while (current().isName("if")) {
    Expr *conditional = make(Expr::Kind::Conditional, take().at);
    Expr *condition = disjunction();
    Expr *otherwise = skipName("else") ? expression() : nullptr;
    conditional->operands = {condition, result, otherwise};
    result = conditional;
  }
  return result;
}

Expr *Parser::disjunction() {
  Expr *left = conjunction();
  while (current().isName("or")) {
    Expr *expr = make(Expr::Kind::Or, take().at);
    expr->operands = {left, conjunction()};
    left = expr;
  }
  return left;
}

Expr *Parser::conjunction() {
  Expr *left = negation();
  while (current().isName("and")) {
    Expr *expr = make(Expr::Kind::And, take().at);
    expr->operands = {left, negation()};
    left = expr;
  }
  return left;
}

Expr *Parser::negation() {
  if (!current().isName("not"))
    return comparison();
  Nested nested(*this);
  Expr *expr = make(Expr::Kind::Not, take().at);
  expr->operands = {negation()};
  return expr;
}

bool Parser::comparisonOperator(Operation &operation) {
  static const std::pair<std::string_view, Operation> operators[] = {
      {"==", Operation::Equal},  {"!=", Operation::NotEqual},
      {"<", Operation::Less},    {"<=", Operation::LessEqual},
      {">", Operation::Greater}, {">=", Operation::GreaterEqual},
  };
  for (const auto &[text, op] : operators)
    if (skipOperator(text)) {
      operation = op;
      return true;
    }
  if (skipName("in")) {
    operation = Operation::In;
    return true;
  }
  if (current().isName("not") && following().isName("in")) {
    take();
    take();
    operation = Operation::NotIn;
    return true;
  }
  return false;
}

Expr *Parser::comparison() {
  Expr *left = sum();
  Position at = current().at;
  Operation operation;
  if (!comparisonOperator(operation))
    return left;
  Expr *expr = make(Expr::Kind::Compare, at);
  expr->operands = {left};
  do {
    expr->operations.push_back(operation);
    expr->operands.push_back(sum());
  } while (comparisonOperator(operation));
  return expr;
}

Expr *Parser::binary(Operation operation, Position at, Expr *left,
                     Expr *right) {
  Expr *expr = make(Expr::Kind::Binary, at);
  expr->operations = {operation};
  expr->operands = {left, right};
  return expr;
}

Expr *Parser::sum() {
  Expr *left = concatenation();
  for (;;) {
    Position at = current().at;
    if (skipOperator("+"))
      left = binary(Operation::Add, at, left, concatenation());
    else if (skipOperator("-"))
      left = binary(Operation::Subtract, at, left, concatenation());
    else
      return left;
  }
}

Expr *Parser::concatenation() {
  Expr *first = product();
  if (!current().isOperator("~"))
    return first;
  Expr *expr = make(Expr::Kind::Concat, current().at);
  expr->operands = {first};
  while (skipOperator("~"))
    expr->operands.push_back(product());
  return expr;
}

Expr *Parser::product() {
  static const std::pair<std::string_view, Operation> operators[] = {
      {"*", Operation::Multiply},
      {"/", Operation::Divide},
      {"//", Operation::FloorDivide},
      {"%", Operation::Modulo},
  };
  Expr *left = power();
  for (bool found = true; found;) {
    found = false;
    for (const auto &[text, operation] : operators) {
      Position at = current().at;
      if (!skipOperator(text))
        continue;
      left = binary(operation, at, left, power());
      found = true;
      break;
    }
  }
  return left;
}

// Jinja groups powers from the left.
Expr *Parser::power() {
  Expr *left = unary(true);
  for (;;) {
    Position at = current().at;
    if (!skipOperator("**"))
      return left;
    left = binary(Operation::Power, at, left, unary(true));
  }
}

Expr *Parser::unary(bool filters) {
  Expr *expr;
  if (current().isOperator("-") || current().isOperator("+")) {
    Nested nested(*this);
    Token sign = take();
    expr =
        make(sign.text == "-" ? Expr::Kind::Negate : Expr::Kind::Plus, sign.at);
    expr->operands = {unary(false)};
  } else {
    expr = primary(false);
  }
  expr = postfix(expr);
  return filters ? filtersAndTests(expr) : expr;
}

Expr *Parser::primary(bool fields) {
  const Token &token = current();
  if (token.is(Kind::Name))
    return name(fields);
  if (token.is(Kind::Integer) || token.is(Kind::Float))
    return number();
  if (token.is(Kind::String)) {
    Expr *expr = make(Expr::Kind::Constant, token.at);
    std::string text;
    while (current().is(Kind::String))
      text += take().text;
    expr->value = constantString(std::move(text));
    return expr;
  }
  if (token.isOperator("(")) {
    Nested nested(*this);
    take();
    TupleRules rules;
    rules.parentheses = true;
    Expr *expr = tuple(rules);
    expectOperator(")");
    return expr;
  }
  if (token.isOperator("["))
    return listLiteral();
  if (token.isOperator("{"))
    return dictLiteral();
  unexpected("an expression");
}

Expr *Parser::name(bool fields) {
  Token token = take();
  Expr *expr = make(Expr::Kind::Constant, token.at);
  if (token.text == "true" || token.text == "True") {
    expr->value = Value::of(true);
  } else if (token.text == "false" || token.text == "False") {
    expr->value = Value::of(false);
  } else if (token.text == "none" || token.text == "None") {
    expr->value = Value::none();
  } else {
    expr->kind = Expr::Kind::Name;
    expr->name = token.text;
    if (fields && skipOperator(".")) {
      expr->kind = Expr::Kind::Field;
      expr->field = expect(Kind::Name, "the name of an attribute").text;
    }
  }
  return expr;
}

Expr *Parser::number() {
  Token token = take();
  Expr *expr = make(Expr::Kind::Constant, token.at);
  if (token.is(Kind::Float)) {
    expr->value = Value::of(std::strtod(token.text.c_str(), nullptr));
    return expr;
  }
  std::string_view digits = token.text;
  char base = digits.size() > 1 ? char(digits[1] | 0x20) : 0;
  int radix = base == 'x' ? 16 : base == 'o' ? 8 : base == 'b' ? 2 : 10;
  if (radix != 10)
    digits.remove_prefix(2);
  int64_t value = 0;
  auto end = std::from_chars(digits.data(), digits.data() + digits.size(),
                             value, radix);
  if (end.ec != std::errc())
    failAt(token.at, "the integer " + token.text + " has more than 64 bits",
           Code::Unsupported);
  expr->value = Value::of(value);
  return expr;
}

Expr *Parser::listLiteral() {
  Expr *expr = make(Expr::Kind::List, take().at);
  while (!current().isOperator("]")) {
    if (!expr->operands.empty())
      expectOperator(",");
    if (current().isOperator("]"))
      break;
    expr->operands.push_back(expression());
  }
  expectOperator("]");
  return expr;
}

Expr *Parser::dictLiteral() {
  Expr *expr = make(Expr::Kind::Dict, take().at);
  while (!current().isOperator("}")) {
    if (!expr->operands.empty())
      expectOperator(",");
    if (current().isOperator("}"))
      break;
    expr->operands.push_back(expression());
    expectOperator(":");
    expr->operands.push_back(expression());
  }
  expectOperator("}");
  return expr;
}

Expr *Parser::postfix(Expr *expr) {
  for (;;) {
    if (current().isOperator(".") || current().isOperator("["))
      expr = subscript(expr);
    else if (current().isOperator("("))
      expr = call(expr);
    else
      return expr;
  }
}

Expr *Parser::filtersAndTests(Expr *expr) {
  for (;;) {
    if (skipOperator("|"))
      expr = filter(expr);
    else if (skipName("is"))
      expr = test(expr);
    else if (current().isOperator("("))
      expr = call(expr);
    else
      return expr;
  }
}

Expr *Parser::subscript(Expr *expr) {
  Token token = take();
  if (token.isOperator("["))
    return item(expr, token.at);
  Token name = current();
  if (name.is(Kind::Integer)) {
    Expr *result = make(Expr::Kind::Item, token.at);
    result->operands = {expr, number()};
    return result;
  }
  Expr *result = make(Expr::Kind::Attribute, token.at);
  result->operands = {expr};
  result->name = expect(Kind::Name, "the name of an attribute").text;
  return result;
}

Expr *Parser::item(Expr *expr, Position at) {
  auto ends = [&] {
    return current().isOperator("]") || current().isOperator(",");
  };
  Expr *first = current().isOperator(":") ? nullptr : expression();
  Expr *result = make(Expr::Kind::Item, at);
  result->operands = {expr, first};
  if (skipOperator(":")) {
    result->kind = Expr::Kind::Slice;
    result->operands.resize(4);
    if (!current().isOperator(":") && !ends())
      result->operands[2] = expression();
    if (skipOperator(":") && !ends())
      result->operands[3] = expression();
  } else if (current().isOperator(",")) {
    Expr *tuple = make(Expr::Kind::Tuple, at);
    tuple->operands = {first};
    while (skipOperator(",") && !current().isOperator("]"))
      tuple->operands.push_back(expression());
    result->operands[1] = tuple;
  }
  expectOperator("]");
  return result;
}

Expr *Parser::call(Expr *expr) {
  Expr *result = make(Expr::Kind::Call, current().at);
  result->operands = {expr};
  result->arguments = arguments();
  return result;
}

Arguments Parser::arguments() {
  Position at = current().at;
  expectOperator("(");
  Arguments result;
  for (bool first = true; !current().isOperator(")"); first = false) {
    if (!first)
      expectOperator(",");
    if (current().isOperator(")"))
      break;
    argument(result, at);
  }
  expectOperator(")");
  return result;
}

void Parser::argument(Arguments &arguments, Position at) {
  bool positional = !arguments.rest && !arguments.namedRest;
  bool right = true;
  if (skipOperator("*")) {
    right = positional;
    arguments.rest = expression();
  } else if (skipOperator("**")) {
    right = !arguments.namedRest;
    arguments.namedRest = expression();
  } else if (current().is(Kind::Name) && following().isOperator("=")) {
    right = !arguments.namedRest;
    std::string name = take().text;
    take();
    for (const auto &[known, value] : arguments.named)
      if (known == name)
        failAt(at, "the argument '" + name + "' is given twice");
    arguments.named.emplace_back(std::move(name), expression());
  } else {
    right = positional && arguments.named.empty();
    arguments.positional.push_back(expression());
  }
  if (!right)
    failAt(at, "the arguments of this call are in the wrong order");
}

std::string Parser::dottedName(const char *what) {
  std::string name = expect(Kind::Name, what).text;
  while (skipOperator("."))
    name += "." + expect(Kind::Name, what).text;
  return name;
}

Expr *Parser::filter(Expr *expr) {
  Expr *result = make(Expr::Kind::Filter, current().at);
  result->operands = {expr};
  result->name = dottedName("the name of a filter");
  if (current().isOperator("("))
    result->arguments = arguments();
  return result;
}

Expr *Parser::test(Expr *expr) {
  Expr *negated = nullptr;
  if (current().isName("not"))
    negated = make(Expr::Kind::Not, take().at);
  Expr *result = make(Expr::Kind::Test, current().at);
  result->operands = {expr};
  result->name = dottedName("the name of a test");
  const Token &token = current();
  if (token.isOperator("(")) {
    result->arguments = arguments();
  } else if ((token.is(Kind::Name) && !token.isName("else") &&
              !token.isName("or") && !token.isName("and")) ||
             token.is(Kind::String) || token.is(Kind::Integer) ||
             token.is(Kind::Float) || token.isOperator("[") ||
             token.isOperator("{")) {
    if (token.isName("is"))
      failAt(token.at, "tests can't be chained with 'is'");
    result->arguments.positional = {postfix(primary(false))};
  }
  if (!negated)
    return result;
  negated->operands = {result};
  return negated;
}

} // namespace sluice::jinja
