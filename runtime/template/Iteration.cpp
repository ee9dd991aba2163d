#include "runtime/template/Iteration.h"

#include "runtime/template/Print.h"
#include "runtime/template/Strings.h"
#include "runtime/unicode/Unicode.h"

namespace sluice::jinja {

bool isIterable(const Value &value) {
  switch (value.kind) {
  case Kind::Undefined:
  case Kind::String:
  case Kind::List:
  case Kind::Tuple:
  case Kind::Dict:
  case Kind::View:
  case Kind::Range:
  case Kind::Iterator:
    return true;
  default:
    return false;
  }
}

Iteration::Iteration(Heap &heap, Value value)
    : heap_(heap), value_(std::move(value)) {
  if (!isIterable(value_))
    fail(std::string("'") + typeName(value_) + "' object is not iterable");
}

Value viewItem(Heap &heap, const View &view, size_t i) {
  const auto &[key, value] = view.dict->entries[i];
  return view.part == View::Keys     ? key
         : view.part == View::Values ? value
                                     : heap.pair(key, value);
}

bool Iteration::next(Value &out) {
  heap_.step();
  if (value_.is(Kind::Iterator)) {
    Heap::Nested nested(heap_, 4);
    return value_.iterator().next(out);
  }
  if (value_.is(Kind::String)) {
    const std::string &text = value_.str();
    if (at_ >= text.size())
      return false;
    size_t begin = at_;
    unicode::next(text, at_);
    out = heap_.string(text.substr(begin, at_ - begin));
    return true;
  }
  if (value_.is(Kind::Undefined) || int64_t(at_) >= length(value_))
    return false;
  size_t i = at_++;
  if (value_.isSequence())
    out = value_.list().items[i];
  else if (value_.is(Kind::Dict))
    out = value_.dict().entries[i].first;
  else if (value_.is(Kind::Range))
    out = Value::of(value_.range().at(int64_t(i)));
  else
    out = viewItem(heap_, value_.view(), i);
  return true;
}

std::vector<Value> items(Heap &heap, const Value &value) {
  std::vector<Value> result;
  Value item;
  for (Iteration it(heap, value); it.next(item);)
    heap.push(result, item);
  return result;
}

} // namespace sluice::jinja
