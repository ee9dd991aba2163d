// What `is` can ask.
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Operators.h"
#include "runtime/template/StringTools.h"
#include "runtime/unicode/Unicode.h"

namespace sluice::jinja {

namespace {
template <Kind kind> Value isKind(Call &c) { return Value::of(c[0].is(kind)); }

Value isDefined(Call &c) { return Value::of(!c[0].is(Kind::Undefined)); }
Value isNumber(Call &c) { return Value::of(c[0].isNumber()); }
Value isTrue(Call &c) { return Value::of(c[0].is(Kind::Bool) && c[0].boolean); }
Value isFalse(Call &c) {
  return Value::of(c[0].is(Kind::Bool) && !c[0].boolean);
}
Value isIterableValue(Call &c) { return Value::of(isIterable(c[0])); }
Value isCallableValue(Call &c) { return Value::of(isCallable(c[0])); }
Value isEscaped(Call &c) {
  return Value::of(c[0].is(Kind::String) && c[0].safe);
}
Value isSame(Call &c) { return Value::of(same(c[0], c[1])); }

// Has a length and items.
Value isSequence(Call &c) {
  return Value::of(length(c[0]) >= 0 && !c[0].is(Kind::View));
}

bool remainderIs(Call &c, int64_t divisor, int64_t wanted) {
  Value rest = arithmetic(c.in, Operation::Modulo, c[0], Value::of(divisor));
  return equal(c.heap(), rest, Value::of(wanted));
}
Value isOdd(Call &c) { return Value::of(remainderIs(c, 2, 1)); }
Value isEven(Call &c) { return Value::of(remainderIs(c, 2, 0)); }
Value isDivisible(Call &c) {
  Value rest = arithmetic(c.in, Operation::Modulo, c[0], c[1]);
  return Value::of(equal(c.heap(), rest, Value::of(int64_t(0))));
}

// Has letters, and all of them are of that case.
template <bool (*wanted)(int32_t), bool (*other)(int32_t)>
Value hasCase(Call &c) {
  Value text = c.string(0);
  c.heap().stepBytes(text.str().size() * 8);
  bool found = false;
  for (size_t at = 0; at < text.str().size();) {
    int32_t letter = unicode::next(text.str(), at);
    if (other(letter) || (isCased(letter) && !wanted(letter)))
      return Value::of(false);
    found |= wanted(letter);
  }
  return Value::of(found);
}

Value isFilter(Call &c) {
  (void)hash(c.heap(), c[0]);
  return Value::of(c[0].is(Kind::String) && findFilter(c[0].str()));
}
Value isTest(Call &c) {
  (void)hash(c.heap(), c[0]);
  return Value::of(c[0].is(Kind::String) && findTest(c[0].str()));
}

template <Operation operation> Value compared(Call &c) {
  return Value::of(compare(c.in, operation, c[0], c[1]));
}
} // namespace

const BuiltinTable &tests() {
  static const BuiltinTable table = {
      {"defined", 1, {"value"}, isDefined},
      {"undefined", 1, {"value"}, isKind<Kind::Undefined>},
      {"none", 1, {"value"}, isKind<Kind::None>},
      {"boolean", 1, {"value"}, isKind<Kind::Bool>},
      {"true", 1, {"value"}, isTrue},
      {"false", 1, {"value"}, isFalse},
      {"integer", 1, {"value"}, isKind<Kind::Int>},
      {"float", 1, {"value"}, isKind<Kind::Float>},
      {"number", 1, {"value"}, isNumber},
      {"string", 1, {"value"}, isKind<Kind::String>},
      {"mapping", 1, {"value"}, isKind<Kind::Dict>},
      {"sequence", 1, {"value"}, isSequence},
      {"iterable", 1, {"value"}, isIterableValue},
      {"callable", 1, {""}, isCallableValue},
      {"escaped", 1, {"value"}, isEscaped},
      {"sameas", 2, {"value", "other"}, isSame},
      {"odd", 1, {"value"}, isOdd},
      {"even", 1, {"value"}, isEven},
      {"divisibleby", 2, {"value", "num"}, isDivisible},
      {"lower", 1, {"value"}, hasCase<isLower, isUpper>},
      {"upper", 1, {"value"}, hasCase<isUpper, isLower>},
      {"filter", 1, {"value"}, isFilter},
      {"test", 1, {"value"}, isTest},
      {"in", 2, {"value", "seq"}, compared<Operation::In>},
      {"==", 2, {"", ""}, compared<Operation::Equal>},
      {"eq", 2, {"", ""}, compared<Operation::Equal>},
      {"equalto", 2, {"", ""}, compared<Operation::Equal>},
      {"!=", 2, {"", ""}, compared<Operation::NotEqual>},
      {"ne", 2, {"", ""}, compared<Operation::NotEqual>},
      {">", 2, {"", ""}, compared<Operation::Greater>},
      {"gt", 2, {"", ""}, compared<Operation::Greater>},
      {"greaterthan", 2, {"", ""}, compared<Operation::Greater>},
      {">=", 2, {"", ""}, compared<Operation::GreaterEqual>},
      {"ge", 2, {"", ""}, compared<Operation::GreaterEqual>},
      {"<", 2, {"", ""}, compared<Operation::Less>},
      {"lt", 2, {"", ""}, compared<Operation::Less>},
      {"lessthan", 2, {"", ""}, compared<Operation::Less>},
      {"<=", 2, {"", ""}, compared<Operation::LessEqual>},
      {"le", 2, {"", ""}, compared<Operation::LessEqual>},
  };
  return table;
}

} // namespace sluice::jinja
