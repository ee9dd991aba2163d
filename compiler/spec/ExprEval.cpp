#include "compiler/spec/Expr.h"
#include "compiler/spec/Names.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace sluice::spec {

bool Env::has(const std::string &, bool &, std::string &error) {
  error = "has() cannot be used here";
  return false;
}

namespace {

// Rounds to the nearest value of a type with `mantissa` explicit bits and
// exponents from `minExponent` to `maxExponent`, ties to even.
double roundTo(double x, int mantissa, int minExponent, int maxExponent) {
  if (x == 0 || !std::isfinite(x))
    return x;
  int exponent = std::max(std::ilogb(x), minExponent);
  double unit = std::ldexp(1.0, exponent - mantissa);
  double rounded = std::nearbyint(x / unit) * unit;
  double limit = std::ldexp(2.0 - std::ldexp(1.0, -mantissa), maxExponent);
  if (std::fabs(rounded) > limit)
    return std::copysign(std::numeric_limits<double>::infinity(), x);
  return rounded;
}

class Evaluator {
public:
  Evaluator(Env &env) : env_(env) {}

  bool failed = false;
  std::string error; // empty if the reason was reported before
  int offset = 0;

  Value run(const Expr &expr) {
    if (failed)
      return {};
    switch (expr.kind) {
    case Expr::Kind::Literal:
      return expr.literal;
    case Expr::Kind::Ref:
      return ref(expr);
    case Expr::Kind::List:
      return list(expr);
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

private:
  // A list made by an expression may not outgrow what any model needs.
  static constexpr int64_t maxElements = 1 << 20;

  Value fail(const Expr &expr, std::string message) {
    if (!failed) {
      failed = true;
      error = std::move(message);
      offset = expr.offset;
    }
    return {};
  }

  static std::string describe(const Value &value) {
    std::string text = print(value);
    if (text.size() > 60)
      text = text.substr(0, 57) + "...";
    return value.isNone() ? text
                          : std::string(kindName(value.kind())) + " " + text;
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

  Value list(const Expr &expr) {
    List values;
    for (const ExprPtr &arg : expr.args)
      values.push_back(run(*arg));
    return values;
  }

  Value unary(const Expr &expr) {
    Value value = run(*expr.args[0]);
    if (failed)
      return {};
    if (expr.name == "not") {
      if (!value.isBool())
        return fail(expr, "'not' needs a bool, found " + describe(value));
      return !value.boolean();
    }
    if (value.isFloat())
      return -value.number();
    if (!value.isInt())
      return fail(expr, "'-' needs a number, found " + describe(value));
    if (value.integer() == std::numeric_limits<int64_t>::min())
      return fail(expr, "the result is out of range");
    return -value.integer();
  }

  Value binary(const Expr &expr) {
    Value left = run(*expr.args[0]);
    if (failed)
      return {};
    if (expr.name == "and" || expr.name == "or") {
      if (!left.isBool())
        return fail(expr,
                    quote(expr.name) + " needs bools, found " + describe(left));
      if (left.boolean() == (expr.name == "or"))
        return left;
      Value right = run(*expr.args[1]);
      if (!failed && !right.isBool())
        return fail(expr, quote(expr.name) + " needs bools, found " +
                              describe(right));
      return right;
    }
    Value right = run(*expr.args[1]);
    if (failed)
      return {};
    if (expr.name == "in")
      return contains(expr, left, right);
    if (expr.name == "==" || expr.name == "!=") {
      if (!comparable(left, right))
        return mismatch(expr, left, right);
      return equal(left, right) == (expr.name == "==");
    }
    if (expr.name[0] == '<' || expr.name[0] == '>')
      return order(expr, left, right);
    if (!left.isNumber() || !right.isNumber())
      return fail(expr, quote(expr.name) + " needs numbers, found " +
                            describe(left) + " and " + describe(right));
    if (left.isInt() && right.isInt())
      return integers(expr, left.integer(), right.integer());
    return floats(expr, left.number(), right.number());
  }

  Value mismatch(const Expr &expr, const Value &left, const Value &right) {
    return fail(expr, "cannot compare " + describe(left) + " with " +
                          describe(right));
  }
  static bool comparable(const Value &a, const Value &b) {
    return a.kind() == b.kind() || a.isNone() || b.isNone() ||
           (a.isNumber() && b.isNumber());
  }
  static bool equal(const Value &a, const Value &b) {
    if (a.isInt() && b.isInt())
      return a.integer() == b.integer();
    if (a.isNumber() && b.isNumber())
      return a.number() == b.number();
    return a == b;
  }

  Value contains(const Expr &expr, const Value &value, const Value &list) {
    if (!list.isList())
      return fail(expr, "'in' needs a list, found " + describe(list));
    for (const Value &element : list.list()) {
      if (!comparable(value, element))
        return mismatch(expr, value, element);
      if (equal(value, element))
        return true;
    }
    return false;
  }

  Value order(const Expr &expr, const Value &left, const Value &right) {
    int sign = 0;
    if (left.isInt() && right.isInt())
      sign = left.integer() < right.integer()   ? -1
             : left.integer() > right.integer() ? 1
                                                : 0;
    else if (left.isNumber() && right.isNumber())
      sign = left.number() < right.number()   ? -1
             : left.number() > right.number() ? 1
                                              : 0;
    else if (left.isText() && right.isText())
      sign = left.text().compare(right.text());
    else
      return mismatch(expr, left, right);
    bool less = sign < 0, same = sign == 0;
    if (expr.name == "<")
      return less;
    if (expr.name == "<=")
      return less || same;
    if (expr.name == ">")
      return !less && !same;
    return !less;
  }

  static int64_t floorDivide(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
  }

  Value integers(const Expr &expr, int64_t a, int64_t b) {
    int64_t result = 0;
    bool overflow = false;
    const std::string &op = expr.name;
    if (op == "+")
      overflow = __builtin_add_overflow(a, b, &result);
    else if (op == "-")
      overflow = __builtin_sub_overflow(a, b, &result);
    else if (op == "*")
      overflow = __builtin_mul_overflow(a, b, &result);
    else if (op == "**")
      return power(expr, a, b);
    else if (b == 0)
      return fail(expr, "division by zero");
    else if (a == std::numeric_limits<int64_t>::min() && b == -1)
      overflow = true;
    else if (op == "//")
      result = floorDivide(a, b);
    else if (op == "%")
      result = a - floorDivide(a, b) * b;
    else if (a % b != 0)
      return fail(expr, std::to_string(a) + " / " + std::to_string(b) +
                            " is not whole; use // or a float");
    else
      result = a / b;
    if (overflow)
      return fail(expr, "the result is out of range");
    return result;
  }

  Value power(const Expr &expr, int64_t base, int64_t exponent) {
    if (base < 0 || exponent < 0)
      return floats(expr, double(base), double(exponent));
    int64_t result = 1;
    if (base <= 1)
      return exponent == 0 ? int64_t(1) : base;
    for (int64_t i = 0; i < exponent; ++i)
      if (__builtin_mul_overflow(result, base, &result))
        return fail(expr, "the result is out of range");
    return result;
  }

  Value floats(const Expr &expr, double a, double b) {
    const std::string &op = expr.name;
    double result = 0;
    if (op == "+")
      result = a + b;
    else if (op == "-")
      result = a - b;
    else if (op == "*")
      result = a * b;
    else if (op == "**")
      result = std::pow(a, b);
    else if (b == 0)
      return fail(expr, "division by zero");
    else if (op == "/")
      result = a / b;
    else if (op == "//")
      result = std::floor(a / b);
    else
      result = a - std::floor(a / b) * b;
    return finite(expr, result);
  }

  Value finite(const Expr &expr, double result) {
    if (!std::isfinite(result))
      return fail(expr, "the result is not a finite number");
    return result;
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
    return list.list()[at.integer()];
  }

  Value call(const Expr &expr) {
    if (expr.name == "has")
      return has(expr);
    if (expr.name == "each")
      return each(expr);
    List args;
    for (const ExprPtr &arg : expr.args)
      args.push_back(run(*arg));
    if (failed)
      return {};
    const std::string &name = expr.name;
    if (name == "min" || name == "max")
      return extreme(expr, args, name == "max");
    if (name == "linspace")
      return linspace(expr, args);
    if (name == "cast")
      return cast(expr, args);
    if (name == "round" && args.size() == 2)
      return decimals(expr, args);
    if (args.size() != 1)
      return fail(expr, name + "() takes " +
                            (name == "round" ? "one or two arguments"
                                             : "one argument") +
                            ", found " + std::to_string(args.size()));
    if (name == "len" || name == "sum")
      return ofList(expr, args[0], name == "sum");
    return ofNumber(expr, args[0]);
  }

  Value has(const Expr &expr) {
    bool value = false;
    std::string message;
    if (env_.has(expr.args[0]->name, value, message))
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
    if (count < 0 || count > maxElements)
      return fail(expr,
                  "each() cannot make " + std::to_string(count) + " elements");
    List values;
    for (int64_t i = 0; i < count && !failed; ++i) {
      env_.indices.emplace_back(expr.args[0]->name,
                                over.isList() ? over.list()[i] : Value(i));
      values.push_back(run(*expr.args[2]));
      env_.indices.pop_back();
      elements_ += 1;
      if (elements_ > maxElements)
        return fail(expr, "the expression makes too many elements");
    }
    return values;
  }

  Value extreme(const Expr &expr, const List &args, bool largest) {
    const List &values =
        args.size() == 1 && args[0].isList() ? args[0].list() : args;
    if (values.empty() || (args.size() == 1 && !args[0].isList()))
      return fail(expr, expr.name + "() needs two or more numbers or a list");
    Value best = values[0];
    for (const Value &value : values) {
      if (!value.isNumber())
        return fail(expr,
                    expr.name + "() needs numbers, found " + describe(value));
      if (largest ? value.number() > best.number()
                  : value.number() < best.number())
        best = value;
    }
    return best;
  }

  Value linspace(const Expr &expr, const List &args) {
    if (args.size() != 3 || !args[0].isNumber() || !args[1].isNumber() ||
        !args[2].isInt())
      return fail(expr, "linspace() takes two numbers and a count");
    int64_t n = args[2].integer();
    if (n < 1 || n > maxElements)
      return fail(expr,
                  "linspace() cannot make " + std::to_string(n) + " numbers");
    double lo = args[0].number(), hi = args[1].number();
    double step = n > 1 ? (hi - lo) / double(n - 1) : 0;
    List values;
    for (int64_t i = 0; i < n; ++i)
      values.push_back(i == n - 1 && n > 1 ? hi : lo + double(i) * step);
    return values;
  }

  Value cast(const Expr &expr, const List &args) {
    if (args.size() != 2 || !args[0].isNumber() || !args[1].isText())
      return fail(expr, "cast() takes a number and a type");
    const std::string &type = args[1].text();
    double x = args[0].number();
    if (type == "f32" || type == "float32")
      return finite(expr, double(float(x)));
    if (type == "f16" || type == "float16")
      return finite(expr, roundTo(x, 10, -14, 15));
    if (type == "bf16" || type == "bfloat16")
      return finite(expr, roundTo(x, 7, -126, 127));
    return fail(expr, "cast() knows f32, f16 and bf16, not " + quote(type));
  }

  Value decimals(const Expr &expr, const List &args) {
    if (!args[0].isNumber() || !args[1].isInt() || args[1].integer() < 0 ||
        args[1].integer() > 15)
      return fail(expr, "round() takes a number and 0 to 15 decimals");
    if (args[0].isInt())
      return args[0];
    // The decimal nearest to the exact value, as printing does it.
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, "%.*f", int(args[1].integer()),
                  args[0].number());
    return finite(expr, std::strtod(buffer, nullptr));
  }

  Value ofList(const Expr &expr, const Value &arg, bool sum) {
    if (!arg.isList())
      return fail(expr, expr.name + "() needs a list, found " + describe(arg));
    if (!sum)
      return int64_t(arg.list().size());
    Value total = int64_t(0);
    Expr plus = expr;
    plus.name = "+";
    for (const Value &value : arg.list()) {
      if (!value.isNumber())
        return fail(expr, "sum() needs numbers, found " + describe(value));
      total = total.isInt() && value.isInt()
                  ? integers(plus, total.integer(), value.integer())
                  : floats(plus, total.number(), value.number());
      if (failed)
        return {};
    }
    return total;
  }

  Value whole(const Expr &expr, double x) {
    if (!(std::fabs(x) < 9.2e18))
      return fail(expr, "the result is out of range");
    return int64_t(x);
  }

  Value ofNumber(const Expr &expr, const Value &arg) {
    const std::string &name = expr.name;
    if (!arg.isNumber())
      return fail(expr, name + "() needs a number, found " + describe(arg));
    double x = arg.number();
    bool integral = name == "int" || name == "floor" || name == "ceil" ||
                    name == "round" || name == "abs";
    if (arg.isInt() && integral) {
      if (name != "abs" || arg.integer() >= 0)
        return arg;
      return unary({Expr::Kind::Unary,
                    expr.offset,
                    {},
                    "-",
                    {std::make_shared<Expr>(
                        Expr{Expr::Kind::Literal, expr.offset, arg, {}, {}})}});
    }
    if (name == "abs")
      return std::fabs(x);
    if (name == "int")
      return whole(expr, std::trunc(x));
    if (name == "floor")
      return whole(expr, std::floor(x));
    if (name == "ceil")
      return whole(expr, std::ceil(x));
    if (name == "round")
      return whole(expr, std::nearbyint(x));
    if (name == "float")
      return x;
    if (name == "exp")
      return finite(expr, std::exp(x));
    if (name == "sqrt" ? x < 0 : x <= 0)
      return fail(expr, name + "() of " + print(arg));
    if (name == "sqrt")
      return std::sqrt(x);
    return name == "log" ? std::log(x) : std::log2(x);
  }

  Env &env_;
  int64_t elements_ = 0;
};

void visit(const Expr &expr, std::vector<std::string> &bound,
           const std::function<void(const Expr &)> &ref,
           const std::function<void(const Expr &)> &has) {
  if (expr.kind == Expr::Kind::Ref) {
    if (std::find(bound.begin(), bound.end(), expr.name) == bound.end())
      ref(expr);
    return;
  }
  if (expr.kind == Expr::Kind::Call && expr.name == "has") {
    has(*expr.args[0]);
    return;
  }
  if (expr.kind == Expr::Kind::Call && expr.name == "each" &&
      expr.args.size() == 3) {
    visit(*expr.args[1], bound, ref, has);
    bound.push_back(expr.args[0]->name);
    visit(*expr.args[2], bound, ref, has);
    bound.pop_back();
    return;
  }
  for (const ExprPtr &arg : expr.args)
    visit(*arg, bound, ref, has);
}

} // namespace

void visitNames(const Scalar &scalar,
                const std::function<void(const Expr &)> &ref,
                const std::function<void(const Expr &)> &has) {
  std::vector<std::string> bound;
  if (scalar.expr)
    visit(*scalar.expr, bound, ref, has);
}

void visitNames(const Data &data,
                const std::function<void(const Scalar &, const Expr &)> &ref,
                const std::function<void(const Scalar &, const Expr &)> &has) {
  if (data.isScalar())
    visitNames(
        data.scalar, [&](const Expr &e) { ref(data.scalar, e); },
        [&](const Expr &e) { has(data.scalar, e); });
  for (const Data &item : data.items)
    visitNames(item, ref, has);
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
        std::string shown = print(value);
        if (shown.size() > 80)
          shown = shown.substr(0, 77) + "...";
        text += (text.empty() ? "with $" : ", $") + expr.name + " = " + shown;
      },
      [](const Expr &) {});
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
  return Value(std::move(values));
}

std::optional<bool> evaluateBool(const Scalar &scalar, Env &env,
                                 Diagnostics &diagnostics) {
  std::optional<Value> value = evaluate(scalar, env, diagnostics);
  if (!value)
    return std::nullopt;
  if (!value->isBool()) {
    diagnostics.error(scalar.location,
                      "expected a bool, found " + print(*value));
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
                                                         print(*value));
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
