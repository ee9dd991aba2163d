#include "runtime/template/AttributePath.h"

#include "runtime/template/Interpreter.h"
#include "runtime/template/StableOrder.h"
#include "runtime/template/StringTools.h"

namespace sluice::jinja {

AttributePath::AttributePath(Heap &heap, const Value &attribute) {
  if (attribute.is(Kind::None))
    return;
  if (!attribute.is(Kind::String)) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = attribute.str();
  for (size_t dot = 0; dot != rest.npos;) {
    dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    rest.remove_prefix(dot == rest.npos ? rest.size() : dot + 1);
    int64_t index;
    bool digits =
        !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    parts_.push_back(digits && parseInteger(part, 10, index)
                         ? Value::of(index)
                         : heap.string(std::string(part)));
  }
}

Value AttributePath::of(Interpreter &in, Value item,
                        const Value &otherwise) const {
  for (const Value &part : parts_) {
    in.heap().step();
    item = in.item(item, part);
    if (item.is(Kind::Undefined) && !otherwise.is(Kind::Missing))
      item = otherwise;
  }
  return item;
}

Value ignoreCase(Heap &heap, const Value &value) {
  if (!value.is(Kind::String))
    return value;
  heap.stepBytes(value.str().size() * 8);
  return heap.string(lower(value.str()));
}

SortKey::SortKey(Call &call, const Value &attribute, bool caseSensitive,
                 Value otherwise)
    : in_(call.in), path_(call.heap(), attribute),
      caseSensitive_(caseSensitive), otherwise_(std::move(otherwise)) {}

Value SortKey::of(const Value &item) const {
  Value key = path_.of(in_, item, otherwise_);
  return caseSensitive_ ? key : ignoreCase(in_.heap(), key);
}

std::vector<Value> sortedBy(Heap &heap, const std::vector<Value> &items,
                            const std::vector<Value> &keys, bool reverse) {
  auto before = [&](size_t a, size_t b) {
    heap.step();
    return reverse ? less(heap, keys[b], keys[a])
                   : less(heap, keys[a], keys[b]);
  };
  std::vector<size_t> order = stableOrder(items.size(), before);
  std::vector<Value> result;
  for (size_t i : order)
    heap.push(result, items[i]);
  return result;
}

} // namespace sluice::jinja
