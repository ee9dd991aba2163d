// Filters that make numbers.
#include "runtime/template/Interpreter.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/StringTools.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace sluice::jinja {

namespace {
[[noreturn]] void tooLarge() {
  fail("the integer does not fit into 64 bits", Code::Unsupported);
}

// The part of a number before the point; fails if that has too many bits.
Value truncated(double value) {
  if (!(value > -9223372036854775809.0 && value < 9223372036854775808.0))
    tooLarge();
  return Value::of(int64_t(value));
}

Value absFilter(Call &c) {
  const Value &value = c[0];
  if (value.is(Kind::Float))
    return Value::of(std::fabs(value.real));
  if (!value.isInteger())
    c.integer(0);
  return value.whole() < 0 ? negate(value) : plus(value);
}

Value intOfText(Call &c, const std::string &text) {
  int64_t whole;
  double real;
  int64_t base = c.integer(2, 10);
  if ((base != 0 && base < 2) || base > 36)
    return c.get(1, Value::of(int64_t(0)));
  if (parseInteger(text, base, whole))
    return Value::of(whole);
  if (!parseFloat(text, real) || !std::isfinite(real))
    return c.get(1, Value::of(int64_t(0)));
  return truncated(real);
}

Value intFilter(Call &c) {
  const Value &value = c[0];
  if (value.is(Kind::String))
    return intOfText(c, value.str());
  if (value.is(Kind::Undefined))
    failUndefined(value);
  if (value.isInteger())
    return plus(value);
  if (value.is(Kind::Float) && !std::isnan(value.real))
    return truncated(value.real);
  return c.get(1, Value::of(int64_t(0)));
}

Value floatFilter(Call &c) {
  const Value &value = c[0];
  double real;
  if (value.is(Kind::Undefined))
    failUndefined(value);
  if (value.isNumber())
    return Value::of(value.number());
  if (value.is(Kind::String) && parseFloat(value.str(), real))
    return Value::of(real);
  return c.get(1, Value::of(0.0));
}

// To that many decimals, halves to even digits, as the exact number has them.
double roundReal(double value, int64_t decimals) {
  if (!std::isfinite(value) || decimals > 330)
    return value;
  if (decimals < -310)
    return std::copysign(0.0, value);
  if (decimals < 0) {
    double unit = std::pow(10.0, double(-decimals));
    return std::nearbyint(value / unit) * unit;
  }
  std::string text(size_t(decimals) + 340, '\0');
  std::snprintf(text.data(), text.size(), "%.*f", int(decimals), value);
  return std::strtod(text.c_str(), nullptr);
}

int64_t roundInteger(int64_t value, int64_t decimals) {
  if (decimals >= 0)
    return value;
  if (decimals < -18)
    return 0;
  int64_t unit = 1;
  for (; decimals < 0; ++decimals)
    unit *= 10;
  int64_t rest = value % unit, down = value - rest;
  int64_t twice = std::abs(rest) - (unit - std::abs(rest));
  bool up = twice > 0 || (twice == 0 && (down / unit) % 2 != 0);
  if (up && __builtin_add_overflow(down, value < 0 ? -unit : unit, &down))
    tooLarge();
  return down;
}

Value roundFilter(Call &c) {
  Heap &heap = c.heap();
  const Value &value = c[0];
  Value method = c.get(2, heap.string("common"));
  bool ceil = method.is(Kind::String) && method.str() == "ceil";
  bool floor = method.is(Kind::String) && method.str() == "floor";
  if (!ceil && !floor && !(method.is(Kind::String) && method.str() == "common"))
    fail("expected the method common, ceil or floor, found " +
         repr(heap, method));
  if (value.is(Kind::Undefined))
    failUndefined(value);
  if (!value.isNumber())
    fail(std::string("a value of type '") + typeName(value) +
         "' can't be rounded");
  if (!ceil && !floor && c.has(1) && c[1].is(Kind::None)) {
    if (value.isInteger())
      return plus(value);
    return truncated(std::nearbyint(value.real));
  }
  int64_t decimals = c.integer(1, 0);
  if (!ceil && !floor)
    return value.isInteger() ? Value::of(roundInteger(value.whole(), decimals))
                             : Value::of(roundReal(value.real, decimals));
  Value scale = arithmetic(c.in, Operation::Power, Value::of(int64_t(10)),
                           Value::of(decimals));
  Value scaled = arithmetic(c.in, Operation::Multiply, value, scale);
  if (scaled.is(Kind::Float)) {
    if (!std::isfinite(scaled.real))
      fail("an infinite number can't be rounded");
    scaled = truncated(ceil ? std::ceil(scaled.real) : std::floor(scaled.real));
  }
  return arithmetic(c.in, Operation::Divide, scaled, scale);
}

Value filesizeformatFilter(Call &c) {
  static const char *const decimal[] = {"kB", "MB", "GB", "TB",
                                        "PB", "EB", "ZB", "YB"};
  static const char *const binary[] = {"KiB", "MiB", "GiB", "TiB",
                                       "PiB", "EiB", "ZiB", "YiB"};
  double bytes;
  if (c[0].isNumber())
    bytes = c[0].number();
  else if (!c[0].is(Kind::String) || !parseFloat(c[0].str(), bytes))
    fail("expected a number of bytes, found " + repr(c.heap(), c[0]));
  double base = c.flag(1) ? 1024 : 1000;
  if (bytes == 1)
    return c.heap().string("1 Byte");
  if (bytes < base)
    return c.heap().string(std::to_string(truncated(bytes).integer) + " Bytes");
  double unit = base;
  size_t i = 0;
  do
    unit *= base;
  while (bytes >= unit && ++i < 7);
  char text[400];
  std::snprintf(text, sizeof text, "%.1f ", base * bytes / unit);
  return c.heap().string(std::string(text) + (c.flag(1) ? binary : decimal)[i]);
}

Value lengthFilter(Call &c) {
  int64_t size = length(c[0]);
  if (c[0].is(Kind::Loop))
    return c.in.attribute(c[0], "length");
  if (size < 0)
    fail(std::string("a value of type '") + typeName(c[0]) + "' has no length");
  return Value::of(size);
}
} // namespace

const BuiltinTable &numberFilters() {
  static const BuiltinTable table = {
      {"abs", 1, {""}, absFilter},
      {"int", 1, {"value", "default", "base"}, intFilter},
      {"float", 1, {"value", "default"}, floatFilter},
      {"round", 1, {"value", "precision", "method"}, roundFilter},
      {"filesizeformat", 1, {"value", "binary"}, filesizeformatFilter},
      {"length", 1, {""}, lengthFilter},
      {"count", 1, {""}, lengthFilter},
  };
  return table;
}

} // namespace sluice::jinja
