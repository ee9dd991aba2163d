// Nodes that are ops: slots by kind, lists, masks. Nothing here knows a
// particular op; all it goes by is the registry.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

using llm::OpInfo;
using llm::Slot;
using llm::SlotKind;
using Slots = std::vector<std::pair<std::string, Operand>>;

static std::vector<std::string> slotNames(const OpInfo &info) {
  std::vector<std::string> names;
  for (const Slot &slot : info.slots)
    if (!slot.implied && !slot.primary && slot.kind != SlotKind::Fields)
      names.emplace_back(slot.name);
  names.emplace_back("when");
  return names;
}

// A word, `w.name`, or a number: what an arithmetic operand may be.
bool GraphBuilder::graphValue(const Data &data, Frame &frame, Operand &out) {
  if (data.isWord()) {
    const std::string &text = data.scalar.text;
    if (text.starts_with("w.")) {
      WeightRef ref;
      if (!findWeight(text.substr(2), frame, data.location, ref))
        return false;
      out.data = ref;
      return true;
    }
    ValueId id;
    if (!lookup(data.scalar, frame, id))
      return false;
    out.data = id;
    return true;
  }
  FrameEnv env(*this, frame);
  std::optional<Value> value = evaluate(data, env, diagnostics_);
  if (!value)
    return false;
  if (!value->isNumber())
    return error(frame, data.location,
                 "expected a value of the graph, w.name or a number, found " +
                     printShort(*value));
  out.data = Value(value->number());
  return true;
}

bool GraphBuilder::attribute(const OpInfo &info, const Slot &slot,
                             const Data &data, Frame &frame,
                             std::optional<Operand> &out) {
  FrameEnv env(*this, frame);
  std::optional<Value> value = evaluate(data, env, diagnostics_);
  if (!value)
    return false;
  std::string name = quote(slot.name) + " of " + std::string(info.word);
  if (value->isNone()) {
    if (slot.optional)
      return true; // the feature is absent
    return error(frame, data.location, name + " cannot be none");
  }
  auto wrong = [&](const std::string &expected) {
    return error(frame, data.location,
                 name + " must be " + expected + ", found " +
                     printShort(*value));
  };
  switch (slot.kind) {
  case SlotKind::Int:
    if (!value->isInt())
      return wrong("an int");
    break;
  case SlotKind::Float:
    if (!value->isNumber())
      return wrong("a number");
    value = Value(value->number());
    break;
  case SlotKind::Bool:
    if (!value->isBool())
      return wrong("true or false");
    break;
  case SlotKind::Ints:
    if (!value->isList())
      return wrong("a list of ints");
    for (const Value &element : value->list())
      if (!element.isInt())
        return wrong("a list of ints");
    break;
  case SlotKind::Floats:
    if (!value->isList())
      return wrong("a list of numbers");
    for (const Value &element : value->list())
      if (!element.isNumber())
        return wrong("a list of numbers");
    break;
  case SlotKind::Word: {
    std::vector<std::string> words(slot.words.begin(), slot.words.end());
    if (!value->isText())
      return wrong("a word");
    if (std::find(words.begin(), words.end(), value->text()) == words.end())
      return error(frame, data.location,
                   "unknown word " + quote(value->text()) + " for " + name +
                       suggest(value->text(), words));
    break;
  }
  default:
    if (!value->isText())
      return wrong("a text");
    break;
  }
  out = Operand{*value};
  return true;
}

bool GraphBuilder::slot(const OpInfo &info, const Slot &slot, const Data &data,
                        Frame &frame, std::optional<Operand> &out) {
  Operand operand;
  switch (slot.kind) {
  case SlotKind::Value:
    if (slot.operands == 1 || !data.isScalar() || slot.optional) {
      if (slot.operands == -1 && data.kind == Data::Kind::List)
        break;
      if (slot.optional && data.isWord() &&
          frame.absent.count(data.scalar.text))
        return true; // an input that was not given
      if (!graphValue(data, frame, operand))
        return false;
      out = std::move(operand);
      return true;
    }
    break;
  case SlotKind::Values:
    break;
  case SlotKind::Weight: {
    if (!data.isWord())
      return error(frame, data.location,
                   quote(slot.name) + " of " + std::string(info.word) +
                       " must name a weight");
    std::string name = data.scalar.text;
    if (name.starts_with("w."))
      name = name.substr(2);
    WeightRef ref;
    if (!findWeight(name, frame, data.location, ref))
      return false;
    out = Operand{ref};
    return true;
  }
  case SlotKind::State: {
    StateRef ref;
    if (!data.isWord())
      return error(frame, data.location,
                   quote(slot.name) + " of " + std::string(info.word) +
                       " must name a state");
    if (!findState(data.scalar.text, frame, data.location, ref))
      return false;
    out = Operand{ref};
    return true;
  }
  case SlotKind::Mask: {
    Mask terms;
    if (!mask(data, frame, terms))
      return false;
    out = Operand{std::move(terms)};
    return true;
  }
  default:
    return attribute(info, slot, data, frame, out);
  }
  // A list of values.
  if (data.kind != Data::Kind::List || data.items.empty())
    return error(frame, data.location,
                 quote(slot.name) + " of " + std::string(info.word) +
                     " must be a list of values");
  size_t count = data.items.size(),
         expected = size_t(std::max(slot.operands, 0));
  if (count < expected || (expected > 0 && count > expected && !info.foldsList))
    return error(frame, data.location,
                 std::string(info.word) + " takes " + std::to_string(expected) +
                     (info.foldsList ? " or more" : "") + " values, found " +
                     std::to_string(count));
  if (!grow(frame, data.location, count))
    return false;
  std::vector<Operand> list;
  for (const Data &item : data.items) {
    list.emplace_back();
    if (!graphValue(item, frame, list.back()))
      return false;
  }
  out = Operand{std::move(list)};
  return true;
}

bool GraphBuilder::primary(const OpInfo &info, const Data &data, Frame &frame,
                           Slots &out) {
  std::vector<const Slot *> slots;
  for (const Slot &candidate : info.slots)
    if (candidate.primary)
      slots.push_back(&candidate);
  std::string word(info.word);
  if (slots.size() == 1) {
    std::optional<Operand> operand;
    if (!slot(info, *slots[0], data, frame, operand))
      return false;
    if (!operand)
      return error(frame, data.location, word + " needs an operand");
    out.emplace_back(std::string(slots[0]->name), std::move(*operand));
    return true;
  }
  size_t count = data.kind == Data::Kind::List ? data.items.size() : 0;
  if (count != slots.size())
    return error(frame, data.location,
                 word + " takes a list of " + std::to_string(slots.size()) +
                     " operands, found " +
                     (count ? std::to_string(count) : "one"));
  for (size_t i = 0; i < count; ++i) {
    std::optional<Operand> operand;
    if (!slot(info, *slots[i], data.items[i], frame, operand) || !operand)
      return false;
    out.emplace_back(std::string(slots[i]->name), std::move(*operand));
  }
  return true;
}

// One of the slots that a cache's fields make.
bool GraphBuilder::field(const OpInfo &info, const NodeDecl &decl,
                         const ArgDecl &arg, Frame &frame, Slots &out) {
  const StateRef *ref = nullptr;
  for (const auto &[name, operand] : out)
    if (const auto *state = operand.get<StateRef>())
      ref = state;
  const State *state = ref ? model_.state(*ref) : nullptr;
  std::vector<std::string> names = slotNames(info);
  if (state)
    for (const auto &[name, shape] : state->fields)
      names.insert(names.begin(), name);
  for (const auto &[name, shape] :
       state ? state->fields : decltype(state->fields)()) {
    if (name != arg.name.text)
      continue;
    Operand operand;
    if (!graphValue(arg.value, frame, operand))
      return false;
    out.emplace_back(name, std::move(operand));
    return true;
  }
  return error(frame, arg.name.location,
               "unknown slot " + quote(arg.name.text) + " of " + decl.op +
                   suggest(arg.name.text, names));
}

bool GraphBuilder::operands(const OpInfo &info, const NodeDecl &decl,
                            Frame &frame, Slots &out) {
  if (!primary(info, decl.args[0].value, frame, out))
    return false;
  std::set<std::string> given;
  for (size_t i = 1; i < decl.args.size(); ++i) {
    const ArgDecl &arg = decl.args[i];
    const Slot *named = llm::findSlot(info, arg.name.text);
    given.insert(arg.name.text);
    if (!named || named->implied || named->primary ||
        named->kind == SlotKind::Fields || named->kind == SlotKind::Bias) {
      if (info.takesFields) {
        if (!field(info, decl, arg, frame, out))
          return false;
        continue;
      }
      return error(frame, arg.name.location,
                   "unknown slot " + quote(arg.name.text) + " of " + decl.op +
                       suggest(arg.name.text, slotNames(info)));
    }
    std::optional<Operand> operand;
    if (!slot(info, *named, arg.value, frame, operand))
      return false;
    if (operand)
      out.emplace_back(arg.name.text, std::move(*operand));
  }
  for (const Slot &needed : info.slots)
    if (!needed.optional && !needed.implied && !needed.primary &&
        needed.kind != SlotKind::Fields && needed.kind != SlotKind::Bias &&
        needed.name != info.fixedSlot && !given.count(std::string(needed.name)))
      return error(
          frame, decl.location,
          decl.op + " needs " + quote(needed.name) +
              (needed.doc.empty() ? "" : ": " + std::string(needed.doc)));
  return true;
}

bool GraphBuilder::trackState(const OpInfo &info, const NodeDecl &decl,
                              Frame &frame, const StateRef &ref) {
  // An op that is given rows writes its state; one without rows only reads.
  bool writes = info.takesFields;
  for (const Slot &other : info.slots)
    writes |= other.kind == SlotKind::Value || other.kind == SlotKind::Values;
  std::string name = quote(printRef(ref.path, ref.index));
  bool once = model_.state(ref)->once, source = entry_->kind == "source";
  if (!writes) {
    everRead_.emplace(ref, decl.location);
    return written_.count(ref) || (once && !source) ||
           error(frame, decl.location,
                 "state " + name +
                     " must be appended to before it is read in this entry; "
                     "only a state with `once: true` has been written by "
                     "another one");
  }
  everWritten_.insert(ref);
  if (model_.state(ref)->fixed) // what it held goes into the result
    everRead_.emplace(ref, decl.location);
  if (once && !source)
    return error(frame, decl.location,
                 "state " + name +
                     " is written once, by an entry of kind "
                     "source, not by " +
                     quote(entry_->name));
  if (source && !once)
    return error(frame, decl.location,
                 "state " + name +
                     " needs `once: true` to be written by an entry of kind "
                     "source");
  if (!written_.insert(ref).second)
    return error(frame, decl.location,
                 "state " + name + " is written twice in entry " +
                     quote(entry_->name));
  return true;
}

bool GraphBuilder::op(const NodeDecl &decl, Frame &frame, Sink sink) {
  const OpInfo *info = llm::findOp(decl.op);
  Slots slots;
  if (!info || !operands(*info, decl, frame, slots) ||
      !masksReach(decl, frame, slots, sink))
    return false;
  if (info->op.empty()) {
    // Another name for the same value.
    const ValueId *id = slots[0].second.get<ValueId>();
    if (!id)
      return error(frame, decl.location, decl.op + " needs a value");
    frame.bind(decl.results[0], *id);
    return true;
  }
  if (info->takesFields) {
    const State *state = nullptr;
    for (const auto &[name, operand] : slots)
      if (const auto *ref = operand.get<StateRef>())
        state = model_.state(*ref);
    Slots ordered(slots.begin(), slots.begin() + 1);
    for (const auto &[name, shape] : state->fields) {
      auto it = std::find_if(slots.begin() + 1, slots.end(),
                             [&, &field = name](const auto &entry) {
                               return entry.first == field;
                             });
      if (it == slots.end())
        return error(frame, decl.location,
                     decl.op + " needs a value for the field " + quote(name));
      ordered.push_back(*it);
    }
    slots = std::move(ordered);
  }
  std::optional<StateRef> touched;
  for (const auto &[name, operand] : slots)
    if (const auto *ref = operand.get<StateRef>()) {
      touched = *ref;
      if (!trackState(*info, decl, frame, *ref))
        return false;
    }
  if (!finishOp(*info, decl, frame, std::move(slots), sink))
    return false;
  if (touched)
    sink.handles[sink.nodes.back().results[0].id] = *touched;
  return true;
}

bool GraphBuilder::finishOp(const OpInfo &info, const NodeDecl &decl,
                            Frame &frame, Slots slots, Sink sink) {
  Node node;
  node.location = decl.location;
  node.calls = frame.calls;
  node.name = frame.path + "/" + decl.results[0];
  node.op = decl.op;
  node.slots = std::move(slots);
  int64_t results = info.results;
  if (results < 0) {
    // One per element of `sizes`.
    const Operand *sizes = node.slot("sizes");
    const Value *value = sizes ? sizes->get<Value>() : nullptr;
    results = value && value->isList() ? int64_t(value->list().size()) : 1;
  }
  if (results != int64_t(decl.results.size()))
    return error(frame, decl.resultLocation,
                 decl.op + " gives " + std::to_string(results) +
                     (results == 1 ? " result" : " results") + ", but " +
                     std::to_string(decl.results.size()) + " are named");
  for (const std::string &result : decl.results) {
    ValueId id = sink.fresh();
    node.results.push_back(id);
    if (result != "_")
      frame.bind(result, id);
  }
  sink.nodes.push_back(std::move(node));
  return true;
}

} // namespace sluice::spec
