// The expression language: parsing, and evaluation over an environment.
#pragma once

#include "compiler/spec/Diagnostics.h"
#include "compiler/spec/Tree.h"
#include "compiler/spec/Value.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::spec {

// Far more than any model needs: what goes beyond is a mistake or an attack.
constexpr int maxHeight = 1000; // of an expression's tree

// What all evaluations of a spec take together.
struct Work {
  static constexpr int64_t most = int64_t(1) << 24;
  static constexpr int deepest = 2000;
  int64_t steps = 0;
  int depth = 0; // of expressions and the parameters that they need
};

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct Expr {
  enum class Kind { Literal, Ref, List, Unary, Binary, If, Index, Call, Name };
  Kind kind = Kind::Literal;
  int offset = 0;   // in the text of the scalar
  Value literal;    // Literal
  std::string name; // Ref: "a.b"; Unary, Binary: operator; Call: function
  std::vector<ExprPtr> args;
  int height = 1; // levels of the tree from here down
};

// A scalar of the spec: an expression if it contains `$` (or `has(`, `given(`),
// else a number, true, false, none, or a word.
struct Scalar {
  Location location;
  int textColumn = 0; // as in Tree
  std::string text;
  Value literal;
  ExprPtr expr;

  bool isWord() const { return !expr && literal.isText(); }
  // The place of the character at `offset` of the text.
  Location at(int offset) const;
};

// A scalar, list or mapping whose scalars are parsed.
struct Data {
  enum class Kind { Scalar, List, Map };
  Kind kind = Kind::Scalar;
  Location location;
  Scalar scalar;
  std::vector<Scalar> keys; // Map, words, parallel to `items`
  std::vector<Data> items;

  bool isScalar() const { return kind == Kind::Scalar; }
  bool isWord() const { return isScalar() && scalar.isWord(); }
  const Data *find(const std::string &key) const;
};

// The expression in `scalar.text`; null after reporting what is wrong with it.
ExprPtr parseExpr(const Scalar &scalar, Diagnostics &diagnostics);
Scalar parseScalar(const Tree &tree, Diagnostics &diagnostics);
Data parseData(const Tree &tree, Diagnostics &diagnostics);

// What `$name`, `has(name)` and `given(name)` mean.
class Env {
public:
  virtual ~Env() = default;
  // False with a message; an empty message if the reason was reported before.
  virtual bool lookup(const std::string &name, Value &value,
                      std::string &error) = 0;
  virtual bool has(const std::string &name, bool &value, std::string &error);
  virtual bool given(const std::string &name, bool &value, std::string &error);

  virtual Work &work() { return work_; }

  // Bound indices ($i), innermost last; they hide everything else.
  std::vector<std::pair<std::string, Value>> indices;

private:
  Work work_;
};

// The value, or nothing after reporting why; the error names the values of
// all `$` names in the expression.
std::optional<Value> evaluate(const Scalar &scalar, Env &env,
                              Diagnostics &diagnostics);
// Lists become list values; mappings are an error.
std::optional<Value> evaluate(const Data &data, Env &env,
                              Diagnostics &diagnostics);
std::optional<bool> evaluateBool(const Scalar &scalar, Env &env,
                                 Diagnostics &diagnostics);
std::optional<int64_t> evaluateInt(const Data &data, Env &env,
                                   Diagnostics &diagnostics);

// Calls `ref` for every `$name` except names that an `each` inside the
// expression binds, and `asked` for every `has(name)` and `given(name)`, with
// the name of the function.
void visitNames(
    const Scalar &scalar, const std::function<void(const Expr &)> &ref,
    const std::function<void(const std::string &, const Expr &)> &asked);

// "with $heads = 32, $kvs = 5"; empty if there is no name.
std::string printNames(const Scalar &scalar, Env &env);

const std::vector<std::string> &functionNames();

// Text with `$i`, `$arch` and `${expression}` in it.
struct Template {
  Location location;
  std::string text;
  struct Piece {
    std::string literal;
    std::string name;             // `$name`
    std::optional<Scalar> scalar; // `${...}`
  };
  std::vector<Piece> pieces;
};

Template parseTemplate(const Tree &tree, Diagnostics &diagnostics);
std::optional<std::string> expand(const Template &text, Env &env,
                                  Diagnostics &diagnostics);

} // namespace sluice::spec
