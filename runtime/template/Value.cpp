#include "runtime/template/Value.h"

#include "runtime/template/Heap.h"
#include "runtime/template/Print.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace sluice::jinja {

const char *typeName(const Value &value) {
  switch (value.kind) {
  case Kind::Missing:
  case Kind::Undefined:
    return "Undefined";
  case Kind::None:
    return "NoneType";
  case Kind::Bool:
    return "bool";
  case Kind::Int:
    return "int";
  case Kind::Float:
    return "float";
  case Kind::String:
    return value.safe ? "Markup" : "str";
  case Kind::List:
    return "list";
  case Kind::Tuple:
    return "tuple";
  case Kind::Dict:
    return "dict";
  case Kind::View: {
    View::Part part = value.view().part;
    return part == View::Keys     ? "dict_keys"
           : part == View::Values ? "dict_values"
                                  : "dict_items";
  }
  case Kind::Range:
    return "range";
  case Kind::Iterator:
    return "generator";
  case Kind::Namespace:
    return "Namespace";
  case Kind::Callable:
    return "function";
  case Kind::Loop:
    return "LoopContext";
  }
  return "";
}

bool truth(const Value &value) {
  switch (value.kind) {
  case Kind::Missing:
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Bool:
    return value.boolean;
  case Kind::Int:
    return value.integer != 0;
  case Kind::Float:
    return value.real != 0;
  default:
    return length(value) != 0; // -1: an object without a length
  }
}

int64_t length(const Value &value) {
  switch (value.kind) {
  case Kind::Undefined:
    return 0;
  case Kind::String:
    return int64_t(value.text->length);
  case Kind::List:
  case Kind::Tuple:
    return int64_t(value.list().items.size());
  case Kind::Dict:
    return int64_t(value.dict().entries.size());
  case Kind::View:
    return int64_t(value.view().dict->entries.size());
  case Kind::Range:
    return value.range().size();
  default:
    return -1;
  }
}

int64_t Range::size() const {
  // In 128 bits, where the distance of any two numbers has room.
  __int128 distance =
      step > 0 ? __int128(stop) - start : __int128(start) - stop;
  __int128 stride = step > 0 ? __int128(step) : -__int128(step);
  if (distance <= 0)
    return 0;
  __int128 count = (distance + stride - 1) / stride;
  return count > INT64_MAX ? INT64_MAX : int64_t(count);
}

bool isHashable(Heap &heap, const Value &value) {
  heap.step();
  if (value.is(Kind::Tuple))
    return std::all_of(
        value.list().items.begin(), value.list().items.end(),
        [&](const Value &item) { return isHashable(heap, item); });
  return !value.is(Kind::List) && !value.is(Kind::Dict) &&
         !value.is(Kind::View);
}

size_t hash(Heap &heap, const Value &value) {
  switch (value.kind) {
  case Kind::Bool:
  case Kind::Int:
    return std::hash<double>()(double(value.whole()));
  case Kind::Float:
    return std::hash<double>()(value.real);
  case Kind::String:
    heap.stepBytes(value.str().size());
    return std::hash<std::string_view>()(value.str());
  case Kind::Tuple: {
    size_t result = 1;
    for (const Value &item : value.list().items) {
      heap.step();
      result = result * 31 + hash(heap, item);
    }
    return result;
  }
  case Kind::List:
  case Kind::Dict:
  case Kind::View:
    fail(std::string("unhashable type: '") + typeName(value) + "'");
  case Kind::Missing:
  case Kind::Undefined:
  case Kind::None:
    return size_t(value.kind);
  default:
    return std::hash<const void *>()(value.object);
  }
}

size_t Dict::locate(Heap &heap, const Value &key, size_t hash) const {
  auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    heap.step();
    const Value &known = entries[it->second].first;
    if (same(known, key) || equal(heap, known, key))
      return it->second;
  }
  return entries.size();
}

const Value *Dict::find(Heap &heap, const Value &key) const {
  size_t i = locate(heap, key, hash(heap, key));
  return i < entries.size() ? &entries[i].second : nullptr;
}

const Value *Dict::find(std::string_view key) const {
  auto [begin, end] = index_.equal_range(std::hash<std::string_view>()(key));
  for (auto it = begin; it != end; ++it) {
    const auto &[known, value] = entries[it->second];
    if (known.is(Kind::String) && known.str() == key)
      return &value;
  }
  return nullptr;
}

void Dict::set(Heap &heap, const Value &key, Value value) {
  size_t code = hash(heap, key);
  size_t i = locate(heap, key, code);
  heap.contain(*this, key);
  heap.contain(*this, value);
  if (i < entries.size()) {
    entries[i].second = std::move(value);
    return;
  }
  heap.charge(2 * sizeof(Value) + 6 * sizeof(void *));
  entries.emplace_back(key, std::move(value));
  index_.emplace(code, i);
}

int compareNumbers(const Value &a, const Value &b) {
  if (a.isInteger() && b.isInteger())
    return a.whole() < b.whole() ? -1 : a.whole() > b.whole();
  if (a.is(Kind::Float) && b.is(Kind::Float)) {
    if (std::isnan(a.real) || std::isnan(b.real))
      return 2;
    return a.real < b.real ? -1 : a.real > b.real;
  }
  if (a.is(Kind::Float)) {
    int turned = compareNumbers(b, a);
    return turned == 2 ? 2 : -turned;
  }
  // An integer and a double, without rounding either.
  double real = b.real;
  if (std::isnan(real))
    return 2;
  if (real >= 9223372036854775808.0)
    return -1;
  if (real < -9223372036854775808.0)
    return 1;
  int64_t whole = int64_t(real);
  if (a.whole() != whole)
    return a.whole() < whole ? -1 : 1;
  double rest = real - double(whole);
  return rest > 0 ? -1 : rest < 0;
}

bool same(const Value &a, const Value &b) {
  if (a.kind != b.kind)
    return false;
  if (a.isObject())
    return a.object == b.object;
  switch (a.kind) {
  case Kind::Bool:
    return a.boolean == b.boolean;
  case Kind::Int: // Python shares small numbers
    return a.integer == b.integer && a.integer >= -5 && a.integer <= 256;
  case Kind::String:
    return a.text == b.text;
  case Kind::Float:
    return false;
  default:
    return true;
  }
}

static bool equalDicts(Heap &heap, const Dict &a, const Dict &b) {
  if (a.entries.size() != b.entries.size())
    return false;
  for (const auto &[key, value] : a.entries) {
    heap.step();
    const Value *other = b.find(heap, key);
    if (!other || !(same(value, *other) || equal(heap, value, *other)))
      return false;
  }
  return true;
}

bool equal(Heap &heap, const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return compareNumbers(a, b) == 0;
  if (a.kind != b.kind)
    return false;
  switch (a.kind) {
  case Kind::String:
    heap.stepBytes(std::min(a.str().size(), b.str().size()));
    return a.str() == b.str();
  case Kind::List:
  case Kind::Tuple: {
    const auto &left = a.list().items, &right = b.list().items;
    if (left.size() != right.size())
      return false;
    for (size_t i = 0; i < left.size(); ++i) {
      heap.step();
      if (!same(left[i], right[i]) && !equal(heap, left[i], right[i]))
        return false;
    }
    return true;
  }
  case Kind::Dict:
    return equalDicts(heap, a.dict(), b.dict());
  case Kind::Range: {
    const Range &left = a.range(), &right = b.range();
    int64_t size = left.size();
    return size == right.size() &&
           (size == 0 || (left.start == right.start &&
                          (size == 1 || left.step == right.step)));
  }
  default:
    return !a.isObject() || a.object == b.object;
  }
}

bool less(Heap &heap, const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return compareNumbers(a, b) == -1;
  if (a.is(Kind::String) && b.is(Kind::String)) {
    heap.stepBytes(std::min(a.str().size(), b.str().size()));
    return a.str() < b.str(); // UTF-8 has the order of the code points
  }
  if (a.isSequence() && a.kind == b.kind) {
    const auto &left = a.list().items, &right = b.list().items;
    for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
      heap.step();
      if (!same(left[i], right[i]) && !equal(heap, left[i], right[i]))
        return less(heap, left[i], right[i]);
    }
    return left.size() < right.size();
  }
  if (a.is(Kind::Undefined) || b.is(Kind::Undefined))
    failUndefined(a.is(Kind::Undefined) ? a : b);
  fail(std::string("'") + typeName(a) + "' and '" + typeName(b) +
       "' have no order");
}

bool isCallable(const Value &value) {
  return value.is(Kind::Callable) || value.is(Kind::Loop) ||
         value.is(Kind::Undefined);
}

} // namespace sluice::jinja
