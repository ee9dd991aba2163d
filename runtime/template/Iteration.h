// Going through the items of a value, as `for` does.
#pragma once

#include "runtime/template/Heap.h"

namespace sluice::jinja {

bool isIterable(const Value &value);

class Iteration {
public:
  // Fails for a value that has no items.
  Iteration(Heap &heap, Value value);
  bool next(Value &out);

private:
  Heap &heap_;
  Value value_;
  size_t at_ = 0;
};

// All items, counted as those of a new container.
std::vector<Value> items(Heap &heap, const Value &value);
// Entry `i` of a view.
Value viewItem(Heap &heap, const View &view, size_t i);

} // namespace sluice::jinja
