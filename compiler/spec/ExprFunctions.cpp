#include "compiler/spec/ExprFunctions.h"

#include "compiler/spec/Names.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::spec {

using Result = std::optional<Value>;

static Result fail(std::string &error, std::string message) {
  error = std::move(message);
  return std::nullopt;
}

static Result finite(double value, std::string &error) {
  if (!std::isfinite(value))
    return fail(error, "the result is not a finite number");
  return Value(value);
}

static Result outOfRange(std::string &error) {
  return fail(error, "the result is out of range");
}

std::string describe(const Value &value) {
  std::string text = printShort(value, 60);
  return value.isNone() ? text
                        : std::string(kindName(value.kind())) + " " + text;
}

Result negate(const Value &value, std::string &error) {
  if (value.isFloat())
    return Value(-value.number());
  if (!value.isInt())
    return fail(error, "'-' needs a number, found " + describe(value));
  if (value.integer() == std::numeric_limits<int64_t>::min())
    return outOfRange(error);
  return Value(-value.integer());
}

static Result floats(const std::string &op, double a, double b,
                     std::string &error) {
  if (b == 0 && (op == "/" || op == "//" || op == "%"))
    return fail(error, "division by zero");
  double result = op == "+"    ? a + b
                  : op == "-"  ? a - b
                  : op == "*"  ? a * b
                  : op == "**" ? std::pow(a, b)
                  : op == "/"  ? a / b
                  : op == "//" ? std::floor(a / b)
                               : a - std::floor(a / b) * b;
  return finite(result, error);
}

static Result power(int64_t base, int64_t exponent, std::string &error) {
  if (base < 0 || exponent < 0)
    return floats("**", double(base), double(exponent), error);
  if (base <= 1)
    return Value(exponent == 0 ? int64_t(1) : base);
  int64_t result = 1;
  for (int64_t i = 0; i < exponent; ++i)
    if (__builtin_mul_overflow(result, base, &result))
      return outOfRange(error);
  return Value(result);
}

static int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static Result divide(const std::string &op, int64_t a, int64_t b,
                     std::string &error) {
  if (b == 0)
    return fail(error, "division by zero");
  if (a == std::numeric_limits<int64_t>::min() && b == -1)
    return outOfRange(error);
  if (op == "//")
    return Value(floorDivide(a, b));
  if (op == "%")
    return Value(a - floorDivide(a, b) * b);
  if (a % b != 0)
    return fail(error, std::to_string(a) + " / " + std::to_string(b) +
                           " is not whole; use // or a float");
  return Value(a / b);
}

Result arithmetic(const std::string &op, const Value &left, const Value &right,
                  std::string &error) {
  if (!left.isNumber() || !right.isNumber())
    return fail(error, quote(op) + " needs numbers, found " + describe(left) +
                           " and " + describe(right));
  if (!left.isInt() || !right.isInt())
    return floats(op, left.number(), right.number(), error);
  int64_t a = left.integer(), b = right.integer(), result = 0;
  if (op == "**")
    return power(a, b, error);
  bool overflow = false;
  if (op == "+")
    overflow = __builtin_add_overflow(a, b, &result);
  else if (op == "-")
    overflow = __builtin_sub_overflow(a, b, &result);
  else if (op == "*")
    overflow = __builtin_mul_overflow(a, b, &result);
  else
    return divide(op, a, b, error);
  return overflow ? outOfRange(error) : Result(Value(result));
}

static bool comparable(const Value &a, const Value &b) {
  return a.kind() == b.kind() || a.isNone() || b.isNone() ||
         (a.isNumber() && b.isNumber());
}

static bool equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber() && a.kind() != b.kind())
    return a.number() == b.number();
  return a == b;
}

static Result mismatch(const Value &left, const Value &right,
                       std::string &error) {
  return fail(error,
              "cannot compare " + describe(left) + " with " + describe(right));
}

static Result contains(const Value &value, const Value &list,
                       std::string &error) {
  if (!list.isList())
    return fail(error, "'in' needs a list, found " + describe(list));
  for (const Value &element : list.list()) {
    if (!comparable(value, element))
      return mismatch(value, element, error);
    if (equal(value, element))
      return Value(true);
  }
  return Value(false);
}

Result compare(const std::string &op, const Value &left, const Value &right,
               std::string &error) {
  if (op == "in")
    return contains(left, right, error);
  if (op == "==" || op == "!=") {
    if (!comparable(left, right))
      return mismatch(left, right, error);
    return Value(equal(left, right) == (op == "=="));
  }
  bool less = false;
  if (left.isInt() && right.isInt())
    less = left.integer() < right.integer();
  else if (left.isNumber() && right.isNumber())
    less = left.number() < right.number();
  else if (left.isText() && right.isText())
    less = left.text() < right.text();
  else
    return mismatch(left, right, error);
  bool same = equal(left, right);
  if (op == "<" || op == "<=")
    return Value(less || (same && op == "<="));
  return Value((!less && !same) || (same && op == ">="));
}

// The value with `mantissa` explicit bits and exponents from `lowest` to
// `highest` that is nearest to x, ties to even.
static double roundTo(double x, int mantissa, int lowest, int highest) {
  if (x == 0 || !std::isfinite(x))
    return x;
  int exponent = std::max(std::ilogb(x), lowest);
  double unit = std::ldexp(1.0, exponent - mantissa);
  double rounded = std::nearbyint(x / unit) * unit;
  double limit = std::ldexp(2.0 - std::ldexp(1.0, -mantissa), highest);
  return std::fabs(rounded) > limit ? std::numeric_limits<double>::infinity()
                                    : rounded;
}

static Result cast(const List &args, std::string &error) {
  if (args.size() != 2 || !args[0].isNumber() || !args[1].isText())
    return fail(error, "cast() takes a number and a type");
  const std::string &type = args[1].text();
  double x = args[0].number();
  if (type == "f32" || type == "float32")
    return finite(double(float(x)), error);
  if (type == "f16" || type == "float16")
    return finite(roundTo(x, 10, -14, 15), error);
  if (type == "bf16" || type == "bfloat16")
    return finite(roundTo(x, 7, -126, 127), error);
  return fail(error, "cast() knows f32, f16 and bf16, not " + quote(type));
}

static Result extreme(const std::string &name, const List &args,
                      std::string &error) {
  bool fromList = args.size() == 1 && args[0].isList();
  const List &values = fromList ? args[0].list() : args;
  if (values.empty() || (args.size() == 1 && !fromList))
    return fail(error, name + "() needs two or more numbers or a list");
  Value best = values[0];
  for (const Value &value : values) {
    if (!value.isNumber())
      return fail(error, name + "() needs numbers, found " + describe(value));
    if (name == "max" ? value.number() > best.number()
                      : value.number() < best.number())
      best = value;
  }
  return best;
}

static Result linspace(const List &args, std::string &error) {
  if (args.size() != 3 || !args[0].isNumber() || !args[1].isNumber() ||
      !args[2].isInt())
    return fail(error, "linspace() takes two numbers and a count");
  int64_t n = args[2].integer();
  if (n < 1 || n > maxListElements)
    return fail(error,
                "linspace() cannot make " + std::to_string(n) + " numbers");
  double lo = args[0].number(), hi = args[1].number();
  double step = n > 1 ? (hi - lo) / double(n - 1) : 0;
  List values;
  for (int64_t i = 0; i < n; ++i)
    values.push_back(i == n - 1 && n > 1 ? hi : lo + double(i) * step);
  return Value(std::move(values));
}

static Result decimals(const List &args, std::string &error) {
  if (!args[0].isNumber() || !args[1].isInt() || args[1].integer() < 0 ||
      args[1].integer() > 15)
    return fail(error, "round() takes a number and 0 to 15 decimals");
  if (args[0].isInt())
    return args[0];
  // The decimal nearest to the exact value, as printing finds it.
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%.*f", int(args[1].integer()),
                args[0].number());
  return finite(std::strtod(buffer, nullptr), error);
}

static Result sum(const List &values, std::string &error) {
  Value total = int64_t(0);
  for (const Value &value : values) {
    if (!value.isNumber())
      return fail(error, "sum() needs numbers, found " + describe(value));
    Result next = arithmetic("+", total, value, error);
    if (!next)
      return next;
    total = std::move(*next);
  }
  return total;
}

static Result whole(double x, std::string &error) {
  if (!(std::fabs(x) < 9.2e18))
    return outOfRange(error);
  return Value(int64_t(x));
}

// The functions of one number.
static Result ofNumber(const std::string &name, const Value &arg,
                       std::string &error) {
  if (!arg.isNumber())
    return fail(error, name + "() needs a number, found " + describe(arg));
  double x = arg.number();
  if (name == "abs")
    return x < 0 ? negate(arg, error) : Result(arg);
  bool rounds =
      name == "int" || name == "floor" || name == "ceil" || name == "round";
  if (rounds && arg.isInt())
    return arg;
  if (rounds)
    return whole(name == "int"     ? std::trunc(x)
                 : name == "floor" ? std::floor(x)
                 : name == "ceil"  ? std::ceil(x)
                                   : std::nearbyint(x),
                 error);
  if (name == "float")
    return Value(x);
  if (name == "exp")
    return finite(std::exp(x), error);
  if (name == "sqrt" ? x < 0 : x <= 0)
    return fail(error, name + "() of " + print(arg));
  return Value(name == "sqrt"  ? std::sqrt(x)
               : name == "log" ? std::log(x)
                               : std::log2(x));
}

Result callFunction(const std::string &name, const List &args,
                    std::string &error) {
  if (name == "min" || name == "max")
    return extreme(name, args, error);
  if (name == "linspace")
    return linspace(args, error);
  if (name == "cast")
    return cast(args, error);
  if (name == "round" && args.size() == 2)
    return decimals(args, error);
  if (args.size() != 1)
    return fail(
        error, name + "() takes " +
                   (name == "round" ? "one or two arguments" : "one argument") +
                   ", found " + std::to_string(args.size()));
  if (name != "len" && name != "sum")
    return ofNumber(name, args[0], error);
  if (!args[0].isList())
    return fail(error, name + "() needs a list, found " + describe(args[0]));
  if (name == "sum")
    return sum(args[0].list(), error);
  return Value(int64_t(args[0].list().size()));
}

} // namespace sluice::spec
