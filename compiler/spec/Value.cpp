#include "compiler/spec/Value.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace sluice::spec {

Value::Value(List l) {
  int64_t size = 1;
  for (const Value &element : l)
    if (__builtin_add_overflow(size, element.size(), &size))
      size = std::numeric_limits<int64_t>::max();
  data = std::make_shared<const SharedList>(SharedList{std::move(l), size});
}

const List &Value::list() const {
  return std::get<std::shared_ptr<const SharedList>>(data)->elements;
}

int64_t Value::size() const {
  return isList() ? std::get<std::shared_ptr<const SharedList>>(data)->size : 1;
}

bool operator==(const Value &a, const Value &b) {
  return a.isList() && b.isList() ? a.list() == b.list() : a.data == b.data;
}

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

// Appends to `out`, which need not get longer than `enough`.
static void printTo(const Value &value, size_t enough, std::string &out) {
  switch (value.kind()) {
  case Value::Kind::None:
    out += "none";
    return;
  case Value::Kind::Bool:
    out += value.boolean() ? "true" : "false";
    return;
  case Value::Kind::Int:
    out += std::to_string(value.integer());
    return;
  case Value::Kind::Float:
    out += printFloat(value.number());
    return;
  case Value::Kind::Text:
    out += "'";
    out.append(value.text(), 0, enough);
    out += "'";
    return;
  case Value::Kind::List:
    break;
  }
  const char *before = "[";
  for (const Value &element : value.list()) {
    if (out.size() > enough)
      return;
    out += before;
    printTo(element, enough, out);
    before = ", ";
  }
  out += value.list().empty() ? "[]" : "]";
}

std::string print(const Value &value) {
  std::string text;
  printTo(value, std::string::npos, text);
  return text;
}

std::string printShort(const Value &value, size_t limit) {
  std::string text;
  printTo(value, limit, text);
  return text.size() > limit ? text.substr(0, limit - 3) + "..." : text;
}

} // namespace sluice::spec
