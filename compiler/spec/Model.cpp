#include "compiler/spec/Model.h"

namespace sluice::spec {

void Model::index() {
  weightIndex_.clear();
  stateIndex_.clear();
  for (size_t i = 0; i < weights.size(); ++i)
    weightIndex_.emplace(WeightRef{weights[i].path, weights[i].index}, i);
  for (size_t i = 0; i < states.size(); ++i)
    stateIndex_.emplace(StateRef{states[i].path, states[i].index}, i);
}

const Weight *Model::weight(const WeightRef &ref) const {
  auto it = weightIndex_.find(ref);
  return it == weightIndex_.end() ? nullptr : &weights[it->second];
}

const Weight *Model::stored(const WeightRef &ref) const {
  const Weight *found = weight(ref);
  // An alias of an alias is followed; binding has refused cycles.
  while (found && !found->aliasOf.empty())
    found = weight({found->aliasOf, found->aliasIndex});
  return found;
}

const Weight *Model::bias(const WeightRef &ref) const {
  return weight({ref.path + ".bias", ref.index});
}

const State *Model::state(const StateRef &ref) const {
  auto it = stateIndex_.find(ref);
  return it == stateIndex_.end() ? nullptr : &states[it->second];
}

const Value *Model::parameter(const std::string &name) const {
  for (const ConfigValue &value : config)
    if (value.name == name)
      return &value.value;
  return nullptr;
}

} // namespace sluice::spec
