// Filters that run another filter, a test or a look-up on each item.
#include "runtime/template/AttributePath.h"
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Lazy.h"

namespace sluice::jinja {

namespace {
using Each = std::function<Value(const Value &)>;

// The arguments behind the first `count` for each item in turn.
CallArguments argumentsFor(const Value &item, const Call &c, size_t count) {
  CallArguments arguments;
  arguments.positional.push_back(item);
  arguments.positional.insert(arguments.positional.end(),
                              c.positional.begin() +
                                  int64_t(std::min(count, c.positional.size())),
                              c.positional.end());
  arguments.named = c.named;
  return arguments;
}

Each attributeGetter(std::shared_ptr<Call> c) {
  Value attribute = Value::none(), otherwise = Value::missing();
  for (const auto &[name, value] : c->named) {
    if (name == "attribute")
      attribute = value;
    else if (name == "default")
      otherwise = value.is(Kind::None) ? Value::missing() : value;
    else
      fail("'map' has no parameter '" + name + "'");
  }
  auto path = std::make_shared<AttributePath>(c->heap(), attribute);
  return [c, path, otherwise](const Value &item) {
    return path->of(c->in, item, otherwise);
  };
}

Each mapper(std::shared_ptr<Call> c) {
  bool attribute = false;
  for (const auto &[name, value] : c->named)
    attribute |= name == "attribute";
  if (c->positional.size() == 1 && attribute)
    return attributeGetter(c);
  if (c->positional.size() == 1)
    fail("'map' needs the name of a filter, or attribute=");
  return [c](const Value &item) {
    return c->in.applyFilter((*c)[1], argumentsFor(item, *c, 2));
  };
}

void needValue(const Call &c, const char *name) {
  if (c.positional.empty())
    fail(std::string("'") + name + "' needs a value");
}

// A copy that outlives the call, since iterators run later.
std::shared_ptr<Call> keep(const Call &c) { return std::make_shared<Call>(c); }

Value mapFilter(Call &call) {
  needValue(call, "map");
  std::shared_ptr<Call> c = keep(call);
  std::shared_ptr<Iteration> source;
  Each each;
  return lazy(c->heap(), [c, source, each](Value &out) mutable {
    if (!source) {
      if (!truth((*c)[0]))
        return false;
      each = mapper(c);
      source = std::make_shared<Iteration>(c->heap(), (*c)[0]);
    }
    if (!source->next(out))
      return false;
    out = each(out);
    return true;
  });
}

// Whether the item passes the test that the arguments name.
std::function<bool(const Value &)> tester(std::shared_ptr<Call> c,
                                          bool ofAttribute) {
  size_t name = ofAttribute ? 2 : 1;
  if (c->positional.size() < name)
    fail("the name of an attribute is missing");
  auto path = std::make_shared<AttributePath>(
      c->heap(), ofAttribute ? (*c)[1] : Value::none());
  return [c, path, name](const Value &item) {
    Value value = path->of(c->in, item);
    if (c->positional.size() == name)
      return truth(value);
    return c->in.applyTest((*c)[name], argumentsFor(value, *c, name + 1));
  };
}

template <bool ofAttribute, bool wanted> Value selectFilter(Call &call) {
  needValue(call, "select");
  std::shared_ptr<Call> c = keep(call);
  std::shared_ptr<Iteration> source;
  std::function<bool(const Value &)> test;
  return lazy(c->heap(), [c, source, test](Value &out) mutable {
    if (!source) {
      if (!truth((*c)[0]))
        return false;
      test = tester(c, ofAttribute);
      source = std::make_shared<Iteration>(c->heap(), (*c)[0]);
    }
    while (source->next(out))
      if (test(out) == wanted)
        return true;
    return false;
  });
}
} // namespace

const BuiltinTable &selectFilters() {
  static const BuiltinTable table = {
      {"map", 1, {}, mapFilter, true},
      {"select", 1, {}, selectFilter<false, true>, true},
      {"reject", 1, {}, selectFilter<false, false>, true},
      {"selectattr", 1, {}, selectFilter<true, true>, true},
      {"rejectattr", 1, {}, selectFilter<true, false>, true},
  };
  return table;
}

} // namespace sluice::jinja
