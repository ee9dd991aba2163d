// Inside of this library an error is thrown, because nearly every operation of
// the language can fail, deep in nested evaluation. Template::parse and
// Template::render catch it; nothing is thrown out of them.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>

namespace sluice::jinja {

struct Position {
  uint32_t line = 0; // from 1; 0: not known yet
  uint32_t column = 0;
};

struct Error {
  Code code;
  std::string message;
  Position at; // of the innermost expression or statement
};

[[noreturn]] inline void fail(std::string message,
                              Code code = Code::InvalidArgument) {
  throw Error{code, std::move(message), {}};
}

[[noreturn]] inline void failAt(Position at, std::string message,
                                Code code = Code::Corrupt) {
  throw Error{code, std::move(message), at};
}

} // namespace sluice::jinja
