// Evaluates expressions in a scope, within limits on steps and sizes.
#include "compiler/spec/Expr.h"
#include "compiler/spec/ExprFunctions.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

bool Env::given(const std::string &, bool &, std::string &error) {
  error = "given() asks about an input of a block, and can only be used in one";
  return false;
}

bool Env::has(const std::string &, bool &, std::string &error) {
  error = "has() cannot be used here";
  return false;
}

namespace {

class Evaluator {
public:
  explicit Evaluator(Env &env) : env_(env) {}

  bool failed = false;
  std::string error; // empty if the reason was reported before
  int offset = 0;

  Value run(const Expr &expr) {
    if (failed)
      return {};
    Work &work = env_.work();
    if (++work.steps > Work::most)
      return fail(expr, "the expressions of the spec take more than " +
                            std::to_string(Work::most) + " steps");
    if (work.depth > Work::deepest)
      return fail(expr, "too many parameters need each other in a chain");
    ++work.depth;
    Value value = valueOf(expr);
    --work.depth;
    return value;
  }

private:
  Value valueOf(const Expr &expr) {
    switch (expr.kind) {
    case Expr::Kind::Literal:
      return expr.literal;
    case Expr::Kind::Ref:
      return ref(expr);
    case Expr::Kind::List:
      return bounded(expr, all(expr.args));
    case Expr::Kind::Unary:
      return unary(expr);
    case Expr::Kind::Binary:
      return binary(expr);
    case Expr::Kind::If: {
      Value condition = run(*expr.args[0]);
      if (!failed && !condition.isBool())
        return fail(expr, "the condition of 'if' is " + describe(condition) +
                              ", not a bool");
      return failed ? Value() : run(*expr.args[condition.boolean() ? 1 : 2]);
    }
    case Expr::Kind::Index:
      return index(expr);
    case Expr::Kind::Call:
      return call(expr);
    case Expr::Kind::Name:
      break;
    }
    return fail(expr, "a name stands where a value is expected");
  }

  Value fail(const Expr &expr, std::string message) {
    if (!failed) {
      failed = true;
      error = std::move(message);
      offset = expr.offset;
    }
    return {};
  }

  // By reference, because `message` is written while `value` is made.
  Value take(const Expr &expr, std::optional<Value> value,
             const std::string &message) {
    return value ? std::move(*value) : fail(expr, message);
  }

  // A list, unless it is too large with all that is in it.
  Value bounded(const Expr &expr, List list) {
    Value value(std::move(list));
    return value.size() <= maxListElements
               ? value
               : fail(expr, "the expression makes too many elements");
  }

  // Functions and comparisons look at all elements.
  void look(const Value &value) {
    if (value.isList())
      env_.work().steps += value.size();
  }

  List all(const std::vector<ExprPtr> &exprs) {
    List values;
    for (const ExprPtr &expr : exprs)
      values.push_back(run(*expr));
    return values;
  }

  Value ref(const Expr &expr) {
    for (auto it = env_.indices.rbegin(); it != env_.indices.rend(); ++it)
      if (it->first == expr.name)
        return it->second;
    Value value;
    std::string message;
    if (env_.lookup(expr.name, value, message))
      return value;
    return fail(expr, message);
  }

  Value unary(const Expr &expr) {
    Value value = run(*expr.args[0]);
    if (failed)
      return {};
    std::string message;
    if (expr.name == "-")
      return take(expr, negate(value, message), message);
    if (!value.isBool())
      return fail(expr, "'not' needs a bool, found " + describe(value));
    return !value.boolean();
  }

  Value binary(const Expr &expr) {
    const std::string &op = expr.name;
    Value left = run(*expr.args[0]);
    bool logic = op == "and" || op == "or";
    if (!failed && logic && !left.isBool())
      return fail(expr, quote(op) + " needs bools, found " + describe(left));
    // The other side of `and` and `or` may not be worth a value.
    if (failed || (logic && left.boolean() == (op == "or")))
      return left;
    Value right = run(*expr.args[1]);
    if (failed)
      return {};
    if (logic && !right.isBool())
      return fail(expr, quote(op) + " needs bools, found " + describe(right));
    if (logic)
      return right;
    std::string message;
    bool compares =
        op == "in" || op == "==" || op == "!=" || op[0] == '<' || op[0] == '>';
    look(left);
    look(right);
    std::optional<Value> result = compares
                                      ? compare(op, left, right, message)
                                      : arithmetic(op, left, right, message);
    return take(expr, std::move(result), message);
  }

  Value index(const Expr &expr) {
    Value list = run(*expr.args[0]);
    Value at = run(*expr.args[1]);
    if (failed)
      return {};
    if (!list.isList())
      return fail(expr, "only a list can be indexed, found " + describe(list));
    if (!at.isInt())
      return fail(expr, "an index must be an int, found " + describe(at));
    int64_t size = int64_t(list.list().size());
    if (at.integer() < 0 || at.integer() >= size)
      return fail(expr, "index " + std::to_string(at.integer()) +
                            " is outside of a list of " + std::to_string(size));
    return list.list()[size_t(at.integer())];
  }

  Value call(const Expr &expr) {
    if (expr.name == "has" || expr.name == "given")
      return asked(expr);
    if (expr.name == "each")
      return each(expr);
    List args = all(expr.args);
    if (failed)
      return {};
    for (const Value &arg : args)
      look(arg);
    std::string message;
    return take(expr, callFunction(expr.name, args, message), message);
  }

  Value asked(const Expr &expr) {
    bool value = false;
    std::string message;
    const std::string &name = expr.args[0]->name;
    if (expr.name == "has" ? env_.has(name, value, message)
                           : env_.given(name, value, message))
      return value;
    return fail(*expr.args[0], message);
  }

  Value each(const Expr &expr) {
    if (expr.args.size() != 3)
      return fail(expr, "each() takes an index name, a count or list, and an "
                        "expression");
    Value over = run(*expr.args[1]);
    if (failed)
      return {};
    if (!over.isList() && !over.isInt())
      return fail(expr,
                  "each() needs a count or a list, found " + describe(over));
    int64_t count =
        over.isList() ? int64_t(over.list().size()) : over.integer();
    if (count < 0 || count > maxListElements)
      return fail(expr,
                  "each() cannot make " + std::to_string(count) + " elements");
    List values;
    int64_t size = 1;
    for (int64_t i = 0; i < count && !failed; ++i) {
      env_.indices.emplace_back(expr.args[0]->name, over.isList()
                                                        ? over.list()[size_t(i)]
                                                        : Value(i));
      values.push_back(run(*expr.args[2]));
      env_.indices.pop_back();
      size += values.back().size();
      if (size > maxListElements)
        return fail(expr, "the expression makes too many elements");
    }
    return values;
  }

  Env &env_;
};

using Asked = std::function<void(const std::string &, const Expr &)>;

void visit(const Expr &expr, std::vector<std::string> &bound,
           const std::function<void(const Expr &)> &ref, const Asked &asked) {
  if (expr.kind == Expr::Kind::Ref) {
    if (std::find(bound.begin(), bound.end(), expr.name) == bound.end())
      ref(expr);
    return;
  }
  if (expr.kind == Expr::Kind::Call &&
      (expr.name == "has" || expr.name == "given")) {
    asked(expr.name, *expr.args[0]);
    return;
  }
  if (expr.kind == Expr::Kind::Call && expr.name == "each" &&
      expr.args.size() == 3) {
    visit(*expr.args[1], bound, ref, asked);
    bound.push_back(expr.args[0]->name);
    visit(*expr.args[2], bound, ref, asked);
    bound.pop_back();
    return;
  }
  for (const ExprPtr &arg : expr.args)
    visit(*arg, bound, ref, asked);
}

} // namespace

void visitNames(
    const Scalar &scalar, const std::function<void(const Expr &)> &ref,
    const std::function<void(const std::string &, const Expr &)> &asked) {
  std::vector<std::string> bound;
  if (scalar.expr)
    visit(*scalar.expr, bound, ref, asked);
}

std::string printNames(const Scalar &scalar, Env &env) {
  std::set<std::string> seen;
  std::string text;
  visitNames(
      scalar,
      [&](const Expr &expr) {
        if (!seen.insert(expr.name).second)
          return;
        Evaluator evaluator(env);
        Value value = evaluator.run(expr);
        if (evaluator.failed)
          return;
        text += (text.empty() ? "with $" : ", $") + expr.name + " = " +
                printShort(value);
      },
      [](const std::string &, const Expr &) {});
  return text;
}

std::optional<Value> evaluate(const Scalar &scalar, Env &env,
                              Diagnostics &diagnostics) {
  if (!scalar.expr)
    return scalar.literal;
  Evaluator evaluator(env);
  Value value = evaluator.run(*scalar.expr);
  if (!evaluator.failed)
    return value;
  if (!evaluator.error.empty()) {
    Diagnostic &d =
        diagnostics.error(scalar.at(evaluator.offset), evaluator.error);
    std::string names = printNames(scalar, env);
    if (!names.empty())
      d.notes.push_back(names);
  }
  return std::nullopt;
}

std::optional<Value> evaluate(const Data &data, Env &env,
                              Diagnostics &diagnostics) {
  if (data.isScalar())
    return evaluate(data.scalar, env, diagnostics);
  if (data.kind == Data::Kind::Map) {
    diagnostics.error(data.location, "expected a value or a list of values");
    return std::nullopt;
  }
  List values;
  bool ok = true;
  for (const Data &item : data.items) {
    std::optional<Value> value = evaluate(item, env, diagnostics);
    ok &= value.has_value();
    values.push_back(value.value_or(Value()));
  }
  if (!ok)
    return std::nullopt;
  Value list(std::move(values));
  if (list.size() > maxListElements) {
    diagnostics.error(data.location, "the list has too many elements");
    return std::nullopt;
  }
  return list;
}

std::optional<bool> evaluateBool(const Scalar &scalar, Env &env,
                                 Diagnostics &diagnostics) {
  std::optional<Value> value = evaluate(scalar, env, diagnostics);
  if (!value)
    return std::nullopt;
  if (!value->isBool()) {
    diagnostics.error(scalar.location,
                      "expected a bool, found " + printShort(*value));
    return std::nullopt;
  }
  return value->boolean();
}

std::optional<int64_t> evaluateInt(const Data &data, Env &env,
                                   Diagnostics &diagnostics) {
  std::optional<Value> value = evaluate(data, env, diagnostics);
  if (!value)
    return std::nullopt;
  if (!value->isInt()) {
    Diagnostic &d = diagnostics.error(data.location, "expected an int, found " +
                                                         printShort(*value));
    std::string names =
        data.isScalar() ? printNames(data.scalar, env) : std::string();
    if (!names.empty())
      d.notes.push_back(names);
    return std::nullopt;
  }
  return value->integer();
}

std::optional<std::string> expand(const Template &text, Env &env,
                                  Diagnostics &diagnostics) {
  std::string out;
  for (const Template::Piece &piece : text.pieces) {
    out += piece.literal;
    Value value;
    if (!piece.name.empty()) {
      bool found = false;
      for (const auto &[name, bound] : env.indices)
        if (name == piece.name) {
          value = bound;
          found = true;
        }
      std::string error;
      if (!found && !env.lookup(piece.name, value, error)) {
        if (!error.empty())
          diagnostics.error(text.location, error);
        return std::nullopt;
      }
    } else if (piece.scalar) {
      std::optional<Value> computed = evaluate(*piece.scalar, env, diagnostics);
      if (!computed)
        return std::nullopt;
      value = *computed;
    } else {
      continue;
    }
    if (value.isText())
      out += value.text();
    else if (value.isInt())
      out += std::to_string(value.integer());
    else {
      diagnostics.error(text.location, "a name can contain an int or a text, "
                                       "not " +
                                           print(value));
      return std::nullopt;
    }
  }
  return out;
}

} // namespace sluice::spec
