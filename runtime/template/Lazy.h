// An Iterator whose items a function finds.
#pragma once

#include "runtime/template/Heap.h"

#include <functional>

namespace sluice::jinja {

struct Lazy : Iterator {
  explicit Lazy(std::function<bool(Value &)> function)
      : find(std::move(function)) {}
  bool next(Value &out) override { return !ended && (find(out) || !end()); }

private:
  bool end() { return ended = true; }
  bool ended = false;
  std::function<bool(Value &)> find;
};

inline Value lazy(Heap &heap, std::function<bool(Value &)> find) {
  return Value::of(Kind::Iterator, heap.make<Lazy>(std::move(find)));
}

// All items are found when the first one is asked for.
inline Value lazyList(Heap &heap, std::function<std::vector<Value>()> all) {
  struct State {
    std::vector<Value> items;
    size_t at = 0;
    bool made = false;
  };
  auto state = std::make_shared<State>();
  return lazy(heap, [state, all = std::move(all)](Value &out) {
    if (!state->made)
      state->items = all();
    state->made = true;
    if (state->at == state->items.size())
      return false;
    out = state->items[state->at++];
    return true;
  });
}

} // namespace sluice::jinja
