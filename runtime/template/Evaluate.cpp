// Expressions.
#include "runtime/template/Interpreter.h"

#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/Strings.h"

namespace sluice::jinja {

Value Interpreter::eval(const Expr *expr) {
  try {
    Heap::Nested nested(heap_);
    return evalNode(*expr);
  } catch (Error &error) {
    if (error.at.line == 0)
      error.at = expr->at;
    throw;
  }
}

Value Interpreter::evalNode(const Expr &expr) {
  const auto &operands = expr.operands;
  switch (expr.kind) {
  case Expr::Kind::Constant:
    return expr.value;
  case Expr::Kind::Name:
  case Expr::Kind::Field:
    return evalName(expr);
  case Expr::Kind::Tuple:
    return heap_.tuple(evalAll(operands));
  case Expr::Kind::List:
    return heap_.list(evalAll(operands));
  case Expr::Kind::Dict:
    return evalDict(expr);
  case Expr::Kind::Negate:
    return negate(eval(operands[0]));
  case Expr::Kind::Plus:
    return plus(eval(operands[0]));
  case Expr::Kind::Not:
    return Value::of(!truth(eval(operands[0])));
  case Expr::Kind::And:
  case Expr::Kind::Or: {
    Value left = eval(operands[0]);
    bool decided = truth(left) == (expr.kind == Expr::Kind::Or);
    return decided ? left : eval(operands[1]);
  }
  case Expr::Kind::Binary: {
    Value left = eval(operands[0]);
    return arithmetic(*this, expr.operations[0], left, eval(operands[1]));
  }
  case Expr::Kind::Compare:
    return evalCompare(expr);
  case Expr::Kind::Concat:
    return evalConcat(expr);
  case Expr::Kind::Conditional:
    return evalConditional(expr);
  case Expr::Kind::Attribute:
    return attribute(eval(operands[0]), expr.name);
  case Expr::Kind::Item: {
    Value object = eval(operands[0]);
    return item(object, eval(operands[1]));
  }
  case Expr::Kind::Slice:
    return evalSlice(expr);
  case Expr::Kind::Call:
    return evalCall(expr);
  case Expr::Kind::Filter:
    return evalFilter(expr);
  case Expr::Kind::Test:
    return evalTest(expr);
  }
  return Value();
}

Value &Interpreter::slot(Slot slot) {
  Variables *variables = variables_;
  for (uint32_t i = 0; i < slot.hops; ++i)
    variables = variables->outer;
  return variables->slots[slot.index];
}

Value Interpreter::evalName(const Expr &expr) {
  const Value &value = slot(expr.slot);
  if (value.is(Kind::Missing))
    return heap_.undefined("'" + expr.name + "' is undefined");
  return value;
}

std::vector<Value> Interpreter::evalAll(const std::vector<Expr *> &exprs) {
  std::vector<Value> values;
  values.reserve(exprs.size());
  for (const Expr *expr : exprs)
    heap_.push(values, eval(expr));
  return values;
}

Value Interpreter::evalDict(const Expr &expr) {
  Dict *dict = heap_.make<Dict>();
  for (size_t i = 0; i < expr.operands.size(); i += 2) {
    Value key = eval(expr.operands[i]);
    dict->set(heap_, key, eval(expr.operands[i + 1]));
  }
  return Value::of(Kind::Dict, dict);
}

Value Interpreter::evalCompare(const Expr &expr) {
  Value left = eval(expr.operands[0]);
  for (size_t i = 0; i < expr.operations.size(); ++i) {
    Value right = eval(expr.operands[i + 1]);
    if (!compare(*this, expr.operations[i], left, right))
      return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

Value Interpreter::evalConcat(const Expr &expr) {
  std::vector<Value> parts;
  for (const Expr *operand : expr.operands)
    parts.push_back(eval(operand));
  Writer out(heap_);
  for (const Value &part : parts)
    print(out, part);
  return out.value();
}

Value Interpreter::evalConditional(const Expr &expr) {
  if (truth(eval(expr.operands[0])))
    return eval(expr.operands[1]);
  if (expr.operands[2])
    return eval(expr.operands[2]);
  return heap_.undefined(
      "the condition of an 'if' without 'else' is false here");
}

Value Interpreter::evalSlice(const Expr &expr) {
  Value object = eval(expr.operands[0]), parts[3];
  for (size_t i = 0; i < 3; ++i) {
    const Expr *part = expr.operands[i + 1];
    parts[i] = part ? eval(part) : Value::none();
  }
  return slice(heap_, object, parts[0], parts[1], parts[2]);
}

void Interpreter::spread(CallArguments &result, const Arguments &arguments) {
  if (arguments.rest) {
    Value item;
    for (Iteration it(heap_, eval(arguments.rest)); it.next(item);)
      heap_.push(result.positional, item);
  }
  if (!arguments.namedRest)
    return;
  Value rest = eval(arguments.namedRest);
  if (!rest.is(Kind::Dict))
    fail(std::string("expected a dict behind '**', found '") + typeName(rest) +
         "'");
  for (const auto &[key, value] : rest.dict().entries) {
    if (!key.is(Kind::String))
      fail("the keys behind '**' must be strings");
    for (const auto &[name, other] : result.named)
      if (name == key.str())
        fail("the argument '" + name + "' is given twice");
    heap_.step();
    heap_.charge(sizeof(Value) + key.str().size());
    result.named.emplace_back(key.str(), value);
  }
}

CallArguments Interpreter::evalArguments(const Arguments &arguments,
                                         const Value *first) {
  CallArguments result;
  result.positional.reserve(arguments.positional.size() + 1);
  if (first)
    result.positional.push_back(*first);
  for (const Expr *argument : arguments.positional)
    result.positional.push_back(eval(argument));
  for (const auto &[name, argument] : arguments.named)
    result.named.emplace_back(name, eval(argument));
  spread(result, arguments);
  return result;
}

Value Interpreter::evalCall(const Expr &expr, const Value *caller) {
  const Expr *callee = expr.operands[0];
  Value object;
  const Builtin *builtin = nullptr;
  // A method is called without making an object of it.
  if (callee->kind == Expr::Kind::Attribute) {
    object = eval(callee->operands[0]);
    builtin = findMethod(object, callee->name);
    if (!builtin)
      object = attribute(object, callee->name);
  } else {
    object = eval(callee);
  }
  CallArguments arguments =
      evalArguments(expr.arguments, builtin ? &object : nullptr);
  if (caller) {
    for (const auto &[name, value] : arguments.named)
      if (name == "caller")
        fail("the argument 'caller' is given twice");
    arguments.named.emplace_back("caller", *caller);
  }
  return builtin ? jinja::run(*this, *builtin, std::move(arguments))
                 : call(object, std::move(arguments));
}

Value Interpreter::call(const Value &callee, CallArguments arguments) {
  if (callee.is(Kind::Undefined))
    failUndefined(callee);
  if (!isCallable(callee))
    fail(std::string("a value of type '") + typeName(callee) +
         "' can't be called");
  Heap::Nested nested(heap_);
  return callee.callable().call(*this, std::move(arguments));
}

// `input`: the text of a block, which the innermost filter takes.
Value Interpreter::evalFilter(const Expr &expr, const Value *input) {
  const Expr *inner = expr.operands[0];
  Value value = !inner  ? *input
                : input ? evalFilter(*inner, input)
                        : eval(inner);
  CallArguments arguments = evalArguments(expr.arguments, &value);
  if (!expr.builtin)
    fail(unknownFilter(expr.name));
  return jinja::run(*this, *expr.builtin, std::move(arguments));
}

Value Interpreter::evalTest(const Expr &expr) {
  Value value = eval(expr.operands[0]);
  CallArguments arguments = evalArguments(expr.arguments, &value);
  if (!expr.builtin)
    fail(unknownTest(expr.name));
  return jinja::run(*this, *expr.builtin, std::move(arguments));
}

static const std::string &builtinName(const Value &name, const char *what) {
  if (!name.is(Kind::String))
    fail(std::string("expected the name of a ") + what + ", found '" +
         typeName(name) + "'");
  return name.str();
}

Value Interpreter::applyFilter(const Value &name, CallArguments arguments) {
  const std::string &text = builtinName(name, "filter");
  const Builtin *builtin = findFilter(text);
  if (!builtin)
    fail(unknownFilter(text));
  Heap::Nested nested(heap_);
  return jinja::run(*this, *builtin, std::move(arguments));
}

bool Interpreter::applyTest(const Value &name, CallArguments arguments) {
  const std::string &text = builtinName(name, "test");
  const Builtin *builtin = findTest(text);
  if (!builtin)
    fail(unknownTest(text));
  Heap::Nested nested(heap_);
  return truth(jinja::run(*this, *builtin, std::move(arguments)));
}

} // namespace sluice::jinja
