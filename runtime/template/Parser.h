// Tokens to a tree; the grammar is that of Jinja2's parser.
#pragma once

#include "runtime/template/Ast.h"
#include "runtime/template/Lexer.h"

namespace sluice::jinja {

class Parser {
public:
  Parser(std::vector<Token> tokens, size_t maxNesting, Tree &tree)
      : tokens_(std::move(tokens)), maxNesting_(maxNesting), tree_(tree) {}

  // Fills the tree but for what Resolver adds.
  void run();

private:
  using Kind = Token::Kind;
  // Counts how deeply what is being parsed lies.
  struct Nested {
    explicit Nested(Parser &parser);
    ~Nested() { --parser.nesting_; }
    Parser &parser;
  };
  using Words = std::vector<std::string_view>;

  const Token &current() const { return tokens_[at_]; }
  const Token &following() const {
    return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
  }
  Token take();
  bool skipName(std::string_view word);
  bool skipOperator(std::string_view op);
  Token expect(Kind kind, const char *what);
  void expectOperator(std::string_view op);
  void expectName(std::string_view word);
  [[noreturn]] void unexpected(const std::string &wanted) const;
  Expr *make(Expr::Kind kind, Position at);
  Stmt *make(Stmt::Kind kind, Position at);

  // ParseStatement.cpp
  Block block(const Words &ends);
  Block statements(const Words &ends);
  bool atWord(const Words &words) const;
  void output(Block &block, Position at, Expr *expression);
  Stmt *statement();
  Stmt *dispatch(const Token &tag);
  Stmt *parseFor();
  Stmt *parseIf();
  Stmt *parseSet();
  Stmt *parseMacro();
  Stmt *parseCall();
  Stmt *parseGeneration();
  Stmt *parseFilterBlock();
  Stmt *parseWith();
  Stmt *parsePrint();
  Stmt *parseLoopControl();
  void signature(Function &function);
  Block functionBody(const Words &ends);
  Expr *target(bool fields, bool untilIn);
  Expr *targetName();
  void checkTarget(const Expr &expr, bool loopVariable) const;

  // ParseExpression.cpp
  struct TupleRules {
    bool primaries = false;   // names and literals only
    bool conditional = true;  // `a if b` may stand in it
    bool parentheses = false; // it may be empty
    bool fields = false;      // as a target of `set`
    std::string_view end;     // a name that ends it
  };
  Expr *tuple(const TupleRules &rules);
  Expr *tupleItem(const TupleRules &rules);
  Expr *expression();
  Expr *disjunction();
  Expr *conjunction();
  Expr *negation();
  Expr *comparison();
  bool comparisonOperator(Operation &operation);
  Expr *sum();
  Expr *concatenation();
  Expr *product();
  Expr *power();
  Expr *unary(bool filters);
  Expr *primary(bool fields);
  Expr *name(bool fields);
  Expr *number();
  Expr *listLiteral();
  Expr *dictLiteral();
  Expr *postfix(Expr *expr);
  Expr *filtersAndTests(Expr *expr);
  Expr *subscript(Expr *expr);
  Expr *item(Expr *expr, Position at);
  Expr *call(Expr *expr);
  Arguments arguments();
  void argument(Arguments &arguments, Position at);
  Expr *filter(Expr *expr);
  Expr *test(Expr *expr);
  std::string dottedName(const char *what);
  Expr *binary(Operation operation, Position at, Expr *left, Expr *right);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t nesting_ = 0, maxNesting_;
  int loops_ = 0; // around what is parsed, in this function
  // Tags that are open, each with what ends it.
  std::vector<std::pair<Token, Words>> open_;
  Tree &tree_;
};

} // namespace sluice::jinja
