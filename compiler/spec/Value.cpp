#include "compiler/spec/Value.h"

#include <charconv>
#include <cmath>

namespace sluice::spec {

const char *kindName(Value::Kind kind) {
  switch (kind) {
  case Value::Kind::None:
    return "none";
  case Value::Kind::Bool:
    return "bool";
  case Value::Kind::Int:
    return "int";
  case Value::Kind::Float:
    return "float";
  case Value::Kind::Text:
    return "text";
  case Value::Kind::List:
    return "list";
  }
  return "value";
}

static std::string printFloat(double d) {
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, d).ptr;
  std::string text(buffer, end);
  if (std::isfinite(d) && text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text;
}

std::string print(const Value &value) {
  switch (value.kind()) {
  case Value::Kind::None:
    return "none";
  case Value::Kind::Bool:
    return value.boolean() ? "true" : "false";
  case Value::Kind::Int:
    return std::to_string(value.integer());
  case Value::Kind::Float:
    return printFloat(value.number());
  case Value::Kind::Text:
    return "'" + value.text() + "'";
  case Value::Kind::List:
    break;
  }
  std::string text = "[";
  for (const Value &element : value.list())
    text += (text.size() > 1 ? ", " : "") + print(element);
  return text + "]";
}

} // namespace sluice::spec
