// Nodes that call blocks: once, once per index, or per expert.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Names.h"

#include <algorithm>
#include <charconv>

namespace sluice::spec {

bool GraphBuilder::findBlock(const NodeDecl::Choice &choice, Frame &frame,
                             Callee &out) {
  out = {frame.file, frame.config, nullptr};
  std::string name = choice.block;
  for (size_t dot = name.find('.'); dot != std::string::npos;
       dot = name.find('.')) {
    const UseDecl *use = out.file->use(name.substr(0, dot));
    if (!use)
      return error(frame, choice.location,
                   "unknown library " + quote(name.substr(0, dot)));
    out.config = out.config->library(use->name);
    out.file = use->library.get();
    name = name.substr(dot + 1);
  }
  out.block = out.file->block(name);
  if (!out.block)
    return error(frame, choice.location, "unknown block " + quote(name));
  if (std::find(frame.stack.begin(), frame.stack.end(), out.block) !=
      frame.stack.end())
    return error(frame, choice.location,
                 "block " + quote(choice.block) + " calls itself");
  if (frame.stack.size() == maxCallDepth)
    return error(frame, choice.location,
                 "blocks call each other more than " +
                     std::to_string(maxCallDepth) + " deep");
  return true;
}

bool GraphBuilder::callee(const NodeDecl &decl, Frame &frame, FrameEnv &env,
                          Callee &out) {
  if (!decl.match)
    return findBlock(decl.blocks[0], frame, out);
  std::optional<Value> word = evaluate(*decl.match, env, diagnostics_);
  if (!word)
    return false;
  std::string text = word->isText() ? word->text() : print(*word);
  std::vector<std::string> words;
  for (const NodeDecl::Choice &choice : decl.blocks) {
    words.push_back(choice.word);
    if (choice.word == text)
      return findBlock(choice, frame, out);
  }
  return error(frame, decl.match->location,
               "no block is given for " + quote(text) + suggest(text, words));
}

// "layers", "layers[3]", or a group of the root.
bool GraphBuilder::findGroup(const std::string &name, Frame &frame,
                             const Location &location, Scope &out) {
  std::string plain = name;
  int64_t index = -1;
  if (name.ends_with("]")) {
    size_t open = name.rfind('[');
    if (open == std::string::npos)
      return error(frame, location, "malformed group " + quote(name));
    const char *first = name.data() + open + 1;
    const char *last = name.data() + name.size() - 1;
    auto result = std::from_chars(first, last, index);
    if (result.ec != std::errc() || result.ptr != last || index < 0)
      return error(frame, location, "malformed index in " + quote(name));
    plain = name.substr(0, open);
  }
  const WeightBinder::Group *group = weights_.group(frame.scope.child(plain));
  out = {frame.scope.child(plain), frame.scope.index};
  if (!group && !frame.file->library) {
    group = weights_.group(plain);
    out = {plain, -1};
  }
  if (!group)
    return error(frame, location,
                 "unknown group " + quote(name) +
                     suggest(plain, weights_.groupPaths()));
  if (index < 0)
    return true;
  if (group->count <= index)
    return error(frame, location,
                 "group " + quote(plain) + " has " +
                     (group->count < 0
                          ? std::string("no instances")
                          : std::to_string(group->count) + " instances"));
  if (out.index >= 0)
    out.path += "[" + std::to_string(index) + "]";
  else
    out.index = index;
  return true;
}

bool GraphBuilder::scopeOf(const Template &text, Frame &frame, FrameEnv &env,
                           Scope &out) {
  std::optional<std::string> name = expand(text, env, diagnostics_);
  if (!name || !findGroup(*name, frame, text.location, out))
    return false;
  const WeightBinder::Group *group = weights_.group(out.path);
  bool instance = out.index >= 0 || !group || group->count < 0;
  if (instance &&
      (out.index < 0 || name->ends_with("]") || !group || group->count < 0))
    return true;
  return error(frame, text.location,
               "group " + quote(*name) +
                   " has instances; write which one, or use `repeat`");
}

bool GraphBuilder::bindResults(const NodeDecl &decl, Frame &frame,
                               size_t count) {
  bool none = count == 0 && decl.results.size() == 1 && decl.results[0] == "_";
  if (none || decl.results.size() == count)
    return true;
  return error(frame, decl.resultLocation,
               "block " + quote(decl.blocks[0].block) + " returns " +
                   std::to_string(count) + (count == 1 ? " value" : " values") +
                   ", but " + std::to_string(decl.results.size()) +
                   " are named" + (count == 0 ? "; write _ for none" : ""));
}

bool GraphBuilder::inlined(const NodeDecl &decl, Frame &frame, FrameEnv &env,
                           Sink sink,
                           const std::map<std::string, ValueId> &carried,
                           std::map<std::string, ValueId> &returns) {
  Callee target;
  Frame inner;
  inner.scope = frame.scope;
  if (!callee(decl, frame, env, target) || !checkArguments(decl, frame, {}) ||
      !enter(decl, frame, env, target, inner, {}))
    return false;
  if (decl.in && !scopeOf(*decl.in, frame, env, inner.scope))
    return false;
  if (!decl.in) { // still the caller's scope, with its names
    inner.weights = frame.weights;
    inner.states = frame.states;
  }
  Arguments args;
  if (!renamed(decl, frame, *target.block, inner) ||
      !arguments(decl, frame, *target.block, inner, args))
    return false;
  for (const auto &[name, id] : args) {
    auto before = carried.find(name);
    inner.names[name] = before == carried.end() ? id : before->second;
  }
  inner.calls = frame.calls;
  inner.calls.insert(inner.calls.begin(), decl.location);
  if (!nodes(target.block->nodes, inner, sink) ||
      !bindResults(decl, frame, target.block->returns.size()))
    return false;
  std::vector<ValueId> results;
  for (const BlockDecl::Name &result : target.block->returns) {
    Scalar word;
    word.location = result.location;
    word.text = result.name;
    results.emplace_back();
    if (!lookup(word, inner, results.back()))
      return false;
    returns[result.name] = results.back();
  }
  for (size_t i = 0; i < results.size(); ++i)
    if (decl.results[i] != "_")
      frame.bind(decl.results[i], results[i]);
  return true;
}

bool GraphBuilder::call(const NodeDecl &decl, Frame &frame, Sink sink) {
  FrameEnv env(*this, frame);
  std::map<std::string, ValueId> returns;
  return inlined(decl, frame, env, sink, {}, returns);
}

bool GraphBuilder::repeatTimes(const NodeDecl &decl, Frame &frame, Sink sink) {
  FrameEnv env(*this, frame);
  std::optional<int64_t> count =
      evaluateInt(decl.times->count, env, diagnostics_);
  if (!count)
    return false;
  if (*count < 1)
    return error(frame, decl.times->location,
                 "a block can be repeated once or more, not " +
                     std::to_string(*count) + " times");
  std::map<std::string, ValueId> before;
  for (int64_t i = 0; i < *count; ++i) {
    env.indices.assign(1, {decl.times->index, Value(i)});
    // The arguments are those of before the repeat.
    Frame outer = frame;
    std::map<std::string, ValueId> returns;
    if (!grow(frame, decl.location) ||
        !inlined(decl, i + 1 < *count ? outer : frame, env, sink, before,
                 returns))
      return false;
    before = std::move(returns);
  }
  return true;
}

bool GraphBuilder::body(const Callee &target, Frame &inner,
                        const Arguments &inputs,
                        std::map<int, StateRef> &handles, Body &out) {
  out.block = inner.path;
  out.location = target.block->location;
  for (const auto &[name, outside] : inputs) {
    ValueId id{out.valueCount++};
    out.inputNames.push_back(name);
    out.inputs.push_back(id);
    inner.names[name] = id;
  }
  if (!nodes(target.block->nodes, inner, {out.nodes, out.valueCount, handles}))
    return false;
  for (const BlockDecl::Name &result : target.block->returns) {
    Scalar word;
    word.location = result.location;
    word.text = result.name;
    ValueId id;
    if (!lookup(word, inner, id))
      return false;
    out.returnNames.push_back(result.name);
    out.returns.push_back(id);
  }
  return true;
}

// The handle that a value is, if it is one.
static const StateRef *handleOf(const std::map<int, StateRef> &handles,
                                int value) {
  auto it = handles.find(value);
  return it == handles.end() ? nullptr : &it->second;
}

bool GraphBuilder::repeatCall(const NodeDecl &decl, Frame &frame, FrameEnv &env,
                              const Scope &scope, int64_t index,
                              const Sink &sink, Carried &carried, Repeat &out) {
  Callee target;
  Frame inner;
  if (!grow(frame, decl.location) || !callee(decl, frame, env, target) ||
      !enter(decl, frame, env, target, inner, {}))
    return false;
  inner.scope = scope;
  if (scope.index >= 0)
    inner.scope.path += "[" + std::to_string(index) + "]";
  else
    inner.scope.index = index;
  inner.chain[0] = "in " + inner.path + " (" + printLocation(decl.location) +
                   "), repeated over " + scope.path + "[" +
                   std::to_string(index) + "] by " + frame.path;
  Repeat::Call call;
  call.index = index;
  Arguments inputs;
  if (!renamed(decl, inner, *target.block, inner) ||
      !arguments(decl, frame, *target.block, inner, inputs))
    return false;
  std::map<int, StateRef> handles;
  for (size_t i = 0; i < inputs.size(); ++i) {
    call.args.push_back(inputs[i].second);
    auto from = carried.returns.find(inputs[i].first);
    bool isCarried = from != carried.returns.end();
    call.carried.push_back(isCarried ? from->second : -1);
    if (const StateRef *handle = isCarried
                                     ? handleOf(carried.handles, from->second)
                                     : handleOf(sink.handles, call.args[i].id))
      handles.emplace(int(i), *handle);
  }
  const std::vector<BlockDecl::Name> &returns = target.block->returns;
  if (!body(target, inner, inputs, handles, call.body) ||
      !bindResults(decl, frame, returns.size()))
    return false;
  if (!out.calls.empty() && carried.count != returns.size())
    return error(frame, decl.location,
                 "the blocks of one repeat must return the same values");
  carried = {{}, {}, returns.size()};
  for (size_t r = 0; r < returns.size(); ++r) {
    carried.returns.emplace(returns[r].name, int(r));
    if (const StateRef *handle = handleOf(handles, call.body.returns[r].id))
      carried.handles.emplace(int(r), *handle);
  }
  out.calls.push_back(std::move(call));
  return true;
}

bool GraphBuilder::repeat(const NodeDecl &decl, Frame &frame, Sink sink) {
  if (decl.times)
    return repeatTimes(decl, frame, sink);
  FrameEnv env(*this, frame);
  Scope scope;
  std::optional<std::string> name = expand(decl.group, env, diagnostics_);
  if (!name || !findGroup(*name, frame, decl.group.location, scope) ||
      !checkArguments(decl, frame, {}))
    return false;
  const WeightBinder::Group *group = weights_.group(scope.path);
  if (!group || group->count < 0)
    return error(frame, decl.group.location,
                 "group " + quote(*name) + " has no `each` to repeat over");
  auto result = std::make_unique<Repeat>();
  result->group = scope.path;
  Carried carried;
  for (int64_t i = 0; i < group->count; ++i) {
    env.indices.assign(1, {group->index, Value(i)});
    if (!repeatCall(decl, frame, env, scope, i, sink, carried, *result))
      return false;
  }
  Node node;
  node.location = decl.location;
  node.calls = frame.calls;
  node.name = frame.path + "/" + decl.results[0];
  node.op = "repeat";
  for (size_t i = 0; i < carried.count; ++i) {
    ValueId id = sink.fresh();
    node.results.push_back(id);
    if (const StateRef *handle = handleOf(carried.handles, int(i)))
      sink.handles.emplace(id.id, *handle);
    if (decl.results[i] != "_")
      frame.bind(decl.results[i], id);
  }
  node.repeat = std::move(result);
  sink.nodes.push_back(std::move(node));
  return true;
}

bool GraphBuilder::experts(const NodeDecl &decl, Frame &frame, Sink sink) {
  static const std::set<std::string> reserved = {"x", "at", "in_scale",
                                                 "out_scale"};
  FrameEnv env(*this, frame);
  Callee target;
  Frame inner;
  inner.scope = frame.scope;
  if (!callee(decl, frame, env, target) ||
      !checkArguments(decl, frame, reserved) ||
      !enter(decl, frame, env, target, inner, reserved) ||
      (decl.in && !scopeOf(*decl.in, frame, env, inner.scope)))
    return false;
  if (target.block->inputs.size() != 1 || target.block->returns.size() != 1)
    return error(frame, decl.location,
                 "a block of experts has one input and one result");
  if (!renamed(decl, frame, *target.block, inner))
    return false;
  Node node;
  node.location = decl.location;
  node.calls = frame.calls;
  node.name = frame.path + "/" + decl.results[0];
  node.op = "experts";
  for (const ArgDecl &arg : decl.args) {
    if (!reserved.count(arg.name.text))
      continue;
    ValueId id;
    if (!arg.value.isWord())
      return error(frame, arg.value.location,
                   quote(arg.name.text) + " of experts must be a value of the "
                                          "graph");
    if (!lookup(arg.value.scalar, frame, id))
      return false;
    node.slots.emplace_back(arg.name.text, Operand{id});
  }
  for (size_t i = 1; i < node.slots.size(); ++i)
    if (node.slots[i].first == "x")
      std::rotate(node.slots.begin(), node.slots.begin() + long(i),
                  node.slots.begin() + long(i) + 1);
  if (!node.slot("x") || !node.slot("at"))
    return error(frame, decl.location, "experts needs `at`: the chosen ones");
  node.body = std::make_unique<Body>();
  std::map<int, StateRef> handles;
  if (!body(target, inner, {{target.block->inputs[0].name, {}}}, handles,
            *node.body) ||
      !bindResults(decl, frame, 1))
    return false;
  node.results.push_back(sink.fresh());
  if (decl.results[0] != "_")
    frame.bind(decl.results[0], node.results[0]);
  sink.nodes.push_back(std::move(node));
  return true;
}

} // namespace sluice::spec
