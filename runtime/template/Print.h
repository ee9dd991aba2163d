// Values as text: str(), repr() and JSON.
#pragma once

#include "runtime/template/Heap.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace sluice::jinja {

// What {{ value }} prints; for strings this shares their text.
Value toString(Heap &heap, const Value &value);
void print(Writer &out, const Value &value);
void printRepr(Writer &out, const Value &value);
std::string repr(Heap &heap, const Value &value);

// json.dumps()
struct JsonStyle {
  std::optional<std::string> indent; // of one level; none: all in one line
  std::string comma = ", ", colon = ": ";
  bool ascii = false, sortKeys = false;
};
void printJson(Heap &heap, Writer &out, const Value &value,
               const JsonStyle &style);
Value fromJson(Heap &heap, const nlohmann::ordered_json &json);

[[noreturn]] void failUndefined(const Value &value);

} // namespace sluice::jinja
