// object.name and object[key]: as in the sandbox of Jinja2, a dot looks for an
// attribute and then for an item, brackets the other way round.
#include "runtime/template/Interpreter.h"

#include "runtime/template/Operators.h"
#include "runtime/template/Print.h"
#include "runtime/template/Strings.h"

#include <algorithm>

namespace sluice::jinja {

namespace {
// Methods that would change a list or dict.
bool changes(const Value &object, std::string_view name) {
  static const std::string_view lists[] = {"append",  "clear",  "pop",
                                           "reverse", "insert", "sort",
                                           "extend",  "remove"};
  static const std::string_view dicts[] = {"clear", "pop", "popitem",
                                           "setdefault", "update"};
  auto in = [&](auto &list) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
  };
  return (object.is(Kind::List) && in(lists)) ||
         (object.is(Kind::Dict) && in(dicts));
}

bool isInternal(std::string_view name) {
  return name.size() > 4 && name.substr(0, 2) == "__" &&
         name.substr(name.size() - 2) == "__";
}
} // namespace

Value Interpreter::method(const Value &object, const Builtin &builtin) {
  Bound *bound = heap_.make<Bound>();
  bound->builtin = &builtin;
  bound->self = object;
  return Value::of(Kind::Callable, bound);
}

Value Interpreter::ownAttribute(const Value &object, std::string_view name) {
  if (object.is(Kind::Undefined) && !isInternal(name))
    failUndefined(object);
  if (object.is(Kind::Namespace)) {
    const Value *value = object.names().names->find(name);
    return value ? *value : Value::missing();
  }
  if (isInternal(name) || changes(object, name))
    return heap_.undefined("the attribute '" + std::string(name) + "' of '" +
                           typeName(object) + "' must not be used");
  if (const Builtin *builtin = findMethod(object, name))
    return method(object, *builtin);
  if (object.is(Kind::Tuple) && object.list().group) {
    if (name == "grouper" || name == "list")
      return object.list().items[name == "list"];
  }
  if (object.is(Kind::Range)) {
    const Range &range = object.range();
    if (name == "start" || name == "stop" || name == "step")
      return Value::of(name == "start"  ? range.start
                       : name == "stop" ? range.stop
                                        : range.step);
  }
  if (object.is(Kind::Callable) || object.is(Kind::Loop))
    return object.callable().attribute(*this, name);
  return Value::missing();
}

// Missing where Python finds no item.
Value Interpreter::subscript(const Value &object, const Value &key) {
  if (object.is(Kind::Undefined))
    failUndefined(object);
  if (object.is(Kind::Dict)) {
    const Value *value =
        isHashable(heap_, key) ? object.dict().find(heap_, key) : nullptr;
    return value ? *value : Value::missing();
  }
  bool range = object.is(Kind::Range);
  if (!key.isInteger() ||
      !(object.is(Kind::String) || object.isSequence() || range))
    return Value::missing();
  int64_t i = position(key.whole(), length(object));
  if (i < 0)
    return Value::missing();
  if (range)
    return Value::of(object.range().at(i));
  if (object.isSequence())
    return object.list().items[size_t(i)];
  if (!object.text->ascii())
    heap_.stepBytes(object.str().size());
  return heap_.string(
      std::string(between(*object.text, size_t(i), size_t(i) + 1)),
      object.safe);
}

Value Interpreter::noAttribute(const Value &object, std::string_view name) {
  return heap_.undefined(std::string("a value of type '") + typeName(object) +
                         "' has no attribute '" + std::string(name) + "'");
}

Value Interpreter::attribute(const Value &object, const std::string &name) {
  Value value = ownAttribute(object, name);
  if (!value.is(Kind::Missing))
    return value;
  if (object.is(Kind::Dict))
    if (const Value *found = object.dict().find(name))
      return *found;
  return noAttribute(object, name);
}

Value Interpreter::item(const Value &object, const Value &key) {
  Value value = subscript(object, key);
  if (value.is(Kind::Missing) && key.is(Kind::String))
    value = ownAttribute(object, key.str());
  if (!value.is(Kind::Missing))
    return value;
  if (key.is(Kind::String))
    return noAttribute(object, key.str());
  return heap_.undefined(std::string("a value of type '") + typeName(object) +
                         "' has no element " + repr(heap_, key));
}

} // namespace sluice::jinja
