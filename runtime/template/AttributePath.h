// What filters call an attribute: "a.b.0", the name of an item of an item.
#pragma once

#include "runtime/template/Builtins.h"

namespace sluice::jinja {

class AttributePath {
public:
  // None: the item itself.
  AttributePath(Heap &heap, const Value &attribute);
  // `otherwise` takes the place of what is undefined; Missing: nothing does.
  Value of(Interpreter &in, Value item,
           const Value &otherwise = Value::missing()) const;

private:
  std::vector<Value> parts_;
};

// By which a filter sorts or compares: the attribute, with letters as small
// ones unless case matters.
class SortKey {
public:
  SortKey(Call &call, const Value &attribute, bool caseSensitive,
          Value otherwise = Value::missing());
  Value of(const Value &item) const;

private:
  Interpreter &in_;
  AttributePath path_;
  bool caseSensitive_;
  Value otherwise_;
};

// A string in lower case; other values as they are.
Value ignoreCase(Heap &heap, const Value &value);
// The same order in which Python sorts by these keys.
std::vector<Value> sortedBy(Heap &heap, const std::vector<Value> &items,
                            const std::vector<Value> &keys, bool reverse);

} // namespace sluice::jinja
