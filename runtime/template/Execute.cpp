// Statements but for loops.
#include "runtime/template/Interpreter.h"

#include "runtime/template/Macro.h"
#include "runtime/template/Print.h"

namespace sluice::jinja {

std::string Interpreter::run() {
  Variables *variables = newVariables(*tree_.main, nullptr);
  Running running(*this, variables);
  enter(tree_.main->scope);
  exec(tree_.main->body);
  return output_.take();
}

Interpreter::Flow Interpreter::exec(const Block &block) {
  for (const Stmt *stmt : block)
    if (Flow flow = exec(*stmt); flow != Flow::Next)
      return flow;
  return Flow::Next;
}

Interpreter::Flow Interpreter::exec(const Stmt &stmt) {
  try {
    Heap::Nested nested(heap_);
    return execNode(stmt);
  } catch (Error &error) {
    if (error.at.line == 0)
      error.at = stmt.at;
    throw;
  }
}

Interpreter::Flow Interpreter::execNode(const Stmt &stmt) {
  switch (stmt.kind) {
  case Stmt::Kind::Text:
    write(stmt.value.str());
    break;
  case Stmt::Kind::Output:
    for (const Expr *expr : stmt.expressions)
      write(eval(expr));
    break;
  case Stmt::Kind::If:
    return execIf(stmt);
  case Stmt::Kind::For:
    return execFor(stmt);
  case Stmt::Kind::Set:
    checkFields(*stmt.target);
    assign(*stmt.target, eval(stmt.expression));
    break;
  case Stmt::Kind::SetBlock:
    return execSetBlock(stmt);
  case Stmt::Kind::Macro:
    assign(*stmt.target, macro(*stmt.function));
    break;
  case Stmt::Kind::Call: {
    Value caller = macro(*stmt.function);
    writeText(evalCall(*stmt.expression, &caller), "call");
    break;
  }
  case Stmt::Kind::Generation:
    write(runMacro(*stmt.function, variables_, {}));
    break;
  case Stmt::Kind::Filter:
    return execFilter(stmt);
  case Stmt::Kind::With:
    return execWith(stmt);
  case Stmt::Kind::Break:
    return Flow::Break;
  case Stmt::Kind::Continue:
    return Flow::Continue;
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::execIf(const Stmt &stmt) {
  for (const auto &[condition, block] : stmt.branches)
    if (!condition || truth(eval(condition)))
      return exec(block);
  return Flow::Next;
}

// `break` in the block drops what it has written, as in Jinja2.
Interpreter::Flow Interpreter::captureBody(const Stmt &stmt, Value &text) {
  Capture capture(*this);
  Flow flow = exec(stmt.body);
  if (flow == Flow::Next)
    text = capture.text.value();
  return flow;
}

Interpreter::Flow Interpreter::execFilter(const Stmt &stmt) {
  enter(stmt.scope);
  Value text;
  if (Flow flow = captureBody(stmt, text); flow != Flow::Next)
    return flow;
  writeText(evalFilter(*stmt.expression, &text), "filter");
  leave(stmt.scope);
  return Flow::Next;
}

Interpreter::Flow Interpreter::execSetBlock(const Stmt &stmt) {
  enter(stmt.scope);
  Value text;
  if (Flow flow = captureBody(stmt, text); flow != Flow::Next)
    return flow;
  if (stmt.expression)
    text = evalFilter(*stmt.expression, &text);
  checkFields(*stmt.target);
  assign(*stmt.target, text);
  leave(stmt.scope);
  return Flow::Next;
}

Interpreter::Flow Interpreter::execWith(const Stmt &stmt) {
  enter(stmt.scope);
  for (const auto &[target, value] : stmt.bindings)
    assign(*target, eval(value));
  Flow flow = exec(stmt.body);
  leave(stmt.scope);
  return flow;
}

void Interpreter::write(const Value &value) {
  if (value.is(Kind::String))
    return write(value.str());
  Writer text(heap_);
  print(text, value);
  write(text.str());
}

// What a block gives must be text already.
void Interpreter::writeText(const Value &value, const char *what) {
  if (!value.is(Kind::String))
    fail(std::string("the result of the '") + what +
         "' block is no string but '" + typeName(value) + "'");
  write(value);
}

void Interpreter::write(std::string_view text) {
  if (out_ == &output_ &&
      text.size() > heap_.limits().output -
                        std::min(output_.size(), heap_.limits().output))
    fail("the output has more than " + std::to_string(heap_.limits().output) +
             " bytes",
         Code::Resource);
  *out_ << text;
}

// Only namespaces have attributes that can be set.
void Interpreter::checkFields(const Expr &target) {
  if (target.kind == Expr::Kind::Field &&
      !slot(target.slot).is(Kind::Namespace))
    fail("only attributes of a namespace() can be set; '" + target.name +
         "' is none");
  for (const Expr *item : target.operands)
    checkFields(*item);
}

void Interpreter::assign(const Expr &target, const Value &value) {
  if (target.kind == Expr::Kind::Name) {
    slot(target.slot) = value;
    return;
  }
  if (target.kind == Expr::Kind::Field) {
    Value name = heap_.string(target.field);
    slot(target.slot).names().names->set(heap_, name, value);
    return;
  }
  size_t wanted = target.operands.size(), found = 0;
  std::vector<Value> parts;
  Value item;
  for (Iteration it(heap_, value); it.next(item); ++found)
    if (found == wanted)
      fail("expected " + std::to_string(wanted) +
           " values to unpack, found more");
    else
      parts.push_back(item);
  if (found < wanted)
    fail("expected " + std::to_string(wanted) + " values to unpack, found " +
         std::to_string(found));
  for (size_t i = 0; i < wanted; ++i)
    assign(*target.operands[i], parts[i]);
}

void Interpreter::enter(const Scope &scope) {
  heap_.step(scope.size());
  for (const Load &load : scope) {
    if (load.kind == Load::Parameter)
      continue;
    Value value = load.kind == Load::Global  ? global(load.name)
                  : load.kind == Load::Alias ? slot(load.source)
                                             : Value::missing();
    variables_->slots[load.index] = value;
  }
}

void Interpreter::leave(const Scope &scope) {
  for (const Load &load : scope)
    variables_->slots[load.index] = Value::missing();
}

Value Interpreter::global(const std::string &name) {
  auto [it, added] = globals_.try_emplace(name, Value::missing());
  if (!added)
    return it->second;
  if (auto given = given_.find(name); given != given_.end())
    it->second = fromJson(heap_, *given);
  else if (const Builtin *function = find(globals(), name)) {
    Bound *bound = heap_.make<Bound>();
    bound->builtin = function;
    it->second = Value::of(Kind::Callable, bound);
  }
  return it->second;
}

Variables *Interpreter::newVariables(const Function &function,
                                     Variables *outer) {
  Variables *variables = heap_.make<Variables>();
  heap_.charge(function.variables * sizeof(Value));
  variables->outer = outer;
  variables->slots.assign(function.variables, Value::missing());
  return variables;
}

std::tm Interpreter::now() const {
  if (clock_)
    return clock_();
  std::time_t time = std::time(nullptr);
  std::tm result{};
  localtime_r(&time, &result);
  return result;
}

} // namespace sluice::jinja
