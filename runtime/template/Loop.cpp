// `for`, and the variable `loop`.
#include "runtime/template/Interpreter.h"

namespace sluice::jinja {

// The items for which the condition of a loop holds, found one by one.
struct LoopFilter : Iterator {
  LoopFilter(Interpreter &interpreter, const Stmt &statement, Variables *place,
             const Value &items)
      : in(interpreter), stmt(statement), variables(place),
        source(in.heap(), items) {}

  bool next(Value &out) override {
    while (source.next(out)) {
      Interpreter::Running running(in, variables);
      in.assign(*stmt.filterTarget, out);
      in.enter(stmt.filter->scope);
      if (!truth(in.eval(stmt.condition)))
        continue;
      if (stmt.filterTarget->kind == Expr::Kind::Tuple)
        out = in.evalNode(*stmt.filterTarget);
      return true;
    }
    return false;
  }

  Interpreter &in;
  const Stmt &stmt;
  Variables *variables;
  Iteration source;
};

Value Interpreter::filtered(const Stmt &stmt, Variables *around,
                            const Value &iterable) {
  Variables *variables = newVariables(*stmt.filter, around);
  return Value::of(Kind::Iterator,
                   heap_.make<LoopFilter>(*this, stmt, variables, iterable));
}

Interpreter::Flow Interpreter::execFor(const Stmt &stmt) {
  Value iterable = eval(stmt.expression);
  if (!stmt.recursive)
    return runLoop(stmt, std::move(iterable), 0, variables_);
  write(recurse(stmt, variables_, iterable, 0));
  return Flow::Next;
}

Value Interpreter::recurse(const Stmt &stmt, Variables *around,
                           const Value &iterable, size_t depth) {
  Heap::Nested nested(heap_);
  Running running(*this, newVariables(*stmt.function, around));
  Capture capture(*this);
  runLoop(stmt, iterable, depth, around);
  return capture.text.value();
}

Interpreter::Flow Interpreter::runLoop(const Stmt &stmt, Value iterable,
                                       size_t depth, Variables *around) {
  if (stmt.filter)
    iterable = filtered(stmt, around, iterable);
  LoopState *loop = nullptr;
  if (stmt.loop >= 0)
    loop = heap_.make<LoopState>(*this, stmt, around, iterable, depth);
  Iteration plain(heap_, iterable);
  // Jinja2 takes note of an iteration at its end, so that one which is left by
  // `break` or `continue` does not keep the `else` part from running.
  bool completed = false;
  Value item;
  while (loop ? loop->next(item) : plain.next(item)) {
    enter(stmt.scope);
    if (loop)
      variables_->slots[size_t(stmt.loop)] = Value::of(Kind::Loop, loop);
    assign(*stmt.target, item);
    Flow flow = exec(stmt.body);
    if (flow == Flow::Break)
      break;
    completed |= flow == Flow::Next;
  }
  leave(stmt.scope);
  return completed ? Flow::Next : runElse(stmt);
}

Interpreter::Flow Interpreter::runElse(const Stmt &stmt) {
  if (stmt.otherwise.empty())
    return Flow::Next;
  enter(stmt.otherwiseScope);
  Flow flow = exec(stmt.otherwise);
  leave(stmt.otherwiseScope);
  return flow;
}

bool LoopState::next(Value &out) {
  Value item = after;
  after = Value::missing();
  if (item.is(Kind::Missing)) {
    if (drained) {
      if (drainedAt == drained->size())
        return false;
      item = (*drained)[drainedAt++];
    } else if (!source.next(item)) {
      return false;
    }
  }
  ++index0;
  before = current;
  current = item;
  out = item;
  return true;
}

Value LoopState::peek() {
  if (!after.is(Kind::Missing))
    return after;
  if (drained) {
    if (drainedAt < drained->size())
      after = (*drained)[drainedAt++];
  } else if (Value item; source.next(item)) {
    after = item;
  }
  return after;
}

// What has no length is read to its end.
int64_t LoopState::length() {
  if (known >= 0)
    return known;
  known = jinja::length(iterable);
  if (known >= 0)
    return known;
  std::vector<Value> rest;
  Value item;
  while (source.next(item))
    in.heap().push(rest, item);
  known = int64_t(rest.size()) + index0 + 1 + !after.is(Kind::Missing);
  drained = std::move(rest);
  return known;
}

Value LoopState::call(Interpreter &interpreter, CallArguments arguments) {
  if (!stmt.recursive)
    fail("only a loop with the mark 'recursive' can be called");
  if (arguments.positional.size() != 1 || !arguments.named.empty())
    fail("loop() takes 1 argument, found " +
         std::to_string(arguments.positional.size() + arguments.named.size()));
  return interpreter.recurse(stmt, around, arguments.positional[0], depth0 + 1);
}

std::string LoopState::print() {
  return "<LoopContext " + std::to_string(index0 + 1) + "/" +
         std::to_string(length()) + ">";
}

bool LoopState::changed(std::vector<Value> values) {
  bool same = last && last->size() == values.size();
  for (size_t i = 0; same && i < values.size(); ++i)
    same = jinja::same((*last)[i], values[i]) ||
           equal(in.heap(), (*last)[i], values[i]);
  if (!same)
    last = std::move(values);
  return !same;
}

namespace {
struct LoopMethod : Callable {
  LoopMethod(LoopState *state, bool isCycle) : loop(state), cycle(isCycle) {}
  Value call(Interpreter &, CallArguments arguments) override {
    if (!arguments.named.empty())
      fail("a method of 'loop' has no parameter '" + arguments.named[0].first +
           "'");
    if (!cycle)
      return Value::of(loop->changed(std::move(arguments.positional)));
    if (arguments.positional.empty())
      fail("loop.cycle() takes at least 1 argument, found none");
    return arguments
        .positional[size_t(loop->index0) % arguments.positional.size()];
  }
  std::string print() override { return "<bound method>"; }
  LoopState *loop;
  bool cycle;
};
} // namespace

Value LoopState::attribute(Interpreter &interpreter, std::string_view name) {
  Heap &heap = interpreter.heap();
  if (name == "index0")
    return Value::of(index0);
  if (name == "index")
    return Value::of(index0 + 1);
  if (name == "first")
    return Value::of(index0 == 0);
  if (name == "last")
    return Value::of(peek().is(Kind::Missing));
  if (name == "length")
    return Value::of(length());
  if (name == "revindex")
    return Value::of(length() - index0);
  if (name == "revindex0")
    return Value::of(length() - index0 - 1);
  if (name == "depth" || name == "depth0")
    return Value::of(int64_t(depth0 + (name == "depth")));
  if (name == "previtem")
    return index0 == 0 ? heap.undefined("there is no previous item") : before;
  if (name == "nextitem") {
    Value item = peek();
    return item.is(Kind::Missing) ? heap.undefined("there is no next item")
                                  : item;
  }
  if (name == "cycle" || name == "changed")
    return Value::of(Kind::Callable,
                     heap.make<LoopMethod>(this, name == "cycle"));
  return Value::missing();
}

} // namespace sluice::jinja
