// What can be called: macros, methods, functions, and objects such as a cycler.
#pragma once

#include "runtime/template/Heap.h"

#include <string>
#include <utility>
#include <vector>

namespace sluice::jinja {

class Interpreter;

struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Callable : Object {
  virtual Value call(Interpreter &in, CallArguments arguments) = 0;
  virtual std::string print() = 0;
  // Missing if there is none.
  virtual Value attribute(Interpreter &, std::string_view) {
    return Value::missing();
  }
};

inline Callable &Value::callable() const {
  return static_cast<Callable &>(*object);
}

} // namespace sluice::jinja
