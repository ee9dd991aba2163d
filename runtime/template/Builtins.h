// The functions that the language has by itself, and how they take arguments.
#pragma once

#include "runtime/template/Callable.h"

#include <array>
#include <initializer_list>
#include <span>
#include <string_view>

namespace sluice::jinja {

// The arguments of one call by parameter; Missing where none was given.
class Call {
public:
  Call(Interpreter &interpreter, CallArguments arguments)
      : in(interpreter), positional(std::move(arguments.positional)),
        named(std::move(arguments.named)) {}

  const Value &operator[](size_t i) const { return positional[i]; }
  bool has(size_t i) const {
    return i < positional.size() && !positional[i].is(Kind::Missing);
  }
  // Given and not None.
  bool set(size_t i) const { return has(i) && !positional[i].is(Kind::None); }
  Value get(size_t i, Value otherwise) const {
    return has(i) ? positional[i] : otherwise;
  }
  bool flag(size_t i, bool otherwise = false) const {
    return has(i) ? truth(positional[i]) : otherwise;
  }
  int64_t integer(size_t i) const;
  int64_t integer(size_t i, int64_t otherwise) const {
    return has(i) ? integer(i) : otherwise;
  }
  // Must be a string.
  const std::string &text(size_t i) const;
  // str() of any value.
  Value string(size_t i) const;
  Heap &heap() const;

  Interpreter &in;
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Builtin {
  std::string_view name;
  size_t required; // arguments
  // Names of the parameters; for methods and filters the first is the value.
  std::vector<std::string_view> parameters;
  Value (*run)(Call &call);
  bool any = false; // takes all arguments as they are
};

// Sorts the arguments by parameter and runs it.
Value run(Interpreter &in, const Builtin &builtin, CallArguments arguments);

using BuiltinTable = std::vector<Builtin>;
const Builtin *find(const BuiltinTable &table, std::string_view name);

const BuiltinTable &textFilters();
const BuiltinTable &listFilters();
const BuiltinTable &selectFilters();
const BuiltinTable &numberFilters();
const BuiltinTable &tests();
const BuiltinTable &stringMethods();
const BuiltinTable &stringPredicates();
const BuiltinTable &stringSearches();
const BuiltinTable &dictMethods();
const BuiltinTable &sequenceMethods();
const BuiltinTable &globals();

const Builtin *findFilter(std::string_view name);
const Builtin *findTest(std::string_view name);
const Builtin *findMethod(const Value &object, std::string_view name);
std::string unknownFilter(const std::string &name);
std::string unknownTest(const std::string &name);

// A function, or a method of an object.
struct Bound : Callable {
  Value call(Interpreter &in, CallArguments arguments) override;
  std::string print() override;
  const Builtin *builtin = nullptr;
  Value self = Value::missing();
};

} // namespace sluice::jinja
