// Resolves calls of blocks, before there is a checkpoint: callees, what they
// are given, and which blocks call themselves or are never called.
#include "compiler/spec/Names.h"
#include "compiler/spec/Resolve.h"

#include <algorithm>

namespace sluice::spec {

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

bool NameResolver::recursive(const BlockDecl &block,
                             std::vector<const BlockDecl *> &stack,
                             std::set<const BlockDecl *> &done) {
  if (std::find(stack.begin(), stack.end(), &block) != stack.end()) {
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
