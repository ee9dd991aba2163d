#include "compiler/spec/BindWeights.h"

#include "compiler/spec/Names.h"

#include <algorithm>
#include <charconv>

namespace sluice::spec {

WeightBinder::WeightBinder(const SpecFile &file,
                           const checkpoint::Checkpoint &checkpoint,
                           Diagnostics &diagnostics)
    : file_(file), checkpoint_(checkpoint), diagnostics_(diagnostics),
      format_(formatKey(checkpoint)) {}

bool WeightBinder::grow(const Location &location) {
  if (++instances_ <= maxInstances)
    return true;
  if (instances_ == maxInstances + 1)
    diagnostics_.error(location, "the groups have more than " +
                                     std::to_string(maxInstances) +
                                     " instances with all that is in them");
  return complete_ = false;
}

bool WeightBinder::exists(const std::string &tensor) const {
  return checkpoint_.synthetic() || checkpoint_.find(tensor);
}

const WeightBinder::Group *WeightBinder::group(const std::string &path) const {
  auto it = groups_.find(path);
  return it == groups_.end() ? nullptr : &it->second;
}

bool WeightBinder::holdsGroup(const WeightRef &ref) const {
  if (there_.count(ref))
    return true;
  auto any = there_.lower_bound({ref.path, -1});
  return ref.index < 0 && any != there_.end() && any->path == ref.path;
}

void WeightBinder::bind(ConfigScope &config, Model &model) {
  model_ = &model;
  readIgnored(file_, config);
  readPassed();
  walk(file_.weights, {config, {}, "", false});
  walkLibraries(file_, config, "");
  reportMissing();
  model.index();
  checkAliases();
  // Without all weights, what is left over says nothing.
  if (!checkpoint_.synthetic() && complete_)
    reportUnused();
}

// What the file and the libraries that it uses pass over.
void WeightBinder::readIgnored(const SpecFile &file, ConfigScope &config) {
  auto ignored = file.ignore.find(format_);
  if (ignored != file.ignore.end())
    for (const Template &pattern : ignored->second)
      if (std::optional<std::string> text =
              expand(pattern, config, diagnostics_))
        ignorePatterns_.push_back(*text);
  for (const UseDecl &use : file.uses)
    readIgnored(*use.library, *config.library(use.name));
}

void WeightBinder::readPassed() {
  std::vector<std::string> names;
  for (const auto &[name, info] : checkpoint_.tensors())
    names.push_back(name);
  for (const std::string &passed : passed_) {
    if (!names.empty() && countTensors(checkpoint_, passed) == 0)
      diagnostics_.error({checkpoint_.path()},
                         "no tensor is named " + quote(passed) +
                             ", which is to be passed over" +
                             suggest(passed, names));
    ignorePatterns_.push_back(passed);
  }
}

void WeightBinder::walkLibraries(const SpecFile &file, ConfigScope &config,
                                 const std::string &path) {
  for (const UseDecl &use : file.uses) {
    std::string name = path.empty() ? use.name : path + "." + use.name;
    ConfigScope *inner = config.library(use.name);
    groupPaths_.push_back(name);
    groups_[name] = {};
    walkInstance(use.library->weights, {*inner, {name, -1}, "", false});
    walkLibraries(*use.library, *inner, name);
  }
}

void WeightBinder::walk(const WeightGroup &group, Place place) {
  if (!group.name.empty())
    place.scope.path = place.scope.child(group.name);
  const std::string path = place.scope.path;
  if (place.scope.index <= 0)
    groupPaths_.push_back(path);
  if (group.when) {
    std::optional<bool> when =
        evaluateBool(*group.when, place.env, diagnostics_);
    if (!when || !*when)
      return;
  }
  bool there = groupThere(group, place, 0);
  if (group.optional && !there)
    return;
  if (there)
    there_.insert({path, place.scope.index});
  if (!group.each) {
    groups_.emplace(path, Group());
    walkInstance(group, place);
    return;
  }
  std::optional<int64_t> count =
      evaluateInt(group.each->count, place.env, diagnostics_);
  if (!count || *count < 1 || *count > maxInstances) {
    if (count)
      diagnostics_.error(group.each->location,
                         "group " + quote(path) + " cannot have " +
                             std::to_string(*count) + " instances, only 1 to " +
                             std::to_string(maxInstances));
    complete_ = false;
    return;
  }
  groups_.emplace(path, Group{*count, group.each->index});
  for (int64_t i = 0; i < *count && grow(group.each->location); ++i) {
    BoundIndex index(place.env, group.each->index, i);
    Place instance = place;
    // Only one index is kept apart; an inner one becomes part of the path.
    if (place.scope.index >= 0) {
      instance.scope.path = path + "[" + std::to_string(i) + "]";
      groups_.emplace(instance.scope.path, Group());
    } else {
      instance.scope.index = i;
    }
    walkInstance(group, instance);
  }
}

void WeightBinder::walkInstance(const WeightGroup &group, const Place &outer) {
  Place place = outer;
  std::optional<std::string> prefix = prefixOf(group, place);
  if (!prefix)
    return;
  place.prefix = *prefix;
  if (instanceThere(group, place, 0))
    there_.insert({place.scope.path, place.scope.index});
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<WeightGroup>(&child))
      walk(*inner, place);
    else
      leaf(std::get<WeightLeaf>(child), place);
  }
}

static std::string shown(const Scope &scope, const std::string &name) {
  std::string path = scope.path;
  if (scope.index >= 0) {
    // The index belongs to the outermost group, which comes first.
    size_t dot = std::min(path.find('.'), path.size());
    path.insert(dot, "[" + std::to_string(scope.index) + "]");
  }
  return path.empty() ? name : path + "." + name;
}

std::string printRef(const std::string &path, int64_t index) {
  size_t dot = path.rfind('.');
  if (index < 0 || dot == std::string::npos)
    return path;
  return shown({path.substr(0, dot), index}, path.substr(dot + 1));
}

void WeightBinder::leaf(const WeightLeaf &leaf, const Place &place) {
  if (!grow(leaf.location))
    return;
  if (place.scope.index <= 0) {
    if (leaf.holds.empty())
      leafPaths_.push_back(place.scope.child(leaf.name));
    for (const WeightLeaf::Part &part : leaf.holds)
      leafPaths_.push_back(place.scope.child(part.name));
  }
  if (leaf.when) {
    std::optional<bool> when =
        evaluateBool(*leaf.when, place.env, diagnostics_);
    if (!when || !*when)
      return;
  }
  bool done = false;
  if (!sameAs(leaf, place, done) || done)
    return;
  std::optional<BiasMode> mode = biasMode(leaf, place.env);
  if (!mode)
    return;
  if (checkpoint_.synthetic() && leaf.optional)
    return;
  bool failed = false;
  std::optional<Chosen> chosen;
  // Without a file to look into, `absent` decides.
  bool drawn = checkpoint_.synthetic() && leaf.absent;
  if (drawn && leafExists(leaf, place.env, place.prefix, true))
    drawn = false;
  if (!drawn)
    chosen = choose(leaf, place, *mode, failed);
  if (failed)
    return;
  if (chosen) {
    if (leaf.holds.empty())
      bindPlain(leaf, place, *chosen, *mode);
    else
      bindParts(leaf, place, *chosen, *mode);
    return;
  }
  if (leaf.absent) {
    std::optional<bool> allowed = true;
    if (leaf.absent->when)
      allowed = evaluateBool(*leaf.absent->when, place.env, diagnostics_);
    if (!allowed)
      return;
    if (*allowed)
      return bindAlias(leaf, place, *leaf.absent);
  }
  if (leaf.optional)
    return;
  if (place.scope.index < 0)
    if (auto tied = tiedTo(file_.weights, place.env, "", "",
                           place.scope.child(leaf.name)))
      return bindAlias(leaf, place,
                       {leaf.location, *tied, std::nullopt, std::nullopt});
  missing(leaf, place);
}

bool WeightBinder::sameAs(const WeightLeaf &leaf, const Place &place,
                          bool &done) {
  if (!leaf.sameAs)
    return true;
  if (leaf.sameAs->when) {
    std::optional<bool> when =
        evaluateBool(*leaf.sameAs->when, place.env, diagnostics_);
    if (!when)
      return false;
    if (!*when)
      return true;
  }
  done = true;
  auto it = leaf.sources.find(format_);
  if (it != leaf.sources.end() && !checkpoint_.synthetic())
    for (const SourceDecl &decl : it->second) {
      std::vector<Tensor> tensors;
      if (!expandSource(decl, place.env, place.prefix, BiasMode::None, tensors))
        return false;
      passOver({&decl, tensors}, leaf);
    }
  bindAlias(leaf, place, *leaf.sameAs);
  return true;
}

void WeightBinder::bindAlias(const WeightLeaf &leaf, const Place &place,
                             const AliasDecl &alias) {
  if (!leaf.holds.empty()) {
    diagnostics_.error(alias.location, "a fused weight cannot be another one");
    return;
  }
  std::optional<Shape> shape = declaredShape(leaf.shape, place.env);
  if (!shape)
    return;
  Weight weight;
  weight.path = place.scope.child(leaf.name);
  weight.index = place.scope.index;
  weight.shape = *shape;
  weight.experts = shape->size() == 3;
  weight.keepF32 = leaf.keepF32;
  weight.location = leaf.location;
  // checkAliases finds out which one it is.
  weight.aliasOf = alias.use;
  weight.aliasIndex = -2;
  if (alias.instance) {
    std::optional<std::string> index =
        expand(*alias.instance, place.env, diagnostics_);
    if (!index)
      return;
    auto [end, error] = std::from_chars(
        index->data(), index->data() + index->size(), weight.aliasIndex);
    if (error != std::errc() || end != index->data() + index->size() ||
        weight.aliasIndex < 0) {
      diagnostics_.error(alias.location,
                         "an instance has a number, found " + quote(*index));
      return;
    }
  }
  add(leaf, weight, false);
  if (ownBias(leaf))
    explicitBias(leaf, place, weight, {});
}

void WeightBinder::add(const WeightLeaf &leaf, Weight weight, bool present) {
  WeightRef ref{weight.path, weight.index};
  auto [it, fresh] = bound_.emplace(ref, leaf.location);
  if (!fresh) {
    Diagnostic &d = diagnostics_.error(
        leaf.location,
        "two weights are named " + quote(printRef(ref.path, ref.index)));
    d.notes.push_back("the other one is at " + printLocation(it->second));
    return;
  }
  if (present)
    present_.insert(ref);
  model_->weights.push_back(std::move(weight));
}

void WeightBinder::checkAliases() {
  for (Weight &weight : model_->weights) {
    if (weight.aliasOf.empty())
      continue;
    size_t dot = weight.path.rfind('.');
    std::string group =
        dot == std::string::npos ? "" : weight.path.substr(0, dot + 1);
    int64_t stated = weight.aliasIndex;
    WeightRef near{group + weight.aliasOf, stated < 0 ? weight.index : stated};
    WeightRef target =
        bound_.count(near)
            ? near
            : WeightRef{weight.aliasOf, std::max<int64_t>(stated, -1)};
    if (!bound_.count(target) ||
        target == WeightRef{weight.path, weight.index}) {
      diagnostics_.error(weight.location,
                         "weight " + quote(weight.path) + " stands for " +
                             quote(printRef(target.path, target.index)) +
                             ", which this checkpoint does not have" +
                             suggest(weight.aliasOf, leafPaths_));
      weight.aliasOf.clear();
      continue;
    }
    weight.aliasOf = target.path;
    weight.aliasIndex = target.index;
  }
  for (const Weight &weight : model_->weights) {
    const Weight *at = &weight;
    for (size_t steps = 0; at && !at->aliasOf.empty(); ++steps) {
      if (steps > 4) {
        diagnostics_.error(weight.location, "weight " + quote(weight.path) +
                                                " stands for itself");
        return;
      }
      at = model_->weight({at->aliasOf, at->aliasIndex});
    }
    if (at && at->shape != weight.shape)
      diagnostics_.error(weight.location, "weight " + quote(weight.path) + " " +
                                              printShape(weight.shape) +
                                              " stands for " + quote(at->path) +
                                              " " + printShape(at->shape));
  }
}

// Whether a leaf says what it makes of its tensors.
static bool saysApply(const WeightLeaf &leaf) {
  for (const Sources *sources : {&leaf.sources, &leaf.biasSources})
    for (const auto &[format, all] : *sources)
      for (const SourceDecl &source : all)
        if (!source.apply.empty())
          return true;
  return false;
}

// A tensor is two weights only by mistake, unless it is another one each time.
void WeightBinder::use(const std::string &tensor, const WeightLeaf &leaf,
                       const std::string &path) {
  auto [it, fresh] = used_.emplace(tensor, Use{&leaf, path});
  if (fresh || (it->second.leaf == &leaf && it->second.path == path) ||
      saysApply(leaf) || saysApply(*it->second.leaf))
    return;
  Diagnostic &d = diagnostics_.error(
      leaf.location,
      "tensor " + quote(tensor) + " is weight " + quote(path) + " and also " +
          quote(it->second.path) +
          "; parts of one tensor are written with `holds`, another form "
          "of it with `apply`");
  d.notes.push_back("the other one is at " +
                    printLocation(it->second.leaf->location));
}

void WeightBinder::use(const std::vector<Tensor> &tensors,
                       const WeightLeaf &leaf, const std::string &path) {
  for (const Tensor &tensor : tensors)
    for (const std::string &name : {tensor.weight, tensor.scales})
      if (!name.empty())
        use(name, leaf, path);
}

bool WeightBinder::isIgnored(const std::string &tensor) const {
  for (const std::string &pattern : ignorePatterns_)
    if (matchesPattern(pattern, tensor))
      return true;
  return false;
}

void WeightBinder::reportUnused() {
  std::vector<std::string> declared;
  for (const auto &[name, use] : used_)
    declared.push_back(name);
  // Those of other layers are named by their number.
  std::map<std::string, std::vector<std::string>> unused;
  for (const auto &[name, info] : checkpoint_.tensors()) {
    if (used_.count(name))
      continue;
    if (isIgnored(name)) {
      model_->ignored.push_back(name);
      continue;
    }
    unused[withoutDigits(name)].push_back(name);
  }
  int reported = 0;
  for (const auto &[kind, names] : unused) {
    std::string near =
        ++reported > Diagnostics::maxErrors ? "" : nearest(names[0], declared);
    Diagnostic &d = diagnostics_.error(
        file_.weights.location,
        "tensor " + quote(names[0]) + " " +
            printShape(checkpoint_.find(names[0])->shape) +
            " of the checkpoint is used by no weight" +
            (near.empty() ? "" : "; the nearest one used is " + quote(near)),
        int(names.size()));
    if (reported == 1)
      d.notes.push_back("--allow-unused-tensor passes one over");
  }
}

} // namespace sluice::spec
