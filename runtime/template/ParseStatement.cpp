// Jinja's text, outputs and tags to statements.
#include "runtime/template/Parser.h"

#include "runtime/template/Suggest.h"

#include <algorithm>
#include <memory>

namespace sluice::jinja {

Parser::Nested::Nested(Parser &p) : parser(p) {
  if (++parser.nesting_ > parser.maxNesting_) {
    --parser.nesting_; // the destructor of what is not made does not run
    failAt(parser.current().at,
           "the template nests more than " +
               std::to_string(parser.maxNesting_) + " levels deep",
           Code::Resource);
  }
}

Token Parser::take() {
  Token token = current();
  if (at_ + 1 < tokens_.size())
    ++at_;
  return token;
}

bool Parser::skipName(std::string_view word) {
  bool found = current().isName(word);
  if (found)
    take();
  return found;
}

bool Parser::skipOperator(std::string_view op) {
  bool found = current().isOperator(op);
  if (found)
    take();
  return found;
}

void Parser::unexpected(const std::string &wanted) const {
  failAt(current().at, "expected " + wanted + ", found " + describe(current()));
}

Token Parser::expect(Kind kind, const char *what) {
  if (!current().is(kind))
    unexpected(what);
  return take();
}

void Parser::expectOperator(std::string_view op) {
  if (!skipOperator(op))
    unexpected("'" + std::string(op) + "'");
}

void Parser::expectName(std::string_view word) {
  if (!skipName(word))
    unexpected("'" + std::string(word) + "'");
}

Expr *Parser::make(Expr::Kind kind, Position at) {
  Expr &expr = tree_.expressions.emplace_back();
  expr.kind = kind;
  expr.at = at;
  return &expr;
}

Stmt *Parser::make(Stmt::Kind kind, Position at) {
  Stmt &stmt = tree_.statements.emplace_back();
  stmt.kind = kind;
  stmt.at = at;
  return &stmt;
}

void Parser::run() {
  Function &main = tree_.functions.emplace_back();
  main.at = {1, 1};
  tree_.main = &main;
  main.body = block({});
}

bool Parser::atWord(const Words &words) const {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return current().isName(word);
  });
}

void Parser::output(Block &block, Position at, Expr *expression) {
  Stmt *stmt = make(Stmt::Kind::Output, at);
  stmt->expressions.push_back(expression);
  block.push_back(stmt);
}

// Up to a tag that begins with one of `ends`, at which it stops.
Block Parser::block(const Words &ends) {
  Block result;
  for (;;) {
    Token token = current();
    if (token.is(Kind::End))
      return result;
    take();
    if (token.is(Kind::Data)) {
      Stmt *stmt = make(Stmt::Kind::Text, token.at);
      stmt->value = Value::of(jinja::Kind::String);
      stmt->value.text = std::make_shared<const Text>(token.text, nullptr);
      result.push_back(stmt);
    } else if (token.is(Kind::VariableBegin)) {
      output(result, token.at, tuple({}));
      expect(Kind::VariableEnd, "'}}'");
    } else {
      if (atWord(ends))
        return result;
      result.push_back(statement());
      expect(Kind::BlockEnd, "'%}'");
    }
  }
}

// The rest of a tag, and what follows up to one of the words of `ends`, at
// which it stops.
Block Parser::statements(const Words &ends) {
  skipOperator(":");
  expect(Kind::BlockEnd, "'%}'");
  open_.back().second = ends;
  Block result = block(ends);
  if (current().is(Kind::End)) {
    const auto &[tag, words] = open_.back();
    std::string wanted;
    for (std::string_view word : words)
      wanted +=
          (wanted.empty() ? "" : " or ") + ("'" + std::string(word) + "'");
    unexpected(wanted + " for the '" + tag.text + "' of line " +
               std::to_string(tag.at.line));
  }
  return result;
}

Stmt *Parser::statement() {
  Nested nested(*this);
  Token tag = current();
  if (!tag.is(Kind::Name))
    unexpected("the name of a tag");
  take();
  open_.push_back({tag, {}});
  Stmt *stmt = dispatch(tag);
  open_.pop_back();
  return stmt;
}

Stmt *Parser::dispatch(const Token &tag) {
  static const struct {
    std::string_view name;
    Stmt *(Parser::*parse)();
  } tags[] = {
      {"for", &Parser::parseFor},
      {"if", &Parser::parseIf},
      {"set", &Parser::parseSet},
      {"macro", &Parser::parseMacro},
      {"call", &Parser::parseCall},
      {"generation", &Parser::parseGeneration},
      {"filter", &Parser::parseFilterBlock},
      {"with", &Parser::parseWith},
      {"print", &Parser::parsePrint},
      {"break", &Parser::parseLoopControl},
      {"continue", &Parser::parseLoopControl},
  };
  Words names;
  for (const auto &[name, parse] : tags) {
    if (tag.text == name)
      return (this->*parse)();
    names.push_back(name);
  }
  for (std::string_view refused :
       {"include", "import", "from", "extends", "block", "autoescape"})
    if (tag.text == refused)
      failAt(tag.at,
             "the tag '" + tag.text + "' is not supported in chat templates",
             Code::Unsupported);
  std::string message = "unknown tag '" + tag.text + "'";
  if (open_.size() > 1 && !open_[open_.size() - 2].second.empty()) {
    const auto &[outer, ends] = open_[open_.size() - 2];
    message += "; the '" + outer.text + "' of line " +
               std::to_string(outer.at.line) + " is open";
    names.insert(names.end(), ends.begin(), ends.end());
  }
  failAt(tag.at, message + suggestion(tag.text, names));
}

Stmt *Parser::parseFor() {
  Stmt *stmt = make(Stmt::Kind::For, open_.back().first.at);
  stmt->target = target(false, true);
  checkTarget(*stmt->target, true);
  expectName("in");
  TupleRules rules;
  rules.conditional = false;
  rules.end = "recursive";
  stmt->expression = tuple(rules);
  if (skipName("if"))
    stmt->condition = expression();
  stmt->recursive = skipName("recursive");
  // The body of a recursive loop is a function of its own.
  int outer = loops_;
  loops_ = stmt->recursive ? 1 : loops_ + 1;
  stmt->body = statements({"endfor", "else"});
  loops_ = outer;
  if (take().isName("else")) {
    if (stmt->recursive)
      loops_ = 0;
    stmt->otherwise = statements({"endfor"});
    loops_ = outer;
    take();
  }
  return stmt;
}

Stmt *Parser::parseIf() {
  Stmt *stmt = make(Stmt::Kind::If, open_.back().first.at);
  TupleRules rules;
  rules.conditional = false;
  for (;;) {
    Expr *condition = tuple(rules);
    stmt->branches.emplace_back(condition,
                                statements({"elif", "else", "endif"}));
    Token end = take();
    if (end.isName("elif"))
      continue;
    if (end.isName("else")) {
      stmt->branches.emplace_back(nullptr, statements({"endif"}));
      take();
    }
    return stmt;
  }
}

Stmt *Parser::parseSet() {
  Stmt *stmt = make(Stmt::Kind::Set, open_.back().first.at);
  stmt->target = target(true, false);
  if (skipOperator("=")) {
    stmt->expression = tuple({});
    return stmt;
  }
  stmt->kind = Stmt::Kind::SetBlock;
  while (skipOperator("|"))
    stmt->expression = filter(stmt->expression);
  stmt->body = statements({"endset"});
  take();
  return stmt;
}

// `break` and `continue` do not reach out of a function.
Block Parser::functionBody(const Words &ends) {
  int outer = std::exchange(loops_, 0);
  Block body = statements(ends);
  loops_ = outer;
  take();
  return body;
}

void Parser::signature(Function &function) {
  expectOperator("(");
  while (!current().isOperator(")")) {
    if (!function.parameters.empty())
      expectOperator(",");
    function.parameters.push_back(targetName());
    if (skipOperator("="))
      function.defaults.push_back(expression());
    else if (!function.defaults.empty())
      unexpected("'=': a parameter without a default follows one with a "
                 "default");
  }
  expectOperator(")");
  for (size_t i = 0; i < function.parameters.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      if (function.parameters[i]->name == function.parameters[k]->name)
        failAt(function.parameters[i]->at, "two parameters are called '" +
                                               function.parameters[i]->name +
                                               "'");
}

Stmt *Parser::parseMacro() {
  Stmt *stmt = make(Stmt::Kind::Macro, open_.back().first.at);
  stmt->target = targetName();
  stmt->function = &tree_.functions.emplace_back();
  stmt->function->name = stmt->target->name;
  stmt->function->at = stmt->at;
  signature(*stmt->function);
  stmt->function->body = functionBody({"endmacro"});
  return stmt;
}

Stmt *Parser::parseCall() {
  Stmt *stmt = make(Stmt::Kind::Call, open_.back().first.at);
  stmt->function = &tree_.functions.emplace_back();
  stmt->function->at = stmt->at;
  if (current().isOperator("("))
    signature(*stmt->function);
  stmt->expression = expression();
  if (stmt->expression->kind != Expr::Kind::Call)
    failAt(stmt->expression->at, "expected a call, found another expression");
  stmt->function->body = functionBody({"endcall"});
  return stmt;
}

Stmt *Parser::parseGeneration() {
  Stmt *stmt = make(Stmt::Kind::Generation, open_.back().first.at);
  stmt->function = &tree_.functions.emplace_back();
  stmt->function->at = stmt->at;
  stmt->function->body = functionBody({"endgeneration"});
  return stmt;
}

Stmt *Parser::parseFilterBlock() {
  Stmt *stmt = make(Stmt::Kind::Filter, open_.back().first.at);
  do
    stmt->expression = filter(stmt->expression);
  while (skipOperator("|"));
  stmt->body = statements({"endfilter"});
  take();
  return stmt;
}

Stmt *Parser::parseWith() {
  Stmt *stmt = make(Stmt::Kind::With, open_.back().first.at);
  while (!current().is(Kind::BlockEnd)) {
    if (!stmt->bindings.empty())
      expectOperator(",");
    Expr *name = target(false, false);
    expectOperator("=");
    stmt->bindings.emplace_back(name, expression());
  }
  stmt->body = statements({"endwith"});
  take();
  return stmt;
}

Stmt *Parser::parsePrint() {
  Stmt *stmt = make(Stmt::Kind::Output, open_.back().first.at);
  while (!current().is(Kind::BlockEnd)) {
    if (!stmt->expressions.empty())
      expectOperator(",");
    stmt->expressions.push_back(expression());
  }
  return stmt;
}

Stmt *Parser::parseLoopControl() {
  const Token &tag = open_.back().first;
  if (loops_ == 0)
    failAt(tag.at, "'" + tag.text + "' outside of a loop");
  return make(tag.text == "break" ? Stmt::Kind::Break : Stmt::Kind::Continue,
              tag.at);
}

Expr *Parser::targetName() {
  Token token = expect(Kind::Name, "a name");
  Expr *expr = make(Expr::Kind::Name, token.at);
  expr->name = token.text;
  checkTarget(*expr, false);
  return expr;
}

Expr *Parser::target(bool fields, bool untilIn) {
  TupleRules rules;
  rules.primaries = true;
  rules.fields = fields;
  if (untilIn)
    rules.end = "in";
  Expr *expr = tuple(rules);
  checkTarget(*expr, false);
  return expr;
}

void Parser::checkTarget(const Expr &expr, bool loopVariable) const {
  if (expr.kind == Expr::Kind::Tuple) {
    for (const Expr *item : expr.operands)
      checkTarget(*item, loopVariable);
    return;
  }
  if (expr.kind == Expr::Kind::Field)
    return;
  static const std::string_view constants[] = {"true", "false", "none",
                                               "True", "False", "None"};
  if (expr.kind != Expr::Kind::Name ||
      std::count(std::begin(constants), std::end(constants), expr.name) > 0)
    failAt(expr.at, "expected a name to assign to, found another expression");
  if (loopVariable && expr.name == "loop")
    failAt(expr.at, "'loop' can't be the variable of a loop");
}

} // namespace sluice::jinja
