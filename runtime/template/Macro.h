// A macro, and the body of a `call` block, with the variables around it.
#pragma once

#include "runtime/template/Interpreter.h"

namespace sluice::jinja {

struct Macro : Callable {
  Value call(Interpreter &in, CallArguments arguments) override;
  std::string print() override;
  Value attribute(Interpreter &in, std::string_view name) override;

  const Function *function = nullptr;
  Variables *around = nullptr;
};

} // namespace sluice::jinja
