// Filters that take lists and dicts apart or make them.
#include "runtime/template/AttributePath.h"
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Lazy.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>

namespace sluice::jinja {

namespace {
Value attributeOf(Call &c, size_t i) { return c.get(i, Value::none()); }

Value listFilter(Call &c) { return c.heap().list(items(c.heap(), c[0])); }

Value itemsFilter(Call &c) {
  Heap &heap = c.heap();
  Value value = c[0];
  return lazyList(heap, [&heap, value] {
    std::vector<Value> pairs;
    if (value.is(Kind::Undefined))
      return pairs;
    if (!value.is(Kind::Dict))
      fail(std::string("expected a dict, found '") + typeName(value) + "'");
    for (const auto &[key, item] : value.dict().entries)
      heap.push(pairs, heap.pair(key, item));
    return pairs;
  });
}

Value firstFilter(Call &c) {
  Value item;
  if (Iteration(c.heap(), c[0]).next(item))
    return item;
  return c.heap().undefined("there is no first item");
}

// Python's reversed(): false for what it does not take.
bool isReversible(const Value &value) {
  return isIterable(value) && !value.is(Kind::Iterator);
}

Value lastFilter(Call &c) {
  if (!isReversible(c[0]))
    fail(std::string("a value of type '") + typeName(c[0]) +
         "' has no last item");
  int64_t size = length(c[0]);
  if (size == 0)
    return c.heap().undefined("there is no last item");
  if (c[0].is(Kind::Dict))
    return c[0].dict().entries.back().first;
  if (c[0].is(Kind::View))
    return viewItem(c.heap(), c[0].view(), size_t(size - 1));
  return c.in.item(c[0], Value::of(size - 1));
}

Value reverseFilter(Call &c) {
  Heap &heap = c.heap();
  if (c[0].is(Kind::String)) {
    Value step = Value::of(int64_t(-1));
    return slice(heap, c[0], Value::none(), Value::none(), step);
  }
  std::vector<Value> all = items(heap, c[0]);
  std::reverse(all.begin(), all.end());
  if (!isReversible(c[0]))
    return heap.list(std::move(all));
  return lazyList(heap, [all = std::move(all)] { return all; });
}

Value joinFilter(Call &c) {
  Heap &heap = c.heap();
  Value between = c.has(1) ? c.string(1) : heap.string("");
  AttributePath path(heap, attributeOf(c, 2));
  Writer out(heap);
  Value item;
  bool first = true;
  for (Iteration it(heap, c[0]); it.next(item); first = false) {
    if (!first)
      out << between.str();
    print(out, path.of(c.in, item));
  }
  return out.value();
}

Value defaultFilter(Call &c) {
  bool replaced = c[0].is(Kind::Undefined) || (c.flag(2) && !truth(c[0]));
  return replaced ? c.get(1, c.heap().string("")) : c[0];
}

Value attrFilter(Call &c) {
  if (c[0].is(Kind::Undefined))
    failUndefined(c[0]);
  // Items of a dict are no attributes.
  if (c[0].is(Kind::Dict) && !findMethod(c[0], c.text(1)))
    return c.heap().undefined("a dict has no attribute '" + c.text(1) + "'");
  return c.in.attribute(c[0], c.text(1));
}

Value sortFilter(Call &c) {
  Heap &heap = c.heap();
  std::vector<Value> all = items(heap, c[0]), keys;
  std::vector<SortKey> parts;
  Value attribute = attributeOf(c, 3);
  bool caseSensitive = c.flag(2);
  if (attribute.is(Kind::String)) {
    std::string_view rest = attribute.str();
    for (size_t comma = 0; comma != rest.npos;) {
      comma = rest.find(',');
      Value name = heap.string(std::string(rest.substr(0, comma)));
      parts.emplace_back(c, name, caseSensitive);
      rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
    }
  } else {
    parts.emplace_back(c, attribute, caseSensitive);
  }
  for (const Value &item : all) {
    std::vector<Value> key;
    for (const SortKey &part : parts)
      heap.push(key, part.of(item));
    heap.push(keys, heap.list(std::move(key)));
  }
  return heap.list(sortedBy(heap, all, keys, c.flag(1)));
}

Value dictsortFilter(Call &c) {
  Heap &heap = c.heap();
  Value by = c.get(2, heap.string("key"));
  bool key = by.is(Kind::String) && by.str() == "key";
  if (!key && !(by.is(Kind::String) && by.str() == "value"))
    fail("expected to sort by 'key' or 'value', found " + repr(heap, by));
  if (c[0].is(Kind::Undefined))
    failUndefined(c[0]);
  if (!c[0].is(Kind::Dict))
    fail(std::string("expected a dict, found '") + typeName(c[0]) + "'");
  std::vector<Value> pairs, keys;
  for (const auto &[name, value] : c[0].dict().entries) {
    heap.push(pairs, heap.pair(name, value));
    const Value &part = key ? name : value;
    heap.push(keys, c.flag(1) ? part : ignoreCase(heap, part));
  }
  return heap.list(sortedBy(heap, pairs, keys, c.flag(3)));
}

Value uniqueFilter(Call &c) {
  Heap &heap = c.heap();
  auto key = std::make_shared<SortKey>(c, attributeOf(c, 2), c.flag(1));
  auto source = std::make_shared<Iteration>(heap, c[0]);
  Dict *seen = heap.make<Dict>();
  return lazy(heap, [&heap, key, source, seen](Value &out) {
    while (source->next(out)) {
      Value id = key->of(out);
      if (seen->find(heap, id))
        continue;
      seen->set(heap, id, Value::none());
      return true;
    }
    return false;
  });
}

template <bool largest> Value extremeFilter(Call &c) {
  Heap &heap = c.heap();
  SortKey key(c, attributeOf(c, 2), c.flag(1));
  Value best, item;
  Iteration it(heap, c[0]);
  if (!it.next(best))
    return heap.undefined("the sequence has no items");
  for (Value bestKey = key.of(best); it.next(item);) {
    Value other = key.of(item);
    if (largest ? less(heap, bestKey, other) : less(heap, other, bestKey)) {
      best = item;
      bestKey = other;
    }
  }
  return best;
}

Value sumFilter(Call &c) {
  Heap &heap = c.heap();
  AttributePath path(heap, attributeOf(c, 1));
  Value total = c.get(2, Value::of(int64_t(0))), item;
  if (total.is(Kind::String))
    fail("strings can't be added up; use the filter 'join'");
  for (Iteration it(heap, c[0]); it.next(item);)
    total = arithmetic(c.in, Operation::Add, total, path.of(c.in, item));
  return total;
}

Value groupbyFilter(Call &c) {
  Heap &heap = c.heap();
  bool caseSensitive = c.flag(3);
  Value otherwise = c.set(2) ? c[2] : Value::missing();
  SortKey key(c, c[1], caseSensitive, otherwise);
  AttributePath path(heap, c[1]);
  std::vector<Value> all = items(heap, c[0]), keys;
  for (const Value &item : all)
    heap.push(keys, key.of(item));
  all = sortedBy(heap, all, keys, false);
  std::vector<Value> groups;
  for (size_t i = 0; i < all.size();) {
    Value name = key.of(all[i]);
    std::vector<Value> members;
    size_t first = i;
    for (; i < all.size() && equal(heap, key.of(all[i]), name); ++i)
      heap.push(members, all[i]);
    if (members.empty()) // a key that is not equal to itself
      heap.push(members, all[i++]);
    if (!caseSensitive)
      name = path.of(c.in, all[first], otherwise);
    Value group = heap.pair(name, heap.list(std::move(members)));
    group.list().group = true;
    heap.push(groups, group);
  }
  return heap.list(std::move(groups));
}

Value batchFilter(Call &c) {
  Heap &heap = c.heap();
  Value value = c[0], filler = c.get(2, Value::none());
  int64_t size = c.integer(1);
  return lazyList(heap, [&heap, value, filler, size] {
    std::vector<Value> batches, batch, all = items(heap, value);
    for (const Value &item : all) {
      if (int64_t(batch.size()) == size) {
        heap.push(batches, heap.list(std::move(batch)));
        batch.clear();
      }
      heap.push(batch, item);
    }
    if (batch.empty())
      return batches;
    while (!filler.is(Kind::None) && int64_t(batch.size()) < size)
      heap.push(batch, filler);
    heap.push(batches, heap.list(std::move(batch)));
    return batches;
  });
}

Value sliceFilter(Call &c) {
  Heap &heap = c.heap();
  Value value = c[0], filler = c.get(2, Value::none());
  int64_t slices = c.integer(1);
  return lazyList(heap, [&heap, value, filler, slices] {
    std::vector<Value> all = items(heap, value), result;
    if (slices == 0)
      fail("a list can't be cut into 0 slices");
    int64_t size = int64_t(all.size());
    int64_t each = slices > 0 ? size / slices : 0;
    int64_t longer = slices > 0 ? size % slices : 0;
    int64_t at = 0;
    for (int64_t i = 0; i < slices; ++i) {
      std::vector<Value> part;
      for (int64_t end = at + each + (i < longer); at < end; ++at)
        heap.push(part, all[size_t(at)]);
      if (!filler.is(Kind::None) && i >= longer)
        heap.push(part, filler);
      heap.push(result, heap.list(std::move(part)));
    }
    return result;
  });
}
} // namespace

const BuiltinTable &listFilters() {
  static const BuiltinTable table = {
      {"list", 1, {"value"}, listFilter},
      {"items", 1, {"value"}, itemsFilter},
      {"first", 1, {"seq"}, firstFilter},
      {"last", 1, {"seq"}, lastFilter},
      {"reverse", 1, {"value"}, reverseFilter},
      {"join", 1, {"value", "d", "attribute"}, joinFilter},
      {"default", 1, {"value", "default_value", "boolean"}, defaultFilter},
      {"d", 1, {"value", "default_value", "boolean"}, defaultFilter},
      {"attr", 2, {"obj", "name"}, attrFilter},
      {"sort",
       1,
       {"value", "reverse", "case_sensitive", "attribute"},
       sortFilter},
      {"dictsort",
       1,
       {"value", "case_sensitive", "by", "reverse"},
       dictsortFilter},
      {"unique", 1, {"value", "case_sensitive", "attribute"}, uniqueFilter},
      {"min",
       1,
       {"value", "case_sensitive", "attribute"},
       extremeFilter<false>},
      {"max", 1, {"value", "case_sensitive", "attribute"}, extremeFilter<true>},
      {"sum", 1, {"iterable", "attribute", "start"}, sumFilter},
      {"groupby",
       2,
       {"value", "attribute", "default", "case_sensitive"},
       groupbyFilter},
      {"batch", 2, {"value", "linecount", "fill_with"}, batchFilter},
      {"slice", 2, {"value", "slices", "fill_with"}, sliceFilter},
  };
  return table;
}

} // namespace sluice::jinja
