// States: what a sequence keeps between steps.
#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Names.h"

namespace sluice::spec {

void WeightBinder::bindStates(ConfigScope &config, Model &model) {
  model_ = &model;
  instances_ = 0;
  walkStates(file_.state, config, {});
  model.index();
}

bool WeightBinder::declareGroup(const std::string &path, const Group &group,
                                const Location &location) {
  auto [it, fresh] = groups_.emplace(path, group);
  if (fresh) {
    groupPaths_.push_back(path);
    return true;
  }
  if (it->second.count == group.count)
    return true;
  diagnostics_.error(location, "group " + quote(path) + " of states has " +
                                   std::to_string(group.count) +
                                   " instances, the group of weights has " +
                                   std::to_string(it->second.count));
  return false;
}

void WeightBinder::walkStates(const StateGroup &group, ConfigScope &env,
                              Scope scope) {
  if (!group.name.empty())
    scope.path = scope.child(group.name);
  if (group.when) {
    std::optional<bool> when = evaluateBool(*group.when, env, diagnostics_);
    if (!when || !*when)
      return;
  }
  if (!group.each) {
    groups_.emplace(scope.path, Group());
    return walkStateChildren(group, env, scope);
  }
  std::optional<int64_t> count =
      evaluateInt(group.each->count, env, diagnostics_);
  if (!count)
    return;
  if (*count < 1 || *count > maxInstances) {
    diagnostics_.error(group.each->location,
                       "group " + quote(scope.path) + " cannot have " +
                           std::to_string(*count) + " instances");
    return;
  }
  if (!declareGroup(scope.path, {*count, group.each->index}, group.location))
    return;
  for (int64_t i = 0; i < *count && grow(group.each->location); ++i) {
    Scope instance = scope;
    if (scope.index >= 0)
      instance.path += "[" + std::to_string(i) + "]";
    else
      instance.index = i;
    env.indices.emplace_back(group.each->index, i);
    walkStateChildren(group, env, instance);
    env.indices.pop_back();
  }
}

void WeightBinder::walkStateChildren(const StateGroup &group, ConfigScope &env,
                                     const Scope &scope) {
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<StateGroup>(&child))
      walkStates(*inner, env, scope);
    else
      state(std::get<StateLeaf>(child), env, scope);
  }
}

// A limit that may be none.
static bool limit(const std::optional<Data> &data, Env &env,
                  Diagnostics &diagnostics, int64_t &out) {
  if (!data)
    return true;
  std::optional<Value> value = evaluate(*data, env, diagnostics);
  if (!value)
    return false;
  if (value->isNone())
    return true;
  if (!value->isInt() || value->integer() < 1) {
    diagnostics.error(data->location,
                      "expected a positive int or none, found " +
                          print(*value));
    return false;
  }
  out = value->integer();
  return true;
}

// Whether a cache begins with rows of zeros, which it keeps as many of as of
// others.
static bool fullOf(const std::optional<Data> &data, Env &env,
                   Diagnostics &diagnostics, State &out) {
  if (!data)
    return true;
  std::optional<Value> value = evaluate(*data, env, diagnostics);
  if (!value)
    return false;
  if (value->isNone())
    return true;
  if (!value->isNumber() || value->number() != 0) {
    diagnostics.error(data->location,
                      "a cache can be full of 0 or none, found " +
                          print(*value));
    return false;
  }
  if (out.keep == 0 || out.once) {
    diagnostics.error(data->location,
                      "a cache that is full says how many rows it keeps, and "
                      "is not `once`");
    return false;
  }
  out.full = true;
  return true;
}

// A number that may be left out.
static bool number(const std::optional<Data> &data, Env &env,
                   Diagnostics &diagnostics, double &out) {
  if (!data)
    return true;
  std::optional<Value> value = evaluate(*data, env, diagnostics);
  if (!value)
    return false;
  if (!value->isNumber()) {
    diagnostics.error(data->location,
                      "expected a number, found " + print(*value));
    return false;
  }
  out = value->number();
  return true;
}

// The weight that a fixed state begins with, of its group's instance or at the
// root. One that the checkpoint lacks leaves it at 0.
bool WeightBinder::start(const StateLeaf &leaf, const Scope &scope,
                         State &out) {
  std::string name = leaf.init->scalar.text.substr(2);
  WeightRef near{scope.child(name), scope.index}, root{name, -1};
  const WeightRef &ref = model_->weight(near) ? near : root;
  const Weight *weight = model_->weight(ref);
  if (!weight)
    return true;
  const Weight *stored = model_->stored(ref);
  const Shape &shape = out.fields.front().second;
  if (stored->shape != shape)
    diagnostics_.error(leaf.init->location,
                       "the state has the shape " + printShape(shape) +
                           ", the weight that it begins with has " +
                           printShape(stored->shape));
  else if (stored->index >= 0 && stored->index != out.index)
    diagnostics_.error(leaf.init->location,
                       "a state can begin with a weight of its own instance "
                       "or of the root, found " +
                           quote(printRef(stored->path, stored->index)));
  else
    out.start = ref;
  return out.start.has_value();
}

void WeightBinder::state(const StateLeaf &leaf, ConfigScope &env,
                         const Scope &scope) {
  if (!grow(leaf.location))
    return;
  if (leaf.when) {
    std::optional<bool> when = evaluateBool(*leaf.when, env, diagnostics_);
    if (!when || !*when)
      return;
  }
  State out;
  out.path = scope.child(leaf.name);
  out.index = scope.index;
  out.location = leaf.location;
  out.once = leaf.once;
  for (const StateLeaf::Field &field : leaf.fields) {
    std::optional<Shape> shape = declaredShape(field.shape, env);
    if (!shape)
      return;
    out.fields.emplace_back(field.name, *shape);
  }
  if (leaf.fixed) {
    out.fixed = true;
    bool named = leaf.init && leaf.init->isWord() &&
                 leaf.init->scalar.text.starts_with("w.");
    if (named ? !start(leaf, scope, out)
              : !number(leaf.init, env, diagnostics_, out.init))
      return;
  } else if (out.fields.size() == 2 &&
             out.fields[0].second[0] != out.fields[1].second[0]) {
    diagnostics_.error(
        leaf.location,
        "a cache has as many heads of keys as of values, found " +
            printShape(out.fields[0].second) + " and " +
            printShape(out.fields[1].second));
    return;
  }
  if (!limit(leaf.keep, env, diagnostics_, out.keep) ||
      !limit(leaf.chunk, env, diagnostics_, out.chunk) ||
      !fullOf(leaf.fullOf, env, diagnostics_, out))
    return;
  if (!states_.insert({out.path, out.index}).second) {
    diagnostics_.error(leaf.location, "two states are named " +
                                          quote(printRef(out.path, out.index)));
    return;
  }
  model_->states.push_back(std::move(out));
}

} // namespace sluice::spec
