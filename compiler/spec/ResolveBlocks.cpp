// Resolves the names in blocks and entries, before there is a checkpoint:
// values, weights, states and the slots of ops.
#include "compiler/spec/Names.h"
#include "compiler/spec/Resolve.h"

#include <algorithm>

namespace sluice::spec {

using llm::OpInfo;
using llm::Slot;
using llm::SlotKind;

template <typename T>
static bool contains(const std::vector<T> &list, const T &value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// The last parts of the paths, which is what blocks write.
static std::vector<std::string> lastParts(const std::vector<std::string> &all) {
  std::set<std::string> out;
  for (const std::string &path : all)
    out.insert(path.substr(path.rfind('.') + 1));
  return {out.begin(), out.end()};
}

void NameResolver::useName(const std::string &name, const Location &location,
                           Flow &flow) {
  auto it = flow.names.find(name);
  if (it != flow.names.end()) {
    // Any binding may be the one in force: a later one may have been left out.
    it->second.clear();
    return;
  }
  auto known = [&] {
    std::vector<std::string> names;
    for (const auto &[other, bounds] : flow.names)
      names.push_back(other);
    return names;
  };
  diagnostics_.error(location, quote(name) + " is used before it is bound" +
                                   hint(name, known));
}

// layers[2].w -> layers.w
static std::string withoutInstances(std::string name) {
  while (std::optional<InstanceName> stated = instanceName(name))
    name = stated->name;
  return name;
}

// A block that lists what it takes from its scope takes nothing else, and what
// it lists may be missing there.
void NameResolver::weightName(const std::string &name, const Location &location,
                              const Flow &flow) {
  const BlockDecl *block = flow.block;
  if (block && (file_.library || !block->weights.empty())) {
    if (!block->takesWeight(name))
      diagnostics_.error(location,
                         "this block lists the weights that it takes from its "
                         "scope; " +
                             quote(name) + " is not in `weights`" +
                             suggest(name, block->weights));
    return;
  }
  if (!leaves_.endsIn(withoutInstances(name)))
    diagnostics_.error(
        location, "unknown weight " + quote(name) +
                      hint(name, [&] { return lastParts(leaves_.paths()); }));
}

void NameResolver::stateName(const std::string &name, const Location &location,
                             const Flow &flow) {
  const BlockDecl *block = flow.block;
  if (block && (file_.library || !block->states.empty())) {
    if (!block->takesState(name))
      diagnostics_.error(location,
                         "this block lists the states that it takes from its "
                         "scope; " +
                             quote(name) + " is not in `state`" +
                             suggest(name, block->states));
    return;
  }
  if (!states_.endsIn(withoutInstances(name)))
    diagnostics_.error(
        location, "unknown state " + quote(name) +
                      hint(name, [&] { return lastParts(states_.paths()); }));
}

void NameResolver::graphValue(const Data &data, Flow &flow) {
  if (!data.isWord()) {
    check(data, flow.visible);
    return;
  }
  const std::string &text = data.scalar.text;
  if (text.starts_with("w."))
    weightName(text.substr(2), data.location, flow);
  else
    useName(text, data.location, flow);
}

void NameResolver::mask(const Data &data, Flow &flow) {
  if (data.kind == Data::Kind::List) {
    for (const Data &item : data.items)
      mask(item, flow);
    return;
  }
  if (data.kind != Data::Kind::Map)
    return;
  for (const Data &argument : data.items)
    if (argument.kind == Data::Kind::Scalar)
      graphValue(argument, flow);
    else
      mask(argument, flow);
}

void NameResolver::slot(const OpInfo &info, const Slot &slot, const Data &data,
                        Flow &flow) {
  switch (slot.kind) {
  case SlotKind::Value:
  case SlotKind::Values:
    if (data.kind == Data::Kind::List)
      for (const Data &item : data.items)
        graphValue(item, flow);
    else
      graphValue(data, flow);
    return;
  case SlotKind::Weight:
    if (data.isWord()) {
      const std::string &text = data.scalar.text;
      weightName(text.starts_with("w.") ? text.substr(2) : text, data.location,
                 flow);
    } else {
      diagnostics_.error(data.location, quote(slot.name) + " of " +
                                            std::string(info.word) +
                                            " must name a weight");
    }
    return;
  case SlotKind::State:
    if (data.isWord())
      stateName(data.scalar.text, data.location, flow);
    else
      diagnostics_.error(data.location, quote(slot.name) + " of " +
                                            std::string(info.word) +
                                            " must name a state");
    return;
  case SlotKind::Mask:
    mask(data, flow);
    return;
  case SlotKind::Word: {
    std::vector<std::string> words(slot.words.begin(), slot.words.end());
    if (data.isWord() && !contains(words, data.scalar.text))
      diagnostics_.error(data.location, "unknown word " +
                                            quote(data.scalar.text) + " for " +
                                            quote(slot.name) + " of " +
                                            std::string(info.word) +
                                            suggest(data.scalar.text, words));
    break;
  }
  default:
    if (data.isWord() && slot.kind != SlotKind::Text)
      diagnostics_.error(
          data.location,
          quote(slot.name) + " of " + std::string(info.word) +
              " takes a number, not the word " + quote(data.scalar.text) +
              (paramSet_.count(data.scalar.text)
                   ? "; a parameter is written $" + data.scalar.text
                   : ""));
    break;
  }
  check(data, flow.visible);
}

void NameResolver::op(const NodeDecl &node, Flow &flow) {
  const OpInfo &info = *llm::findOp(node.op);
  std::vector<std::string> names;
  std::vector<const Slot *> primaries;
  for (const Slot &slot : info.slots) {
    if (slot.primary)
      primaries.push_back(&slot);
    else if (!slot.implied && slot.kind != SlotKind::Fields &&
             slot.kind != SlotKind::Bias)
      names.emplace_back(slot.name);
  }
  const Data &first = node.args[0].value;
  if (primaries.size() == 1) {
    slot(info, *primaries[0], first, flow);
  } else {
    for (size_t i = 0; i < first.items.size() && !primaries.empty(); ++i)
      slot(info, *primaries[std::min(i, primaries.size() - 1)], first.items[i],
           flow);
  }
  for (size_t i = 1; i < node.args.size(); ++i) {
    const ArgDecl &arg = node.args[i];
    const Slot *named = llm::findSlot(info, arg.name.text);
    if (named && contains(names, arg.name.text)) {
      slot(info, *named, arg.value, flow);
    } else if (info.takesFields) {
      // The state tells which fields there are, once it is bound.
      graphValue(arg.value, flow);
    } else {
      auto known = [&] {
        std::vector<std::string> all = names;
        all.push_back("when");
        return all;
      };
      diagnostics_.error(arg.name.location,
                         "unknown slot " + quote(arg.name.text) + " of " +
                             node.op + hint(arg.name.text, known));
    }
  }
  for (const Slot &needed : info.slots) {
    if (needed.optional || needed.implied || needed.primary ||
        needed.kind == SlotKind::Fields || needed.kind == SlotKind::Bias)
      continue;
    bool given = std::any_of(
        node.args.begin(), node.args.end(),
        [&](const ArgDecl &arg) { return arg.name.text == needed.name; });
    if (!given)
      diagnostics_.error(
          node.location,
          node.op + " needs " + quote(needed.name) +
              (needed.doc.empty() ? "" : ": " + std::string(needed.doc)));
  }
}

void NameResolver::bindResults(const NodeDecl &node, Flow &flow) {
  for (const std::string &result : node.results) {
    if (result == "_")
      continue;
    std::vector<Bound> &bounds = flow.names[result];
    if (!node.when) {
      // Nobody can see the earlier ones from here on.
      unused(result, bounds);
      bounds.clear();
    }
    bounds.push_back({node.resultLocation, false});
  }
}

void NameResolver::unused(const std::string &name,
                          const std::vector<Bound> &bounds) {
  for (const Bound &bound : bounds)
    diagnostics_.error(bound.location,
                       bound.input ? "input " + quote(name) + " is never used"
                                   : "result " + quote(name) +
                                         " is never used; `_` throws one away");
}

void NameResolver::node(const NodeDecl &node, Flow &flow) {
  if (node.when)
    check(*node.when, flow.visible);
  if (node.kind == NodeDecl::Kind::Op)
    op(node, flow);
  else
    call(node, flow);
  bindResults(node, flow);
}

void NameResolver::finish(Flow &flow) {
  for (const auto &[name, bounds] : flow.names)
    unused(name, bounds);
}

// The nodes of an extension need not use all that a base's may be given.
void NameResolver::mayLeave(const std::string &input, const Location &location,
                            const std::vector<NodeDecl> &nodes, Flow &flow) {
  if (!nodes.empty() && nodes[0].location.file != location.file)
    std::erase_if(flow.names[input],
                  [](const Bound &bound) { return bound.input; });
}

void NameResolver::block(const BlockDecl &decl) {
  Flow flow;
  flow.block = flow.visible.block = &decl;
  flow.visible.params = &flow.params;
  for (const ParamSpec &param : decl.params) {
    if (param.fallback) // may count on those before it
      check(*param.fallback, flow.visible);
    flow.params.insert(param.name);
  }
  for (const BlockDecl::Name &input : decl.inputs)
    flow.names[input.name].push_back({input.location, true});
  for (const NodeDecl &n : decl.nodes)
    node(n, flow);
  for (const BlockDecl::Name &result : decl.returns)
    useName(result.name, result.location, flow);
  for (const BlockDecl::Name &input : decl.inputs)
    if (input.optional)
      mayLeave(input.name, input.location, decl.nodes, flow);
  finish(flow);
}

void NameResolver::entry(const EntryDecl &decl) {
  Flow flow;
  for (const std::string &need : decl.needs)
    if (!groups_.contains(need) && !leaves_.contains(need))
      diagnostics_.error(decl.location,
                         "entry " + quote(decl.name) +
                             " needs an unknown group " + quote(need) +
                             hint(need, [&] { return groups_.paths(); }));
  if (decl.when)
    check(*decl.when, {});
  for (const std::optional<Data> *data :
       {&decl.start, &decl.positionStart, &decl.positionBegin,
        &decl.positionAnchors})
    if (*data)
      check(**data, {});
  for (const InputDecl &input : decl.inputs) {
    if (input.when)
      check(*input.when, {});
    for (const Data &size : input.shape)
      check(size, {});
    flow.names[input.name].push_back({input.location, true});
  }
  for (const NodeDecl &n : decl.nodes)
    node(n, flow);
  for (const auto &[name, value] : decl.outputs)
    useName(value.name, value.location, flow);
  for (const InputDecl &input : decl.inputs)
    if (input.when)
      mayLeave(input.name, input.location, decl.nodes, flow);
  finish(flow);
}

} // namespace sluice::spec
