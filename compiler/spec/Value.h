// The values of the spec language: what parameters and expressions hold.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace sluice::spec {

struct None {
  friend bool operator==(None, None) { return true; }
};

struct Value;
struct SharedList;
using List = std::vector<Value>;

// Of a value with all lists in it: far more than any model needs.
constexpr int64_t maxListElements = 1 << 20;

struct Value {
  // The alternatives in the order of `Kind`. A list never changes, so that its
  // copies share it.
  std::variant<None, bool, int64_t, double, std::string,
               std::shared_ptr<const SharedList>>
      data;

  enum class Kind { None, Bool, Int, Float, Text, List };

  Value() = default;
  Value(bool b) : data(b) {}
  Value(int i) : data(int64_t(i)) {}
  Value(int64_t i) : data(i) {}
  Value(double d) : data(d) {}
  Value(std::string s) : data(std::move(s)) {}
  Value(const char *s) : data(std::string(s)) {}
  Value(List l);

  Kind kind() const { return Kind(data.index()); }
  bool isNone() const { return kind() == Kind::None; }
  bool isBool() const { return kind() == Kind::Bool; }
  bool isInt() const { return kind() == Kind::Int; }
  bool isFloat() const { return kind() == Kind::Float; }
  bool isNumber() const { return isInt() || isFloat(); }
  bool isText() const { return kind() == Kind::Text; }
  bool isList() const { return kind() == Kind::List; }

  // Each of these requires the matching kind; `number` takes int or float.
  bool boolean() const { return std::get<bool>(data); }
  int64_t integer() const { return std::get<int64_t>(data); }
  double number() const {
    return isInt() ? double(integer()) : std::get<double>(data);
  }
  const std::string &text() const { return std::get<std::string>(data); }
  const List &list() const;

  // What writing it out would take: 1, and for a list all that is in it.
  int64_t size() const;

  friend bool operator==(const Value &, const Value &);
};

struct SharedList {
  List elements;
  int64_t size;
};

// "int", "float", "bool", "text", "list" or "none".
const char *kindName(Value::Kind kind);

// The value as the expression language writes it; floats keep every bit and
// always show a point or an exponent, so that they read back as floats.
std::string print(const Value &value);
// The same for messages: cut after `limit` characters.
std::string printShort(const Value &value, size_t limit = 80);

} // namespace sluice::spec
