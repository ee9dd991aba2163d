// What a call gives to its block: parameters, inputs, and names of its scope.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Names.h"

namespace sluice::spec {

bool GraphBuilder::checkArguments(const NodeDecl &decl, Frame &frame,
                                  const std::set<std::string> &reserved) {
  std::set<std::string> names = reserved;
  for (const NodeDecl::Choice &choice : decl.blocks) {
    Callee callee;
    if (!findBlock(choice, frame, callee))
      return false;
    for (const ParamSpec &param : callee.block->params)
      names.insert(param.name);
    for (const BlockDecl::Name &input : callee.block->inputs)
      names.insert(input.name);
    for (const std::vector<std::string> *taken :
         {&callee.block->weights, &callee.block->states})
      names.insert(taken->begin(), taken->end());
  }
  for (const ArgDecl &arg : decl.args)
    if (!names.count(arg.name.text))
      return error(frame, arg.name.location,
                   "unknown argument " + quote(arg.name.text) + " of block " +
                       quote(decl.blocks[0].block) +
                       suggest(arg.name.text, {names.begin(), names.end()}));
  return true;
}

static const ArgDecl *argument(const NodeDecl &decl, const std::string &name) {
  for (const ArgDecl &arg : decl.args)
    if (arg.name.text == name)
      return &arg;
  return nullptr;
}

// Fills in everything of the callee's frame but its inputs.
bool GraphBuilder::enter(const NodeDecl &decl, Frame &frame, FrameEnv &env,
                         const Callee &callee, Frame &inner,
                         const std::set<std::string> &reserved) {
  if (!grow(frame, decl.location, callee.block->params.size() / 8))
    return false;
  inner.file = callee.file;
  inner.config = callee.config;
  inner.block = callee.block;
  inner.path = callee.block->name;
  if (callee.file->library)
    inner.path = callee.file->name + "." + inner.path;
  inner.stack = frame.stack;
  inner.stack.push_back(callee.block);
  inner.chain = frame.chain;
  inner.chain.insert(inner.chain.begin(), "in " + inner.path + " (" +
                                              printLocation(decl.location) +
                                              ")");
  FrameEnv own(*this, inner);
  for (const ParamSpec &param : callee.block->params) {
    const ArgDecl *given =
        reserved.count(param.name) ? nullptr : argument(decl, param.name);
    if (!given && !param.optional)
      return error(frame, decl.location,
                   "block " + quote(inner.path) + " needs the parameter " +
                       quote(param.name));
    std::optional<Value> value = Value();
    if (given)
      value = evaluate(given->value, env, diagnostics_);
    else if (param.fallback)
      value = evaluate(*param.fallback, own, diagnostics_);
    if (!value)
      return false;
    if (!(value->isNone() && param.optional && !param.fallback)) {
      std::string message = typeError(param.type, *value);
      if (!message.empty())
        return error(frame, given ? given->name.location : param.location,
                     "parameter " + quote(param.name) + " of block " +
                         quote(inner.path) + " " + message);
    }
    inner.params[param.name] = std::move(*value);
  }
  return true;
}

// Whether an argument says that there is none: `none`, an input that was not
// given to the caller either, or a value that a false `when` left out.
static bool isLeftOut(const Data &value,
                      const std::map<std::string, ValueId> &names,
                      const std::set<std::string> &absent,
                      const std::map<std::string, std::string> &removed) {
  if (!value.isWord())
    return value.isScalar() && !value.scalar.expr &&
           value.scalar.literal.isNone();
  const std::string &text = value.scalar.text;
  return !names.count(text) && (absent.count(text) || removed.count(text));
}

bool GraphBuilder::arguments(const NodeDecl &decl, Frame &frame,
                             const BlockDecl &block, Frame &inner,
                             Arguments &out) {
  for (const BlockDecl::Name &input : block.inputs) {
    const ArgDecl *given = argument(decl, input.name);
    if (!given && !input.optional)
      return error(frame, decl.location,
                   "block " + quote(block.name) + " needs the input " +
                       quote(input.name));
    if (input.optional && (!given || isLeftOut(given->value, frame.names,
                                               frame.absent, frame.removed))) {
      inner.absent.insert(input.name);
      continue;
    }
    if (!given->value.isWord())
      return error(frame, given->value.location,
                   "input " + quote(input.name) + " of block " +
                       quote(block.name) + " must be a value of the graph");
    ValueId id;
    if (!lookup(given->value.scalar, frame, id))
      return false;
    out.emplace_back(input.name, id);
    if (frame.prefixes.count(given->value.scalar.text))
      inner.prefixes.insert(input.name);
  }
  return true;
}

bool GraphBuilder::renamed(const NodeDecl &decl, const Frame &frame,
                           const BlockDecl &block, Frame &inner) {
  for (const ArgDecl &arg : decl.args) {
    const std::string &name = arg.name.text;
    bool isWeight = block.takesWeight(name);
    if (!isWeight && !block.takesState(name))
      continue;
    if (!arg.value.isWord())
      return error(frame, arg.value.location,
                   quote(name) + " must name a " +
                       (isWeight ? "weight" : "state"));
    std::string text = arg.value.scalar.text;
    if (isWeight)
      inner.weights[name] =
          weightOf(text.starts_with("w.") ? text.substr(2) : text, frame);
    else
      inner.states[name] = stateOf(text, frame);
  }
  return true;
}

} // namespace sluice::spec
