#include "runtime/template/Macro.h"

#include "runtime/template/Strings.h"

#include <algorithm>

namespace sluice::jinja {

Value Interpreter::macro(const Function &function) {
  Macro *macro = heap_.make<Macro>();
  macro->function = &function;
  macro->around = variables_;
  return Value::of(Kind::Callable, macro);
}

Value Macro::call(Interpreter &in, CallArguments arguments) {
  return in.runMacro(*function, around, std::move(arguments));
}

std::string Macro::print() {
  return "<Macro " +
         (function->name.empty() ? "anonymous" : quotedText(function->name)) +
         ">";
}

Value Macro::attribute(Interpreter &in, std::string_view name) {
  Heap &heap = in.heap();
  if (name == "name")
    return function->name.empty() ? Value::none() : heap.string(function->name);
  if (name == "arguments") {
    std::vector<Value> names;
    for (const Expr *parameter : function->parameters)
      heap.push(names, heap.string(parameter->name));
    return heap.list(std::move(names));
  }
  if (name == "catch_kwargs" || name == "catch_varargs" || name == "caller")
    return Value::of((name == "catch_kwargs"    ? function->keywords
                      : name == "catch_varargs" ? function->positional
                                                : function->caller) >= 0);
  return Value::missing();
}

// Takes the value of a named argument out of them; Missing if it is not there.
static Value takeNamed(CallArguments &arguments, const std::string &name) {
  auto it =
      std::find_if(arguments.named.begin(), arguments.named.end(),
                   [&](const auto &entry) { return entry.first == name; });
  if (it == arguments.named.end())
    return Value::missing();
  Value value = it->second;
  arguments.named.erase(it);
  return value;
}

// Puts the arguments into the variables of the running macro.
void Interpreter::bindMacro(const Function &function,
                            CallArguments &arguments) {
  std::vector<Value> &slots = variables_->slots;
  size_t count = function.parameters.size();
  for (size_t i = 0; i < count; ++i) {
    const Expr &name = *function.parameters[i];
    slots[name.slot.index] = i < arguments.positional.size()
                                 ? arguments.positional[i]
                                 : takeNamed(arguments, name.name);
  }
  if (function.caller >= 0) {
    Value caller = takeNamed(arguments, "caller");
    slots[size_t(function.caller)] =
        caller.is(Kind::Missing) || caller.is(Kind::None)
            ? heap_.undefined("the macro was not called by a 'call' block")
            : caller;
  }
  if (function.keywords >= 0) {
    Dict *dict = heap_.make<Dict>();
    for (auto &[name, value] : arguments.named)
      dict->set(heap_, heap_.string(name), value);
    slots[size_t(function.keywords)] = Value::of(Kind::Dict, dict);
  } else if (!arguments.named.empty()) {
    fail("the macro '" + (function.name.empty() ? "caller" : function.name) +
         "' has no parameter '" + arguments.named[0].first + "'");
  }
  std::vector<Value> rest;
  for (size_t i = count; i < arguments.positional.size(); ++i)
    heap_.push(rest, arguments.positional[i]);
  if (function.positional >= 0)
    slots[size_t(function.positional)] = heap_.tuple(std::move(rest));
  else if (!rest.empty())
    fail("the macro '" + (function.name.empty() ? "caller" : function.name) +
         "' takes at most " + std::to_string(count) + " arguments, found " +
         std::to_string(arguments.positional.size()));
}

Value Interpreter::runMacro(const Function &function, Variables *outer,
                            CallArguments arguments) {
  Running running(*this, newVariables(function, outer));
  enter(function.scope);
  bindMacro(function, arguments);
  size_t required = function.parameters.size() - function.defaults.size();
  for (size_t i = 0; i < function.parameters.size(); ++i) {
    const Expr &name = *function.parameters[i];
    Value &value = variables_->slots[name.slot.index];
    if (!value.is(Kind::Missing))
      continue;
    value =
        i < required
            ? heap_.undefined("the parameter '" + name.name + "' was not given")
            : eval(function.defaults[i - required]);
  }
  Capture capture(*this);
  exec(function.body);
  return capture.text.value();
}

} // namespace sluice::jinja
