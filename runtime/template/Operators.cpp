#include "runtime/template/Operators.h"

#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Print.h"
#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>
#include <cmath>

namespace sluice::jinja {

namespace {
const char *symbol(Operation operation) {
  static const char *const symbols[] = {"+",  "-",  "*", "/",  "//", "%", "**",
                                        "==", "!=", "<", "<=", ">",  ">="};
  return symbols[size_t(operation)];
}

[[noreturn]] void unsupported(Operation operation, const Value &a,
                              const Value &b) {
  if (a.is(Kind::Undefined) || b.is(Kind::Undefined))
    failUndefined(a.is(Kind::Undefined) ? a : b);
  fail(std::string("'") + symbol(operation) + "' does not take '" +
       typeName(a) + "' and '" + typeName(b) + "'");
}

[[noreturn]] void overflow() {
  fail("the integer does not fit into 64 bits", Code::Unsupported);
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
      overflow();
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
      overflow();
  }
  return result;
}

// Division that rounds down.
Value divide(int64_t a, int64_t b, bool remainder) {
  if (b == 0)
    fail("division by zero");
  if (b == -1) { // the one quotient that may not fit
    int64_t result;
    if (remainder)
      return Value::of(int64_t(0));
    if (__builtin_sub_overflow(int64_t(0), a, &result))
      overflow();
    return Value::of(result);
  }
  int64_t quotient = a / b, rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    --quotient;
    rest += b;
  }
  return Value::of(remainder ? rest : quotient);
}

Value integers(Operation operation, int64_t a, int64_t b) {
  int64_t result;
  bool over = false;
  switch (operation) {
  case Operation::Add:
    over = __builtin_add_overflow(a, b, &result);
    break;
  case Operation::Subtract:
    over = __builtin_sub_overflow(a, b, &result);
    break;
  case Operation::Multiply:
    over = __builtin_mul_overflow(a, b, &result);
    break;
  case Operation::Divide:
    if (b == 0)
      fail("division by zero");
    return Value::of(double((long double)a / (long double)b));
  case Operation::FloorDivide:
    return divide(a, b, false);
  case Operation::Modulo:
    return divide(a, b, true);
  default:
    if (b >= 0)
      return Value::of(power(a, b));
    if (a == 0)
      fail("0 can't be raised to a negative power");
    return Value::of(std::pow(double(a), double(b)));
  }
  if (over)
    overflow();
  return Value::of(result);
}

// Python's remainder has the sign of the divisor.
double modulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest == 0)
    return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double floorDivide(double a, double b) {
  double rest = std::fmod(a, b), quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0))
    quotient -= 1;
  if (quotient == 0)
    return std::copysign(0.0, a / b);
  double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

double reals(Operation operation, double a, double b) {
  bool divides = operation == Operation::Divide ||
                 operation == Operation::FloorDivide ||
                 operation == Operation::Modulo;
  if (divides && b == 0)
    fail("division by zero");
  switch (operation) {
  case Operation::Add:
    return a + b;
  case Operation::Subtract:
    return a - b;
  case Operation::Multiply:
    return a * b;
  case Operation::Divide:
    return a / b;
  case Operation::FloorDivide:
    return floorDivide(a, b);
  case Operation::Modulo:
    return modulo(a, b);
  default:
    break;
  }
  if (a == 0 && b < 0)
    fail("0 can't be raised to a negative power");
  double result = std::pow(a, b);
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b))
    fail("the power is a complex number", Code::Unsupported);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    fail("the power is too large for a float");
  return result;
}

Value concatenate(Heap &heap, const Value &a, const Value &b) {
  if (a.is(Kind::String)) {
    bool safe = a.safe || b.safe;
    Writer out(heap);
    out << (safe && !a.safe ? escapeHtml(a.str()) : a.str())
        << (safe && !b.safe ? escapeHtml(b.str()) : b.str());
    return out.value(safe);
  }
  std::vector<Value> result;
  for (const Value *part : {&a, &b})
    for (const Value &item : part->list().items)
      heap.push(result, item);
  return heap.list(std::move(result), a.kind);
}

Value repeat(Heap &heap, const Value &value, int64_t times) {
  if (value.is(Kind::String)) {
    Writer out(heap);
    out.repeat(value.str(), size_t(std::max<int64_t>(times, 0)));
    return out.value(value.safe);
  }
  std::vector<Value> result;
  const std::vector<Value> &items = value.list().items;
  for (int64_t i = 0; i < times && !items.empty(); ++i)
    for (const Value &item : items)
      heap.push(result, item);
  return heap.list(std::move(result), value.kind);
}

bool repeatable(const Value &value) {
  return value.is(Kind::String) || value.isSequence();
}
} // namespace

Value arithmetic(Interpreter &in, Operation operation, const Value &a,
                 const Value &b) {
  Heap &heap = in.heap();
  if (a.isInteger() && b.isInteger())
    return integers(operation, a.whole(), b.whole());
  if (a.isNumber() && b.isNumber())
    return Value::of(reals(operation, a.number(), b.number()));
  if (operation == Operation::Modulo && a.is(Kind::String))
    return formatPercent(heap, a, b);
  if (operation == Operation::Add && a.kind == b.kind && repeatable(a))
    return concatenate(heap, a, b);
  if (operation == Operation::Multiply && repeatable(a) && b.isInteger())
    return repeat(heap, a, b.whole());
  if (operation == Operation::Multiply && repeatable(b) && a.isInteger())
    return repeat(heap, b, a.whole());
  unsupported(operation, a, b);
}

bool compare(Interpreter &in, Operation operation, const Value &a,
             const Value &b) {
  Heap &heap = in.heap();
  switch (operation) {
  case Operation::Equal:
    return equal(heap, a, b);
  case Operation::NotEqual:
    return !equal(heap, a, b);
  case Operation::In:
    return contains(in, b, a);
  case Operation::NotIn:
    return !contains(in, b, a);
  default:
    break;
  }
  bool greater =
      operation == Operation::Greater || operation == Operation::GreaterEqual;
  bool orEqual =
      operation == Operation::LessEqual || operation == Operation::GreaterEqual;
  const Value &small = greater ? b : a, &large = greater ? a : b;
  if (less(heap, small, large))
    return true;
  return orEqual && equal(heap, small, large);
}

Value negate(const Value &value) {
  if (value.is(Kind::Float))
    return Value::of(-value.real);
  if (value.is(Kind::Undefined))
    failUndefined(value);
  if (!value.isInteger())
    fail(std::string("'-' does not take '") + typeName(value) + "'");
  return integers(Operation::Subtract, 0, value.whole());
}

Value plus(const Value &value) {
  if (value.is(Kind::Undefined))
    failUndefined(value);
  if (!value.isNumber())
    fail(std::string("'+' does not take '") + typeName(value) + "'");
  return value.is(Kind::Bool) ? Value::of(value.whole()) : value;
}

bool contains(Interpreter &in, const Value &container, const Value &item) {
  Heap &heap = in.heap();
  if (container.is(Kind::String)) {
    if (!item.is(Kind::String))
      fail(std::string("'in <string>' requires a string on its left, not '") +
           typeName(item) + "'");
    heap.stepBytes(container.str().size() + item.str().size());
    return container.str().find(item.str()) != std::string::npos;
  }
  if (container.is(Kind::Dict))
    return container.dict().find(heap, item);
  if (container.is(Kind::View) && container.view().part == View::Keys)
    return container.view().dict->find(heap, item);
  if (!isIterable(container))
    fail(std::string("'") + typeName(container) +
         "' can't stand on the right of 'in'");
  Value other;
  for (Iteration it(heap, container); it.next(other);)
    if (same(item, other) || equal(heap, item, other))
      return true;
  return false;
}

int64_t position(int64_t index, int64_t size) {
  if (index < 0)
    index += size;
  return index < 0 || index >= size ? -1 : index;
}

namespace {
// One end of a slice, moved into what the step can reach.
int64_t clampIndex(const Value &index, int64_t size, int64_t step,
                   int64_t otherwise) {
  if (index.is(Kind::None))
    return otherwise;
  if (!index.isInteger())
    fail("the parts of a slice must be integers or None, not '" +
         std::string(typeName(index)) + "'");
  int64_t i = index.whole();
  if (i < 0)
    i = i < -size ? -1 : i + size;
  int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
  if (index.whole() < 0 && i < 0)
    return low;
  return std::min(i, high);
}

Value sliceString(Heap &heap, const Value &value, int64_t begin, int64_t step,
                  int64_t count) {
  const Text &text = *value.text;
  heap.stepBytes(text.bytes.size());
  if (step == 1)
    return heap.string(
        std::string(between(text, size_t(begin), size_t(begin + count))),
        value.safe);
  heap.room(text.bytes.size() * 4);
  std::vector<int32_t> letters = unicode::decode(text.bytes);
  heap.step(letters.size());
  std::string out;
  for (int64_t i = 0; i < count; ++i)
    appendCodePoint(out, letters[size_t(begin + i * step)]);
  return heap.string(std::move(out), value.safe);
}
} // namespace

Value slice(Heap &heap, const Value &value, const Value &start,
            const Value &stop, const Value &step) {
  if (value.is(Kind::Undefined))
    failUndefined(value);
  bool range = value.is(Kind::Range);
  if (!value.is(Kind::String) && !value.isSequence() && !range)
    fail(std::string("a value of type '") + typeName(value) +
         "' has no slices");
  if (!step.is(Kind::None) && !step.isInteger())
    fail("the parts of a slice must be integers or None, not '" +
         std::string(typeName(step)) + "'");
  int64_t stride = step.is(Kind::None) ? 1 : step.whole();
  if (stride == 0)
    fail("the step of a slice can't be zero");
  int64_t size = length(value);
  stride = std::clamp<int64_t>(stride, -size - 1, size + 1);
  bool back = stride < 0;
  int64_t begin = clampIndex(start, size, stride, back ? size - 1 : 0);
  int64_t end = clampIndex(stop, size, stride, back ? -1 : size);
  Range indices;
  indices.start = begin;
  indices.stop = end;
  indices.step = stride;
  int64_t count = indices.size();
  if (value.is(Kind::String))
    return sliceString(heap, value, begin, stride, count);
  if (range) {
    Range *result = heap.make<Range>();
    const Range &whole = value.range();
    result->start = whole.start + begin * whole.step;
    result->stop = whole.start + end * whole.step;
    result->step = whole.step * stride;
    return Value::of(Kind::Range, result);
  }
  std::vector<Value> result;
  for (int64_t i = 0; i < count; ++i)
    heap.push(result, value.list().items[size_t(indices.at(i))]);
  return heap.list(std::move(result), value.kind);
}

} // namespace sluice::jinja
