// Resolves the names in blocks and entries, before there is a checkpoint:
// values, weights, states, callees and their arguments.
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

const BlockDecl *NameResolver::callee(const NodeDecl::Choice &choice) {
  const SpecFile *file = &file_;
  std::string name = choice.block;
  for (size_t dot = name.find('.'); dot != std::string::npos;
       dot = name.find('.')) {
    std::string head = name.substr(0, dot);
    const UseDecl *use = file->use(head);
    if (!use || !use->library) {
      std::vector<std::string> names;
      for (const UseDecl &other : file->uses)
        names.push_back(other.name);
      diagnostics_.error(choice.location, "unknown library " + quote(head) +
                                              suggest(head, names));
      return nullptr;
    }
    file = use->library.get();
    name = name.substr(dot + 1);
  }
  if (const BlockDecl *block = file->block(name)) {
    if (file == &file_)
      called_.insert(name);
    return block;
  }
  auto known = [&] {
    std::vector<std::string> names;
    for (const BlockDecl &block : file->blocks)
      names.push_back(block.name);
    return names;
  };
  diagnostics_.error(choice.location,
                     "unknown block " + quote(name) + hint(name, known));
  return nullptr;
}

// Every word that the matched parameter can be needs a block.
void NameResolver::matchWords(const NodeDecl &node) {
  const Expr *expr = node.match ? node.match->expr.get() : nullptr;
  if (expr && expr->kind == Expr::Kind::Index)
    expr = expr->args[0].get();
  if (!expr || expr->kind != Expr::Kind::Ref)
    return;
  auto it = decls_.find(expr->name);
  if (it == decls_.end())
    return;
  std::set<std::string> given;
  for (const NodeDecl::Choice &choice : node.blocks)
    given.insert(choice.word);
  for (const auto &[spelling, data] : it->second->values) {
    if (data.isWord() && !given.count(data.scalar.text))
      diagnostics_.error(node.match->location,
                         "no block is given for " + quote(data.scalar.text) +
                             ", which '$" + expr->name + "' can be");
  }
}

void NameResolver::call(const NodeDecl &node, Flow &flow) {
  Visible inside = flow.visible;
  if (node.kind == NodeDecl::Kind::Repeat) {
    inside.indices = &indices_;
    if (node.times) {
      check(node.times->count, flow.visible);
      inside.bound.push_back(node.times->index);
    }
    check(node.group, inside);
    if (node.group.pieces.size() == 1 &&
        !node.group.pieces[0].literal.empty() &&
        !groups_.endsIn(node.group.text))
      diagnostics_.error(
          node.group.location,
          "unknown group " + quote(node.group.text) +
              hint(node.group.text, [&] { return groups_.paths(); }));
  }
  if (node.in)
    check(*node.in, inside);
  if (node.match)
    check(*node.match, inside);
  matchWords(node);
  std::set<const BlockDecl *> blocks;
  bool complete = true;
  for (const NodeDecl::Choice &choice : node.blocks) {
    const BlockDecl *block = callee(choice);
    complete &= block != nullptr;
    if (block)
      blocks.insert(block);
  }
  callArguments(node, blocks, complete, inside, flow);
}

// The weight or state that the callee finds under another name.
void NameResolver::scopeArgument(const ArgDecl &arg, bool isWeight,
                                 const Flow &flow) {
  const std::string &text = arg.value.scalar.text;
  if (!arg.value.isWord())
    diagnostics_.error(arg.value.location, quote(arg.name.text) +
                                               " must name a " +
                                               (isWeight ? "weight" : "state"));
  else if (isWeight)
    weightName(text.starts_with("w.") ? text.substr(2) : text,
               arg.value.location, flow);
  else
    stateName(text, arg.value.location, flow);
}

void NameResolver::callArguments(const NodeDecl &node,
                                 const std::set<const BlockDecl *> &blocks,
                                 bool complete, const Visible &inside,
                                 Flow &flow) {
  bool experts = node.kind == NodeDecl::Kind::Experts;
  std::set<std::string> names, inputs, weights, states, given;
  if (experts)
    inputs = {"x", "at", "in_scale", "out_scale"};
  for (const BlockDecl *block : blocks) {
    for (const BlockDecl::Name &input : block->inputs)
      (experts ? names : inputs).insert(input.name);
    for (const ParamSpec &param : block->params)
      names.insert(param.name);
    weights.insert(block->weights.begin(), block->weights.end());
    states.insert(block->states.begin(), block->states.end());
  }
  auto known = [&] {
    Names all(names.begin(), names.end());
    for (const std::set<std::string> *more : {&inputs, &weights, &states})
      all.insert(all.end(), more->begin(), more->end());
    return all;
  };
  for (const ArgDecl &arg : node.args) {
    given.insert(arg.name.text);
    bool isInput = inputs.count(arg.name.text);
    if (isInput && arg.value.isWord()) {
      useName(arg.value.scalar.text, arg.value.location, flow);
      continue;
    }
    bool isParam = isInput || names.count(arg.name.text);
    if (!isParam &&
        (weights.count(arg.name.text) || states.count(arg.name.text))) {
      scopeArgument(arg, weights.count(arg.name.text), flow);
      continue;
    }
    check(arg.value, inside);
    if (!isInput && !names.count(arg.name.text) && complete)
      diagnostics_.error(arg.name.location,
                         "unknown argument " + quote(arg.name.text) +
                             " of block " + quote(node.blocks[0].block) +
                             hint(arg.name.text, known));
  }
  for (const BlockDecl *block : blocks) {
    for (const ParamSpec &param : block->params)
      if (!param.optional && !given.count(param.name))
        diagnostics_.error(node.location, "block " + quote(block->name) +
                                              " needs the parameter " +
                                              quote(param.name));
    for (const BlockDecl::Name &input : block->inputs)
      if (!experts && !input.optional && !given.count(input.name))
        diagnostics_.error(node.location, "block " + quote(block->name) +
                                              " needs the input " +
                                              quote(input.name));
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

bool NameResolver::recursive(const BlockDecl &block,
                             std::vector<const BlockDecl *> &stack,
                             std::set<const BlockDecl *> &done) {
  if (contains(stack, &block)) {
    diagnostics_.error(block.location,
                       "block " + quote(block.name) + " calls itself");
    return true;
  }
  if (stack.size() == maxCallDepth) {
    diagnostics_.error(block.location, "blocks call each other more than " +
                                           std::to_string(maxCallDepth) +
                                           " deep");
    return true;
  }
  if (!done.insert(&block).second)
    return false;
  stack.push_back(&block);
  for (const NodeDecl &node : block.nodes)
    for (const NodeDecl::Choice &choice : node.blocks)
      if (const BlockDecl *inner = file_.block(choice.block))
        if (recursive(*inner, stack, done))
          return true;
  stack.pop_back();
  return false;
}

void NameResolver::recursion() {
  std::set<const BlockDecl *> done;
  for (const BlockDecl &block : file_.blocks) {
    std::vector<const BlockDecl *> stack;
    if (recursive(block, stack, done))
      return;
  }
}

void NameResolver::neverCalled() {
  // Of what a base offers a family takes what it needs.
  for (const BlockDecl &block : file_.blocks)
    if (!called_.count(block.name) && block.location.file == file_.path)
      diagnostics_.error(block.location,
                         "block " + quote(block.name) + " is never called");
}

} // namespace sluice::spec
