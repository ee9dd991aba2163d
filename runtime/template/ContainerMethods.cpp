// Methods of dicts, lists, tuples and ranges; none of them changes anything.
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"

namespace sluice::jinja {

namespace {
Value dictGet(Call &c) {
  const Value *found = c[0].dict().find(c.heap(), c[1]);
  return found ? *found : c.get(2, Value::none());
}

template <View::Part part> Value dictView(Call &c) {
  View *view = c.heap().make<View>();
  view->part = part;
  view->dict = &c[0].dict();
  view->depth = c[0].object->depth;
  return Value::of(Kind::View, view);
}

Value dictCopy(Call &c) {
  Dict *copy = c.heap().make<Dict>();
  for (const auto &[key, value] : c[0].dict().entries)
    copy->set(c.heap(), key, value);
  return Value::of(Kind::Dict, copy);
}

Value listIndex(Call &c) {
  Heap &heap = c.heap();
  int64_t size = length(c[0]);
  auto bound = [&](size_t i, int64_t otherwise) {
    int64_t index = c.integer(i, otherwise);
    return index < 0 ? std::max<int64_t>(index + size, 0) : index;
  };
  int64_t begin = bound(2, 0), end = std::min(bound(3, size), size);
  Value item;
  int64_t i = 0;
  for (Iteration it(heap, c[0]); it.next(item) && i < end; ++i)
    if (i >= begin && (same(item, c[1]) || equal(heap, item, c[1])))
      return Value::of(i);
  fail("the list does not contain the value");
}

Value listCount(Call &c) {
  Heap &heap = c.heap();
  Value item;
  int64_t found = 0;
  for (Iteration it(heap, c[0]); it.next(item);)
    found += same(item, c[1]) || equal(heap, item, c[1]);
  return Value::of(found);
}

Value listCopy(Call &c) { return c.heap().list(items(c.heap(), c[0])); }
} // namespace

const BuiltinTable &dictMethods() {
  static const BuiltinTable table = {
      {"get", 2, {"", "", ""}, dictGet},
      {"items", 1, {""}, dictView<View::Items>},
      {"keys", 1, {""}, dictView<View::Keys>},
      {"values", 1, {""}, dictView<View::Values>},
      {"copy", 1, {""}, dictCopy},
  };
  return table;
}

const BuiltinTable &sequenceMethods() {
  static const BuiltinTable table = {
      {"index", 2, {"", "", "", ""}, listIndex},
      {"count", 2, {"", ""}, listCount},
      {"copy", 1, {""}, listCopy},
  };
  return table;
}

} // namespace sluice::jinja
