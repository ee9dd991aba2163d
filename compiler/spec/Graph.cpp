#include "compiler/spec/Graph.h"

#include "compiler/spec/Names.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace sluice::spec {

bool GraphBuilder::FrameEnv::lookup(const std::string &name, Value &value,
                                    std::string &error) {
  auto it = frame_.params.find(name);
  if (it != frame_.params.end()) {
    value = it->second;
    return true;
  }
  return frame_.config->lookup(name, value, error);
}

bool GraphBuilder::FrameEnv::has(const std::string &name, bool &value,
                                 std::string &) {
  const WeightBinder &weights = builder_.weights_;
  value = weights.isPresent(builder_.weightOf(name, frame_)) ||
          weights.holdsGroup({frame_.scope.child(name), frame_.scope.index});
  // A library sees only the scope that it was called in.
  if (!frame_.file->library && !frame_.weights.count(name))
    value = value || weights.isPresent({name, -1}) ||
            weights.holdsGroup({name, -1});
  const std::string bias = ".bias";
  if (!value && name.ends_with(bias)) {
    WeightRef of =
        builder_.weightOf(name.substr(0, name.size() - bias.size()), frame_);
    value = builder_.model_.bias(of) != nullptr;
  }
  return true;
}

bool GraphBuilder::FrameEnv::given(const std::string &name, bool &value,
                                   std::string &) {
  value = !frame_.absent.count(name);
  return true;
}

bool GraphBuilder::error(const Frame &frame, const Location &location,
                         const std::string &message) {
  Diagnostic &d = diagnostics_.error(location, message);
  d.notes.insert(d.notes.end(), frame.chain.begin(), frame.chain.end());
  return false;
}

bool GraphBuilder::grow(const Frame &frame, const Location &location,
                        size_t by) {
  made_ += by;
  return made_ <= maxNodes ||
         error(frame, location,
               "the graph has more than " + std::to_string(maxNodes) +
                   " nodes with all blocks called");
}

void GraphBuilder::build(const BindOptions &options) {
  std::vector<std::string> names;
  for (const EntryDecl &decl : file_.entries)
    names.push_back(decl.name);
  for (const std::string &wanted : options.entries)
    if (std::find(names.begin(), names.end(), wanted) == names.end())
      diagnostics_.error({file_.path}, "there is no entry " + quote(wanted) +
                                           suggest(wanted, names));
  bool skipped = false;
  for (const EntryDecl &decl : file_.entries) {
    std::optional<bool> present = isPresent(decl);
    if (present.value_or(false))
      entry(decl);
    skipped |= present == false;
    if (diagnostics_.full())
      break;
  }
  if (!diagnostics_.ok())
    return;
  if (model_.entries.empty())
    diagnostics_.error({file_.path},
                       "this checkpoint has the weights of no entry");
  for (const auto &[ref, location] : everRead_)
    if (!everWritten_.count(ref))
      diagnostics_.error(location, "state " +
                                       quote(printRef(ref.path, ref.index)) +
                                       " is read but no entry writes it");
  reportUnused(skipped);
  prune(options);
}

std::optional<bool> GraphBuilder::isPresent(const EntryDecl &decl) {
  for (const std::string &need : decl.needs)
    if (!weights_.group(need) && !weights_.isPresent({need, -1}))
      return false;
  if (!decl.when)
    return true;
  Frame frame = frameOf(decl);
  FrameEnv env(*this, frame);
  return evaluateBool(*decl.when, env, diagnostics_);
}

GraphBuilder::Frame GraphBuilder::frameOf(const EntryDecl &decl) {
  Frame frame;
  frame.file = &file_;
  frame.config = &config_;
  frame.path = decl.name;
  return frame;
}

bool GraphBuilder::entryParams(const EntryDecl &decl, Entry &out,
                               FrameEnv &env) {
  bool ok = true;
  // The runtime keeps tokens and positions as 32 bits.
  auto count = [&](const std::optional<Data> &data,
                   std::optional<int64_t> &out) {
    std::optional<Value> value =
        data ? evaluate(*data, env, diagnostics_) : Value();
    ok &= value.has_value();
    if (!value || value->isNone())
      return;
    if (value->isInt() && value->integer() >= 0 &&
        value->integer() <= std::numeric_limits<int32_t>::max())
      out = value->integer();
    else
      ok = error(frameOf(decl), data->location,
                 "expected an int from 0 to 2147483647 or none, found " +
                     printShort(*value));
  };
  count(decl.start, out.start);
  count(decl.positionStart, out.positionStart);
  count(decl.positionBegin, out.positionBegin);
  return ok && anchors(decl, out, env);
}

// Of positions of kind spans: a list of tokens, or of lists of them.
bool GraphBuilder::anchors(const EntryDecl &decl, Entry &out, FrameEnv &env) {
  if (!decl.positionAnchors)
    return true;
  auto wrong = [&](const std::string &what) {
    return error(frameOf(decl), decl.positionAnchors->location, what);
  };
  std::optional<Value> value =
      evaluate(*decl.positionAnchors, env, diagnostics_);
  if (!value)
    return false;
  if (!out.positionBegin)
    return wrong("positions of kind spans need the token that `begin` names");
  auto token = [](const Value &value) {
    return value.isInt() && value.integer() >= 0 &&
           value.integer() <= std::numeric_limits<int32_t>::max();
  };
  for (const Value &element : value->isList() ? value->list() : List()) {
    std::vector<int64_t> equal;
    for (const Value &one : element.isList() ? element.list() : List{element})
      if (token(one))
        equal.push_back(one.integer());
      else
        return wrong("an anchor is a token, found " + printShort(one));
    if (!equal.empty())
      out.positionAnchors.push_back(std::move(equal));
  }
  return !out.positionAnchors.empty() ||
         wrong("anchors are a list of tokens, or of lists of them, found " +
               printShort(*value));
}

bool GraphBuilder::inputShape(const InputDecl &decl, EntryInput &out,
                              FrameEnv &env) {
  constexpr int64_t most = int64_t(1) << 31; // numbers of a row
  int64_t width = 1;
  for (const Data &size : decl.shape) {
    std::optional<int64_t> value = evaluateInt(size, env, diagnostics_);
    if (!value)
      return false;
    if (*value < 1 || *value > most / width)
      return error(frameOf(*entry_), size.location,
                   "a size of an input's rows cannot be " +
                       std::to_string(*value));
    width *= *value;
    out.shape.push_back(*value);
  }
  return true;
}

void GraphBuilder::entry(const EntryDecl &decl) {
  entry_ = &decl;
  written_.clear();
  Entry out;
  out.name = decl.name;
  out.kind = decl.kind;
  out.location = decl.location;
  out.positions = decl.positions;
  Frame frame = frameOf(decl);
  FrameEnv env(*this, frame);
  bool ok = entryParams(decl, out, env);
  for (const InputDecl &input : decl.inputs) {
    std::optional<bool> present = true;
    if (input.when)
      present = evaluateBool(*input.when, env, diagnostics_);
    if (!present.value_or(false)) {
      ok &= present.has_value();
      frame.absent.insert(input.name);
      continue;
    }
    if (input.type == "prefix")
      frame.prefixes.insert(input.name);
    EntryInput in;
    in.name = input.name;
    in.type = input.type;
    in.optional = input.optional;
    in.elem = input.elem;
    ok &= inputShape(input, in, env);
    in.location = input.location;
    in.value = {out.valueCount++};
    frame.names[input.name] = in.value;
    out.inputs.push_back(std::move(in));
  }
  std::map<int, StateRef> handles;
  if (!ok || !nodes(decl.nodes, frame, {out.nodes, out.valueCount, handles}))
    return;
  for (const auto &[name, value] : decl.outputs) {
    Scalar word;
    word.location = value.location;
    word.text = value.name;
    ValueId id;
    if (!lookup(word, frame, id))
      return;
    out.outputs.emplace_back(name.name, id);
  }
  model_.entries.push_back(std::move(out));
}

bool GraphBuilder::lookup(const Scalar &word, Frame &frame, ValueId &out) {
  auto it = frame.names.find(word.text);
  if (it != frame.names.end()) {
    out = it->second;
    return true;
  }
  auto gone = frame.removed.find(word.text);
  if (gone != frame.removed.end())
    return error(frame, word.location,
                 quote(word.text) +
                     " has no value here: its only binding was "
                     "left out because " +
                     gone->second);
  if (frame.absent.count(word.text))
    return error(frame, word.location,
                 "the input " + quote(word.text) +
                     " was not given; what needs it stands under `when: "
                     "given(" +
                     word.text + ")`");
  std::vector<std::string> names;
  for (const auto &[name, id] : frame.names)
    names.push_back(name);
  return error(frame, word.location,
               quote(word.text) + " is not bound here" +
                   suggest(word.text, names));
}

// `layers[2].w`: the path without the number, and the number.
static std::optional<std::pair<std::string, int64_t>>
instanceOf(const std::string &name) {
  std::optional<InstanceName> stated = instanceName(name);
  if (!stated)
    return std::nullopt;
  const std::string &text = stated->index;
  int64_t index = -1;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || index < 0)
    return std::nullopt;
  return std::pair(stated->name, index);
}

WeightRef GraphBuilder::weightOf(const std::string &name,
                                 const Frame &frame) const {
  if (auto it = frame.weights.find(name); it != frame.weights.end())
    return it->second;
  WeightRef near{frame.scope.child(name), frame.scope.index}, root{name, -1};
  if (auto stated = instanceOf(name);
      stated && !frame.file->library && !model_.weight(near))
    return {stated->first, stated->second};
  bool isAtRoot = !frame.file->library && !frame.scope.path.empty() &&
                  !model_.weight(near) && model_.weight(root);
  return isAtRoot ? root : near;
}

StateRef GraphBuilder::stateOf(const std::string &name,
                               const Frame &frame) const {
  if (auto it = frame.states.find(name); it != frame.states.end())
    return it->second;
  StateRef near{frame.scope.child(name), frame.scope.index}, root{name, -1};
  if (auto stated = instanceOf(name);
      stated && !frame.file->library && !model_.state(near))
    return {stated->first, stated->second};
  bool isAtRoot =
      !frame.file->library && !model_.state(near) && model_.state(root);
  return isAtRoot ? root : near;
}

bool GraphBuilder::findWeight(const std::string &name, Frame &frame,
                              const Location &location, WeightRef &out) {
  out = weightOf(name, frame);
  if (model_.weight(out))
    return true;
  std::vector<std::string> names;
  std::string prefix = frame.scope.path.empty() ? "" : frame.scope.path + ".";
  for (const std::string &path : weights_.leafPaths())
    if (path.starts_with(prefix))
      names.push_back(path.substr(prefix.size()));
  std::string where = prefix.empty()
                          ? "the checkpoint"
                          : printRef(frame.scope.child("x"), frame.scope.index);
  if (!prefix.empty())
    where = where.substr(0, where.size() - 2);
  bool declared = std::find(names.begin(), names.end(), name) != names.end();
  return error(frame, location,
               declared ? "weight " + quote(name) + " is absent in " + where
                        : "unknown weight " + quote(name) + " of " + where +
                              suggest(name, names));
}

bool GraphBuilder::findState(const std::string &name, Frame &frame,
                             const Location &location, StateRef &out) {
  out = stateOf(name, frame);
  if (model_.state(out))
    return true;
  std::vector<std::string> names;
  std::string prefix = frame.scope.path.empty() ? "" : frame.scope.path + ".";
  for (const State &state : model_.states)
    if (state.index == frame.scope.index && state.path.starts_with(prefix))
      names.push_back(state.path.substr(prefix.size()));
  return error(frame, location,
               "unknown state " + quote(name) + suggest(name, names));
}

bool GraphBuilder::nodes(const std::vector<NodeDecl> &decls, Frame &frame,
                         Sink sink) {
  for (const NodeDecl &decl : decls)
    if (!node(decl, frame, sink))
      return false;
  return true;
}

bool GraphBuilder::node(const NodeDecl &decl, Frame &frame, Sink sink) {
  if (!grow(frame, decl.location, 1 + decl.args.size() / 8))
    return false;
  if (decl.when) {
    FrameEnv env(*this, frame);
    std::optional<bool> when = evaluateBool(*decl.when, env, diagnostics_);
    if (!when)
      return false;
    if (!*when) {
      std::string names = printNames(*decl.when, env);
      for (const std::string &result : decl.results)
        if (!frame.names.count(result))
          frame.removed[result] = "`" + decl.when->text + "` is false" +
                                  (names.empty() ? "" : " " + names);
      return true;
    }
  }
  switch (decl.kind) {
  case NodeDecl::Kind::Op:
    return op(decl, frame, sink);
  case NodeDecl::Kind::Call:
    return call(decl, frame, sink);
  case NodeDecl::Kind::Repeat:
    return repeat(decl, frame, sink);
  case NodeDecl::Kind::Experts:
    return experts(decl, frame, sink);
  }
  return false;
}

static void collectOperand(const Operand &operand, std::set<WeightRef> &weights,
                           std::set<StateRef> &states) {
  if (const auto *weight = operand.get<WeightRef>())
    weights.insert(*weight);
  if (const auto *state = operand.get<StateRef>())
    states.insert(*state);
  if (const auto *list = operand.get<std::vector<Operand>>())
    for (const Operand &element : *list)
      collectOperand(element, weights, states);
}

void GraphBuilder::collectUsed(const std::vector<Node> &nodes,
                               std::set<WeightRef> &weights,
                               std::set<StateRef> &states) const {
  for (const Node &node : nodes) {
    for (const auto &[name, operand] : node.slots)
      collectOperand(operand, weights, states);
    if (node.body)
      collectUsed(node.body->nodes, weights, states);
    if (node.repeat)
      for (const Repeat::Call &call : node.repeat->calls)
        collectUsed(call.body.nodes, weights, states);
  }
}

// Adds what the used ones stand for, their biases, and what states begin with.
static void closeOver(const Model &model, std::set<WeightRef> &weights,
                      const std::set<StateRef> &states) {
  for (const StateRef &ref : states)
    if (const State *state = model.state(ref); state && state->start)
      weights.insert(*state->start);
  std::vector<WeightRef> todo(weights.begin(), weights.end());
  while (!todo.empty()) {
    WeightRef ref = todo.back();
    todo.pop_back();
    const Weight *weight = model.weight(ref);
    if (weight && !weight->aliasOf.empty() &&
        weights.insert({weight->aliasOf, weight->aliasIndex}).second)
      todo.push_back({weight->aliasOf, weight->aliasIndex});
    if (const Weight *bias = model.bias(ref))
      weights.insert({bias->path, bias->index});
  }
}

// A bias of an alias's target does not belong to the alias, so it may be left
// over; what counts as unused are declared weights.
void GraphBuilder::reportUnused(bool skipped) {
  if (skipped)
    return; // they belong to entries that this checkpoint does not have
  std::set<WeightRef> weights;
  std::set<StateRef> states;
  for (const Entry &entry : model_.entries)
    collectUsed(entry.nodes, weights, states);
  closeOver(model_, weights, states);
  std::set<std::string> reported;
  for (const Weight &weight : model_.weights)
    if (!weights.count({weight.path, weight.index}) &&
        !weight.path.ends_with(".bias") && reported.insert(weight.path).second)
      diagnostics_.error(weight.location,
                         "weight " +
                             quote(printRef(weight.path, weight.index)) +
                             " is used by no node");
  for (const State &state : model_.states)
    if (!states.count({state.path, state.index}) &&
        reported.insert(state.path).second)
      diagnostics_.error(state.location,
                         "state " + quote(printRef(state.path, state.index)) +
                             " is used by no node");
}

void GraphBuilder::prune(const BindOptions &options) {
  if (!options.entries.empty())
    std::erase_if(model_.entries, [&](const Entry &entry) {
      return std::find(options.entries.begin(), options.entries.end(),
                       entry.name) == options.entries.end();
    });
  std::set<WeightRef> weights;
  std::set<StateRef> states;
  for (const Entry &entry : model_.entries)
    collectUsed(entry.nodes, weights, states);
  closeOver(model_, weights, states);
  // Tensors that only entries left out would need are passed over.
  std::set<std::string> kept, dropped;
  for (const Weight &weight : model_.weights)
    for (const TensorPart &part : weight.source.tensors)
      for (const std::string &tensor : {part.tensor, part.scales})
        (weights.count({weight.path, weight.index}) ? kept : dropped)
            .insert(tensor);
  for (const std::string &tensor : dropped)
    if (!tensor.empty() && !kept.count(tensor))
      model_.ignored.push_back(tensor);
  std::erase_if(model_.weights, [&](const Weight &weight) {
    return !weights.count({weight.path, weight.index});
  });
  std::erase_if(model_.states, [&](const State &state) {
    return !states.count({state.path, state.index});
  });
  model_.index();
}

} // namespace sluice::spec
