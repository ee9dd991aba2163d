// The values of the language, those of Python as far as templates see them.
#pragma once

#include "runtime/template/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::jinja {

class Heap;

enum class Kind : uint8_t {
  Missing,   // a variable without a value; never seen by a template
  Undefined, // what a lookup that fails gives
  None,
  Bool,
  Int,
  Float,
  String,
  List,
  Tuple,
  Dict,
  View, // dict.keys(), values(), items()
  Range,
  Iterator, // what map(), select() and so on give: runs once
  Namespace,
  Callable,
  Loop,
};

// An immutable string, in UTF-8 throughout.
struct Text {
  Text(std::string bytes, Heap *heap);
  ~Text();
  Text(const Text &) = delete;
  Text &operator=(const Text &) = delete;

  bool ascii() const { return length == bytes.size(); }

  std::string bytes;
  size_t length; // in code points
  Heap *heap;    // that counts it; none for constants of the template
};

// Belongs to a Heap, so that cycles need no care.
struct Object {
  virtual ~Object() = default;
  size_t depth = 1; // of containers in each other
};

struct List;
struct Dict;
struct View;
struct Range;
struct Iterator;
struct Namespace;
struct Callable;
struct Loop;

struct Value {
  Kind kind = Kind::Undefined;
  bool safe = false; // a string that is not to be escaped again
  union {
    bool boolean;
    int64_t integer = 0;
    double real;
    Object *object;
  };
  // The string; of an Undefined, what was not found.
  std::shared_ptr<const Text> text;

  static Value missing() { return of(Kind::Missing); }
  static Value none() { return of(Kind::None); }
  static Value of(Kind kind) {
    Value value;
    value.kind = kind;
    return value;
  }
  static Value of(bool boolean) {
    Value value = of(Kind::Bool);
    value.boolean = boolean;
    return value;
  }
  static Value of(int64_t integer) {
    Value value = of(Kind::Int);
    value.integer = integer;
    return value;
  }
  static Value of(size_t size) { return of(int64_t(size)); }
  static Value of(double real) {
    Value value = of(Kind::Float);
    value.real = real;
    return value;
  }
  static Value of(Kind kind, Object *object) {
    Value value = of(kind);
    value.object = object;
    return value;
  }

  bool is(Kind k) const { return kind == k; }
  bool isInteger() const { return is(Kind::Int) || is(Kind::Bool); }
  bool isNumber() const { return isInteger() || is(Kind::Float); }
  bool isSequence() const { return is(Kind::List) || is(Kind::Tuple); }
  // Has an object.
  bool isObject() const { return kind >= Kind::List; }

  // Each only for the kind that its name says.
  const std::string &str() const { return text->bytes; }
  int64_t whole() const { return is(Kind::Bool) ? int64_t(boolean) : integer; }
  double number() const { return is(Kind::Float) ? real : double(whole()); }
  List &list() const;
  Dict &dict() const;
  View &view() const;
  Range &range() const;
  Iterator &iterator() const;
  Namespace &names() const;
  Callable &callable() const;
};

// Of lists and tuples.
struct List : Object {
  std::vector<Value> items;
  bool group = false; // of groupby: has attributes `grouper` and `list`
};

struct Dict : Object {
  // Missing if there is no such key; fails for a key that has no hash.
  const Value *find(Heap &heap, const Value &key) const;
  const Value *find(std::string_view key) const;
  // Replaces the value of an equal key.
  void set(Heap &heap, const Value &key, Value value);

  std::vector<std::pair<Value, Value>> entries;

private:
  size_t locate(Heap &heap, const Value &key, size_t hash) const;
  std::unordered_multimap<size_t, size_t> index_; // hash to entry
};

struct View : Object {
  enum Part { Keys, Values, Items } part = Keys;
  const Dict *dict = nullptr;
};

struct Range : Object {
  int64_t start = 0, stop = 0, step = 1;
  int64_t size() const;
  int64_t at(int64_t i) const { return start + i * step; }
};

struct Iterator : Object {
  virtual bool next(Value &out) = 0;
};

struct Namespace : Object {
  Dict *names = nullptr;
};

inline List &Value::list() const { return static_cast<List &>(*object); }
inline Dict &Value::dict() const { return static_cast<Dict &>(*object); }
inline View &Value::view() const { return static_cast<View &>(*object); }
inline Range &Value::range() const { return static_cast<Range &>(*object); }
inline Iterator &Value::iterator() const {
  return static_cast<Iterator &>(*object);
}
inline Namespace &Value::names() const {
  return static_cast<Namespace &>(*object);
}

// Python's name of the type, for messages.
const char *typeName(const Value &value);
bool truth(const Value &value);
// What len() gives; -1 for what has no length.
int64_t length(const Value &value);
size_t hash(Heap &heap, const Value &value);
bool isHashable(Heap &heap, const Value &value); // hash() does not fail
bool equal(Heap &heap, const Value &a, const Value &b);
// Python's `<`; fails for types that have no order.
bool less(Heap &heap, const Value &a, const Value &b);
// An order of `a` and `b`: < 0, 0, > 0; 2: a NaN.
int compareNumbers(const Value &a, const Value &b);
bool same(const Value &a, const Value &b); // Python's `is`
bool isCallable(const Value &value);

} // namespace sluice::jinja
