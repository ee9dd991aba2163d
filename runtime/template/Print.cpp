#include "runtime/template/Print.h"

#include "runtime/template/Callable.h"
#include "runtime/template/Strings.h"

namespace sluice::jinja {

namespace {
void printItems(Writer &out, const std::vector<Value> &items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      out << ", ";
    printRepr(out, items[i]);
  }
}

void printDict(Writer &out, const Dict &dict) {
  out << "{";
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0)
      out << ", ";
    printRepr(out, dict.entries[i].first);
    out << ": ";
    printRepr(out, dict.entries[i].second);
  }
  out << "}";
}

void printView(Writer &out, const Value &value) {
  out << typeName(value) << "([";
  const View &view = value.view();
  for (size_t i = 0; i < view.dict->entries.size(); ++i) {
    const auto &[key, item] = view.dict->entries[i];
    out << (i > 0 ? ", " : "");
    out << (view.part == View::Items ? "(" : "");
    if (view.part != View::Values)
      printRepr(out, key);
    out << (view.part == View::Items ? ", " : "");
    if (view.part != View::Keys)
      printRepr(out, item);
    out << (view.part == View::Items ? ")" : "");
  }
  out << "])";
}

void printRange(Writer &out, const Range &range) {
  out << "range(" << std::to_string(range.start) << ", "
      << std::to_string(range.stop);
  if (range.step != 1)
    out << ", " << std::to_string(range.step);
  out << ")";
}

// Namespaces may hold each other, so only how many names there are is certain
// to end; Python prints them in full.
void printNamespace(Writer &out, const Namespace &names) {
  out << "<Namespace ";
  bool nested = false;
  for (const auto &[key, value] : names.names->entries)
    nested |= value.isObject();
  if (nested)
    out << "{...}";
  else
    printDict(out, *names.names);
  out << ">";
}

void printString(Writer &out, const Value &value) {
  out << (value.safe ? "Markup(" : "") << quotedText(value.str())
      << (value.safe ? ")" : "");
}
} // namespace

void printRepr(Writer &out, const Value &value) {
  switch (value.kind) {
  case Kind::String:
    return printString(out, value);
  case Kind::Missing:
  case Kind::Undefined:
    out << "Undefined";
    return;
  case Kind::List:
    out << "[";
    printItems(out, value.list().items);
    out << "]";
    return;
  case Kind::Tuple:
    out << "(";
    printItems(out, value.list().items);
    out << (value.list().items.size() == 1 ? ",)" : ")");
    return;
  default:
    return print(out, value);
  }
}

void print(Writer &out, const Value &value) {
  switch (value.kind) {
  case Kind::Missing:
  case Kind::Undefined:
    return;
  case Kind::None:
    out << "None";
    return;
  case Kind::Bool:
    out << (value.boolean ? "True" : "False");
    return;
  case Kind::Int:
    out << std::to_string(value.integer);
    return;
  case Kind::Float:
    out << printFloat(value.real);
    return;
  case Kind::String:
    out << value.str();
    return;
  case Kind::List:
  case Kind::Tuple:
    return printRepr(out, value);
  case Kind::Dict:
    return printDict(out, value.dict());
  case Kind::View:
    return printView(out, value);
  case Kind::Range:
    return printRange(out, value.range());
  case Kind::Iterator:
    out << "<generator object>";
    return;
  case Kind::Namespace:
    return printNamespace(out, value.names());
  case Kind::Callable:
  case Kind::Loop:
    out << value.callable().print();
    return;
  }
}

Value toString(Heap &heap, const Value &value) {
  if (value.is(Kind::String))
    return value;
  Writer out(heap);
  print(out, value);
  return out.value();
}

std::string repr(Heap &heap, const Value &value) {
  Writer out(heap);
  printRepr(out, value);
  return out.take();
}

void failUndefined(const Value &value) {
  fail(value.text ? value.str() : "the value is undefined");
}

} // namespace sluice::jinja
