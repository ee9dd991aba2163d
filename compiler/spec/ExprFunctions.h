// Arithmetic and functions of the expression language on plain values.
#pragma once

#include "compiler/spec/Value.h"

#include <optional>
#include <string>

namespace sluice::spec {

// Nothing and a message where the operation has no value.
std::optional<Value> negate(const Value &value, std::string &error);
// + - * / // % **
std::optional<Value> arithmetic(const std::string &op, const Value &left,
                                const Value &right, std::string &error);
// == != < <= > >= in
std::optional<Value> compare(const std::string &op, const Value &left,
                             const Value &right, std::string &error);
// Every function but `each` and `has`.
std::optional<Value> callFunction(const std::string &name, const List &args,
                                  std::string &error);

// "int 7", "none"; long values are cut.
std::string describe(const Value &value);

} // namespace sluice::spec
