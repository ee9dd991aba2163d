#include "runtime/template/Heap.h"

#include "runtime/template/Strings.h"

namespace sluice::jinja {

namespace {
// Comparing, printing and freeing follow the nesting by recursion.
constexpr size_t maxNesting = 400;
} // namespace

Text::Text(std::string content, Heap *counts)
    : bytes(std::move(content)), length(codePoints(bytes)), heap(counts) {
  if (heap)
    heap->charge(sizeof(Text) + bytes.size());
}

Text::~Text() {
  if (heap)
    heap->release(sizeof(Text) + bytes.size());
}

// Strings in objects still give back what they used.
Heap::~Heap() { objects_.clear(); }

Heap::Nested::Nested(Heap &h, size_t n) : heap(h), levels(n) {
  heap.step();
  if (heap.depth_ + levels > heap.limits_.depth)
    fail("evaluation nests more than " + std::to_string(heap.limits_.depth) +
             " levels deep: does a macro call itself without end?",
         Code::Resource);
  heap.depth_ += levels;
}

void Heap::tooManySteps() const {
  fail("the template takes more than " + std::to_string(limits_.steps) +
           " steps",
       Code::Resource);
}

void Heap::tooMuchMemory() const {
  fail("the template uses more than " + std::to_string(limits_.memory) +
           " bytes of memory",
       Code::Resource);
}

Value Heap::string(std::string bytes, bool safe) {
  stepBytes(bytes.size());
  Value value = Value::of(Kind::String);
  value.text = std::make_shared<const Text>(std::move(bytes), this);
  value.safe = safe;
  return value;
}

Value Heap::undefined(std::string message) {
  Value value = string(std::move(message));
  value.kind = Kind::Undefined;
  return value;
}

Value Heap::list(std::vector<Value> items, Kind kind) {
  List *list = make<List>();
  for (const Value &item : items)
    contain(*list, item);
  list->items = std::move(items);
  return Value::of(kind, list);
}

Value Heap::pair(Value first, Value second) {
  std::vector<Value> items;
  push(items, std::move(first));
  push(items, std::move(second));
  return tuple(std::move(items));
}

void Heap::contain(Object &outer, const Value &inner) const {
  // What is no container refers to others without being part of them.
  if (!inner.isObject() || inner.kind > Kind::View)
    return;
  outer.depth = std::max(outer.depth, inner.object->depth + 1);
  if (outer.depth > maxNesting)
    fail("lists and dicts nest more than " + std::to_string(maxNesting) +
             " levels deep",
         Code::Resource);
}

void Writer::repeat(std::string_view text, size_t times) {
  if (text.empty() || times == 0)
    return;
  if (times > heap_.limits().memory / text.size())
    heap_.room(heap_.limits().memory + 1);
  heap_.room(text_.size() + text.size() * times);
  heap_.stepBytes(text.size() * times);
  text_.reserve(text_.size() + text.size() * times);
  for (size_t i = 0; i < times; ++i)
    text_ += text;
}

} // namespace sluice::jinja
