#include "runtime/template/Builtins.h"

#include "runtime/template/Interpreter.h"
#include "runtime/template/Print.h"
#include "runtime/template/Suggest.h"

#include <algorithm>

namespace sluice::jinja {

Heap &Call::heap() const { return in.heap(); }

int64_t Call::integer(size_t i) const {
  if (positional[i].is(Kind::Undefined))
    failUndefined(positional[i]);
  if (!positional[i].isInteger())
    fail(std::string("expected an integer, found '") + typeName(positional[i]) +
         "'");
  return positional[i].whole();
}

const std::string &Call::text(size_t i) const {
  if (!positional[i].is(Kind::String))
    fail(std::string("expected a string, found '") + typeName(positional[i]) +
         "'");
  return positional[i].str();
}

Value Call::string(size_t i) const { return toString(heap(), positional[i]); }

namespace {
std::vector<std::string_view> known(const Builtin &builtin) {
  std::vector<std::string_view> result;
  for (std::string_view name : builtin.parameters)
    if (!name.empty())
      result.push_back(name);
  return result;
}

std::string called(const Builtin &builtin) {
  return "'" + std::string(builtin.name) + "'";
}

void bind(const Builtin &builtin, CallArguments &arguments) {
  size_t count = builtin.parameters.size();
  std::vector<Value> &values = arguments.positional;
  if (values.size() > count)
    fail(called(builtin) + " takes at most " + std::to_string(count) +
         " arguments, found " + std::to_string(values.size()));
  values.resize(count, Value::missing());
  for (auto &[name, value] : arguments.named) {
    auto it = std::find(builtin.parameters.begin(), builtin.parameters.end(),
                        std::string_view(name));
    if (it == builtin.parameters.end() || name.empty())
      fail(called(builtin) + " has no parameter '" + name + "'" +
           suggestion(name, known(builtin)));
    Value &place = values[size_t(it - builtin.parameters.begin())];
    if (!place.is(Kind::Missing))
      fail("the argument '" + name + "' of " + called(builtin) +
           " is given twice");
    place = std::move(value);
  }
  arguments.named.clear();
  for (size_t i = 0; i < builtin.required; ++i)
    if (values[i].is(Kind::Missing))
      fail(called(builtin) + " needs " + std::to_string(builtin.required) +
           " arguments, the value it is applied to included");
}
} // namespace

Value run(Interpreter &in, const Builtin &builtin, CallArguments arguments) {
  if (!builtin.any)
    bind(builtin, arguments);
  Call call(in, std::move(arguments));
  return builtin.run(call);
}

Value Bound::call(Interpreter &in, CallArguments arguments) {
  if (!self.is(Kind::Missing))
    arguments.positional.insert(arguments.positional.begin(), self);
  return run(in, *builtin, std::move(arguments));
}

std::string Bound::print() {
  return "<function " + std::string(builtin->name) + ">";
}

const Builtin *find(const BuiltinTable &table, std::string_view name) {
  for (const Builtin &builtin : table)
    if (builtin.name == name)
      return &builtin;
  return nullptr;
}

static const Builtin *findIn(std::initializer_list<const BuiltinTable *> tables,
                             std::string_view name) {
  for (const BuiltinTable *table : tables)
    if (const Builtin *builtin = find(*table, name))
      return builtin;
  return nullptr;
}

const Builtin *findFilter(std::string_view name) {
  return findIn(
      {&textFilters(), &listFilters(), &selectFilters(), &numberFilters()},
      name);
}

const Builtin *findTest(std::string_view name) { return find(tests(), name); }

const Builtin *findMethod(const Value &object, std::string_view name) {
  if (object.is(Kind::String))
    return findIn({&stringMethods(), &stringSearches(), &stringPredicates()},
                  name);
  if (object.is(Kind::Dict))
    return find(dictMethods(), name);
  if (object.isSequence() || object.is(Kind::Range)) {
    const Builtin *method = find(sequenceMethods(), name);
    bool copies = name == "copy" && !object.is(Kind::List);
    return copies ? nullptr : method;
  }
  return nullptr;
}

std::string unknownFilter(const std::string &name) {
  std::vector<std::string_view> names;
  for (const BuiltinTable *table :
       {&textFilters(), &listFilters(), &selectFilters(), &numberFilters()})
    for (const Builtin &builtin : *table)
      names.push_back(builtin.name);
  return "there is no filter '" + name + "'" + suggestion(name, names);
}

std::string unknownTest(const std::string &name) {
  std::vector<std::string_view> names;
  for (const Builtin &builtin : tests())
    names.push_back(builtin.name);
  return "there is no test '" + name + "'" + suggestion(name, names);
}

} // namespace sluice::jinja
