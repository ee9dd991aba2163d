// Which weights a checkpoint has, asked before they are bound.
#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

// A group nested deeper than this is a mistake or an attack.
static constexpr int maxDepth = 32;

bool WeightBinder::has(const std::string &path, bool &value,
                       std::string &error) {
  if (!asking_.insert(path).second) {
    error = "has(" + path + ") depends on itself";
    return false;
  }
  std::optional<bool> found;
  const SpecFile *file = &file_;
  ConfigScope *config = config_;
  std::string rest = path;
  for (size_t dot = rest.find('.'); dot != std::string::npos;
       dot = rest.find('.')) {
    const UseDecl *use = file->use(rest.substr(0, dot));
    if (!use)
      break;
    file = use->library.get();
    config = config->library(use->name);
    rest = rest.substr(dot + 1);
  }
  auto hidden = std::move(config->indices);
  config->indices.clear();
  bool ok = findDeclared(file->weights, *config, "", rest, found, 0);
  config->indices = std::move(hidden);
  asking_.erase(path);
  if (ok && found) {
    value = *found;
    return true;
  }
  if (!found)
    error = "has() asks for an unknown weight " + quote(path);
  return false;
}

// Whether one of the instances of a group says yes. The first answers most
// questions, and without the count, which may hang on the answer.
bool WeightBinder::anyInstance(const WeightGroup &group, ConfigScope &env,
                               const std::function<bool()> &says) {
  int64_t count = 1;
  for (int64_t i = 0; i < count; ++i) {
    {
      BoundIndex index(env, group.each->index, i);
      if (says())
        return true;
    }
    if (i == 0)
      count = std::min(
          evaluateInt(group.each->count, env, diagnostics_).value_or(1),
          maxInstances);
  }
  return false;
}

// True when the path was found; `value` tells whether it is in the file, in
// any instance of the groups around it.
bool WeightBinder::findDeclared(const WeightGroup &group, ConfigScope &env,
                                const std::string &prefix,
                                const std::string &path,
                                std::optional<bool> &value, int depth) {
  Place place{env, {}, prefix, false};
  std::optional<std::string> own = prefixOf(group, place);
  if (!own || depth > maxDepth)
    return false;
  size_t dot = path.find('.');
  std::string head = path.substr(0, dot);
  bool found = false;
  for (const auto &child : group.children) {
    if (const auto *leaf = std::get_if<WeightLeaf>(&child)) {
      auto isNamed = [&](const std::string &name) {
        bool named = leaf->name == name;
        for (const WeightLeaf::Part &part : leaf->holds)
          named |= part.name == name;
        return named;
      };
      bool ofBias =
          path.ends_with(".bias") && isNamed(path.substr(0, path.size() - 5));
      if (!ofBias && !isNamed(path))
        continue;
      found = true;
      value = value.value_or(false) ||
              (ofBias ? biasExists(*leaf, env, *own)
                      : leafExists(*leaf, env, *own, true));
      continue;
    }
    const auto &inner = std::get<WeightGroup>(child);
    if (inner.name != head)
      continue;
    if (dot == std::string::npos) {
      found = true;
      value = value.value_or(false) ||
              groupThere(inner, {env, {}, *own, false}, depth);
    } else {
      auto look = [&] {
        return findDeclared(inner, env, *own, path.substr(dot + 1), value,
                            depth + 1);
      };
      if (!inner.each)
        found |= look();
      else
        anyInstance(inner, env, [&] {
          bool known = look();
          found |= known;
          return !known || value.value_or(false);
        });
    }
  }
  return found;
}

bool WeightBinder::groupThere(const WeightGroup &group, const Place &place,
                              int depth) {
  if (depth > maxDepth || (checkpoint_.synthetic() && group.optional))
    return false;
  if (group.when) {
    std::optional<bool> when =
        evaluateBool(*group.when, place.env, diagnostics_);
    if (!when || !*when)
      return false;
  }
  auto instance = [&] {
    Place at = place;
    std::optional<std::string> prefix = prefixOf(group, at);
    if (prefix)
      at.prefix = *prefix;
    return prefix && instanceThere(group, at, depth);
  };
  return group.each ? anyInstance(group, place.env, instance) : instance();
}

bool WeightBinder::instanceThere(const WeightGroup &group, const Place &place,
                                 int depth) {
  for (const auto &child : group.children) {
    const auto *leaf = std::get_if<WeightLeaf>(&child);
    if (leaf ? leafExists(*leaf, place.env, place.prefix, true) ||
                   leafExists(*leaf, place.env, place.prefix, false)
             : groupThere(std::get<WeightGroup>(child), place, depth + 1))
      return true;
  }
  return false;
}

static bool isAbsolute(const SourceDecl &decl) {
  if (decl.kind == SourceDecl::Kind::Name ||
      decl.kind == SourceDecl::Kind::GammaBeta)
    return decl.name.text.starts_with("/");
  return std::all_of(decl.items.begin(), decl.items.end(), isAbsolute);
}

bool WeightBinder::leafExists(const WeightLeaf &leaf, ConfigScope &env,
                              const std::string &prefix, bool whole) {
  if (leaf.when) {
    std::optional<bool> when = evaluateBool(*leaf.when, env, diagnostics_);
    if (!when || !*when)
      return false;
  }
  if (checkpoint_.synthetic()) {
    if (!leaf.absent)
      return !leaf.optional;
    if (!leaf.absent->when)
      return false;
    std::optional<bool> alias =
        evaluateBool(*leaf.absent->when, env, diagnostics_);
    return alias && !*alias;
  }
  auto it = leaf.sources.find(format_);
  if (it == leaf.sources.end())
    return false;
  for (const SourceDecl &decl : it->second) {
    std::vector<Tensor> tensors;
    // A prefix is decided by the tensors that it applies to.
    if (!expandSource(decl, env, prefix, BiasMode::None, tensors))
      return false;
    if (!whole && isAbsolute(decl))
      continue;
    auto inFile = [&](const Tensor &t) { return exists(t.weight); };
    if (whole ? std::all_of(tensors.begin(), tensors.end(), inFile)
              : std::any_of(tensors.begin(), tensors.end(), inFile))
      return true;
  }
  return false;
}

bool WeightBinder::biasExists(const WeightLeaf &leaf, ConfigScope &env,
                              const std::string &prefix) {
  if (!leafExists(leaf, env, prefix, true))
    return false;
  bool own = ownBias(leaf);
  if (own && !ownBiasWanted(leaf, env))
    return false;
  std::optional<BiasMode> mode = biasMode(leaf, env);
  if (!own && mode != BiasMode::Optional)
    return mode == BiasMode::Required;
  const Sources &sources = own ? leaf.biasSources : leaf.sources;
  auto it = sources.find(format_);
  if (it == sources.end())
    return false;
  for (const SourceDecl &decl : it->second) {
    std::vector<Tensor> tensors;
    if (!expandSource(decl, env, prefix,
                      own ? BiasMode::None : BiasMode::Optional, tensors))
      return false;
    auto inFile = [&](const Tensor &t) {
      return exists(own ? t.weight : t.bias);
    };
    if (std::all_of(tensors.begin(), tensors.end(), inFile))
      return true;
  }
  return false;
}

// The weight outside of layers that would be `name` if it were absent, and is
// not: of two that are tied a file needs one.
std::optional<std::string> WeightBinder::tiedTo(const WeightGroup &group,
                                                ConfigScope &env,
                                                const std::string &prefix,
                                                const std::string &path,
                                                const std::string &name) {
  Place place{env, {}, prefix, false};
  std::optional<std::string> own = prefixOf(group, place);
  if (!own)
    return std::nullopt;
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<WeightGroup>(&child)) {
      if (inner->each)
        continue;
      if (auto found =
              tiedTo(*inner, env, *own, path + inner->name + ".", name))
        return found;
      continue;
    }
    const auto &leaf = std::get<WeightLeaf>(child);
    if (!leaf.absent || leaf.absent->use != name || !leaf.holds.empty())
      continue;
    std::optional<bool> tied = true;
    if (leaf.absent->when)
      tied = evaluateBool(*leaf.absent->when, env, diagnostics_);
    if (tied.value_or(false) && leafExists(leaf, env, *own, true))
      return path + leaf.name;
  }
  return std::nullopt;
}

bool WeightBinder::anyExists(const WeightGroup &group, ConfigScope &env,
                             const std::string &prefix, int depth) {
  if (depth > maxDepth)
    return false;
  for (const auto &child : group.children) {
    if (const auto *leaf = std::get_if<WeightLeaf>(&child)) {
      if (leafExists(*leaf, env, prefix, false))
        return true;
      continue;
    }
    const auto &inner = std::get<WeightGroup>(child);
    std::optional<BoundIndex> index;
    if (inner.each)
      index.emplace(env, inner.each->index, 0);
    auto it = inner.prefix.find(format_);
    if (it == inner.prefix.end()) {
      if (anyExists(inner, env, prefix, depth + 1))
        return true;
      continue;
    }
    for (const Template &alternative : it->second) {
      std::optional<std::string> text = expand(alternative, env, diagnostics_);
      if (text &&
          anyExists(inner, env,
                    text->starts_with("/") ? text->substr(1) : prefix + *text,
                    depth + 1))
        return true;
    }
  }
  return false;
}

// The prefix of a group's names: the first alternative under which a declared
// tensor exists, decided once per group.
std::optional<std::string> WeightBinder::prefixOf(const WeightGroup &group,
                                                  Place &place) {
  auto it = group.prefix.find(format_);
  if (it == group.prefix.end())
    return place.prefix;
  auto full = [&](const Template &alternative) -> std::optional<std::string> {
    std::optional<std::string> text =
        expand(alternative, place.env, diagnostics_);
    if (!text)
      return std::nullopt;
    return text->starts_with("/") ? text->substr(1) : place.prefix + *text;
  };
  auto known = prefixChoice_.find(&group);
  if (known != prefixChoice_.end())
    return full(it->second[known->second]);
  size_t choice = 0;
  for (size_t i = 0; it->second.size() > 1 && i < it->second.size(); ++i) {
    std::optional<std::string> prefix = full(it->second[i]);
    if (!prefix)
      return std::nullopt;
    if (checkpoint_.synthetic() || !anyExists(group, place.env, *prefix, 0))
      continue;
    choice = i;
    break;
  }
  prefixChoice_[&group] = choice;
  return full(it->second[choice]);
}

} // namespace sluice::spec
