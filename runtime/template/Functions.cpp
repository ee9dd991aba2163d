// The functions that every template can call.
#include "runtime/template/Interpreter.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Print.h"

#include <ctime>

namespace sluice::jinja {

namespace {
// As in Jinja2's sandbox.
constexpr int64_t maxRange = 100'000;

Value rangeFunction(Call &c) {
  Range *range = c.heap().make<Range>();
  if (c.has(1)) {
    range->start = c.integer(0);
    range->stop = c.integer(1);
    range->step = c.integer(2, 1);
  } else {
    range->stop = c.integer(0);
  }
  if (range->step == 0)
    fail("the step of a range can't be zero");
  if (range->size() > maxRange)
    fail("a range has at most " + std::to_string(maxRange) +
             " numbers, this has " + std::to_string(range->size()),
         Code::Resource);
  return Value::of(Kind::Range, range);
}

// From a dict or pairs, and named arguments.
Dict *makeDict(Call &c, const char *name) {
  Heap &heap = c.heap();
  Dict *dict = heap.make<Dict>();
  if (c.positional.size() > 1)
    fail(std::string("'") + name + "' takes at most 1 argument, found " +
         std::to_string(c.positional.size()));
  if (!c.positional.empty() && c[0].is(Kind::Dict)) {
    for (const auto &[key, value] : c[0].dict().entries)
      dict->set(heap, key, value);
  } else if (!c.positional.empty()) {
    Value pair;
    for (Iteration it(heap, c[0]); it.next(pair);) {
      std::vector<Value> parts = items(heap, pair);
      if (parts.size() != 2)
        fail(std::string("'") + name + "' takes pairs, found " +
             std::to_string(parts.size()) + " values");
      dict->set(heap, parts[0], parts[1]);
    }
  }
  for (const auto &[key, value] : c.named)
    dict->set(heap, heap.string(key), value);
  return dict;
}

Value dictFunction(Call &c) {
  return Value::of(Kind::Dict, makeDict(c, "dict"));
}

Value namespaceFunction(Call &c) {
  Namespace *names = c.heap().make<Namespace>();
  names->names = makeDict(c, "namespace");
  return Value::of(Kind::Namespace, names);
}

struct Joiner : Callable {
  Value call(Interpreter &in, CallArguments arguments) override {
    if (!arguments.positional.empty() || !arguments.named.empty())
      fail("a joiner takes no arguments");
    return std::exchange(used, true) ? separator : in.heap().string("");
  }
  std::string print() override { return "<Joiner>"; }
  Value attribute(Interpreter &, std::string_view name) override {
    return name == "sep"    ? separator
           : name == "used" ? Value::of(used)
                            : Value::missing();
  }
  Value separator;
  bool used = false;
};

Value joinerFunction(Call &c) {
  Joiner *joiner = c.heap().make<Joiner>();
  joiner->separator = c.has(0) ? c[0] : c.heap().string(", ");
  return Value::of(Kind::Callable, joiner);
}

struct Cycler : Callable {
  Value call(Interpreter &, CallArguments) override {
    fail("a cycler can't be called; use its method next()");
  }
  std::string print() override { return "<Cycler>"; }
  Value attribute(Interpreter &in, std::string_view name) override;
  std::vector<Value> values;
  size_t at = 0;
};

struct CyclerMethod : Callable {
  Value call(Interpreter &, CallArguments arguments) override {
    if (!arguments.positional.empty() || !arguments.named.empty())
      fail("the method of a cycler takes no arguments");
    size_t at = cycler->at;
    cycler->at = advances ? (at + 1) % cycler->values.size() : 0;
    return advances ? cycler->values[at] : Value::none();
  }
  std::string print() override { return "<bound method>"; }
  Cycler *cycler = nullptr;
  bool advances = false;
};

Value Cycler::attribute(Interpreter &in, std::string_view name) {
  if (name == "current")
    return values[at];
  if (name != "next" && name != "reset")
    return Value::missing();
  CyclerMethod *method = in.heap().make<CyclerMethod>();
  method->cycler = this;
  method->advances = name == "next";
  return Value::of(Kind::Callable, method);
}

Value cyclerFunction(Call &c) {
  if (c.positional.empty() || !c.named.empty())
    fail("'cycler' takes at least 1 argument and no named ones");
  Cycler *cycler = c.heap().make<Cycler>();
  cycler->values = c.positional;
  return Value::of(Kind::Callable, cycler);
}

Value raiseException(Call &c) {
  throw Error{
      Code::InvalidArgument, "the template refuses: " + c.string(0).str(), {}};
}

// Python's fields that C does not know, for a time without zone: no zone, and
// no microseconds.
std::string formatForC(const std::string &format) {
  std::string result;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      result += format[i];
      continue;
    }
    char field = format[++i];
    if (field == 'f')
      result += "000000";
    else if (field != 'z' && field != 'Z')
      (result += '%') += field;
  }
  return result;
}

// What strftime() gives is as long as it may be, or nothing.
Value strftimeNow(Call &c) {
  const std::string &format = c.text(0);
  if (format.empty())
    return c.heap().string("");
  if (format.size() > 1000)
    fail("the format of a date has more than 1000 bytes", Code::Resource);
  std::tm now = c.in.now();
  std::string text(16384, '\0');
  text.resize(std::strftime(text.data(), text.size(),
                            formatForC(format).c_str(), &now));
  return c.heap().string(std::move(text));
}
} // namespace

const BuiltinTable &globals() {
  static const BuiltinTable table = {
      {"range", 1, {"", "", ""}, rangeFunction},
      {"dict", 0, {}, dictFunction, true},
      {"namespace", 0, {}, namespaceFunction, true},
      {"joiner", 0, {"sep"}, joinerFunction},
      {"cycler", 0, {}, cyclerFunction, true},
      {"raise_exception", 1, {"message"}, raiseException},
      {"strftime_now", 1, {"format"}, strftimeNow},
  };
  return table;
}

} // namespace sluice::jinja
