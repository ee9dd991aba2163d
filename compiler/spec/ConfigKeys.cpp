// Where a parameter's value stands in a checkpoint: which of its keys, under
// which prefix, or what tensors or defaults say.
#include "compiler/spec/BindConfig.h"

#include "compiler/spec/Names.h"

namespace sluice::spec {

using checkpoint::Format;
using nlohmann::json;

// Before a key that lies at the top of config.json, whatever the prefixes.
static const std::string outside = "config.json:";

const json *ConfigScope::findKey(const std::string &key, Status &why) const {
  if (checkpoint_.format() == Format::Gguf) {
    auto it = checkpoint_.metadata().find(key);
    return it == checkpoint_.metadata().end() ? nullptr : &*it;
  }
  size_t colon = key.rfind(':');
  const json *root = colon == std::string::npos
                         ? checkpoint_.config()
                         : checkpoint_.config(key.substr(0, colon), &why);
  return root ? member(*root,
                       colon == std::string::npos ? key : key.substr(colon + 1))
              : nullptr;
}

bool ConfigScope::prefixExists(const std::string &prefix) const {
  if (prefix.empty())
    return true;
  if (checkpoint_.format() == Format::Gguf) {
    for (const auto &[key, value] : checkpoint_.metadata().items())
      if (key.starts_with(prefix))
        return true;
    return false;
  }
  const json *root = checkpoint_.config();
  if (!root || prefix.back() != '.')
    return root != nullptr;
  const json *object = member(*root, prefix.substr(0, prefix.size() - 1));
  return object && object->is_object() && !object->empty();
}

// Another object is read instead of the one that `prefix` names.
void ConfigScope::standBack(const std::string &prefix,
                            const std::string &taken) {
  if (checkpoint_.format() == Format::Gguf || prefix.empty() ||
      !prefixExists(prefix) || prefix.back() != '.')
    return;
  std::string name = prefix.substr(0, prefix.size() - 1);
  if (read_.insert(name).second)
    diagnostics_.warning(locateKey(checkpoint_, name, diagnostics_),
                         quote(name) + " is passed over, " +
                             quote(taken.substr(0, taken.size() - 1)) +
                             " is there too and comes first");
}

std::optional<std::string> ConfigScope::top() {
  ConfigScope *outermost = this;
  while (outermost->user_)
    outermost = outermost->user_;
  return outermost->prefixOf({&outermost->file_.config});
}

// The prefix of one group within others.
std::optional<std::string>
ConfigScope::choosePrefix(const Alternatives &alternatives,
                          const std::string &outer, const std::string &top) {
  std::optional<std::string> first, chosen;
  for (const Template &alternative : alternatives) {
    std::optional<std::string> text = expand(alternative, *this, diagnostics_);
    if (!text)
      return std::nullopt;
    std::string candidate =
        text->starts_with("/") ? top + text->substr(1) : outer + *text;
    if (!first)
      first = candidate;
    if (chosen)
      standBack(candidate, *chosen);
    else if (prefixExists(candidate))
      chosen = candidate;
  }
  return chosen ? chosen : first;
}

std::optional<std::string>
ConfigScope::prefixOf(const std::vector<const ConfigGroup *> &groups) {
  std::string prefix;
  for (const ConfigGroup *group : groups) {
    auto cached = prefixes_.find(group);
    if (cached != prefixes_.end()) {
      prefix = cached->second;
      continue;
    }
    // All that a family and its libraries read lies where its own prefix says.
    std::string above;
    if (user_ || group != &file_.config) {
      std::optional<std::string> outermost = top();
      if (!outermost)
        return std::nullopt;
      above = *outermost;
    }
    if (group == groups.front())
      prefix = above;
    auto it = group->prefix.find(formatKey(checkpoint_));
    if (it != group->prefix.end()) {
      std::optional<std::string> own = choosePrefix(it->second, prefix, above);
      if (!own)
        return std::nullopt;
      prefix = *own;
    }
    prefixes_[group] = prefix;
  }
  return prefix;
}

static std::string sourceOf(const std::string &key, const std::string &format) {
  bool aside = key.find(':') != std::string::npos;
  return (format != "hf" ? "gguf: " : aside ? "" : "config.json: ") + key;
}

// Another spelling of `param` says something else than the one that is used:
// false after an error where the spec knows no such value.
bool ConfigScope::agrees(const Param &param, const json &value,
                         const json &used, const std::string &key) {
  if (!param.decl->values.empty() && !param.decl->element) {
    Param other = param;
    other.key = key;
    other.source = sourceOf(key, formatKey(checkpoint_));
    if (!convert(other, value, param.decl->type.lists, other.value))
      return false;
  }
  diagnostics_.warning(locateKey(checkpoint_, key, diagnostics_),
                       quote(key) + " is " + shortText(value) + ", but " +
                           quote(param.key) + " is " + shortText(used) +
                           " and is used");
  return true;
}

const json *ConfigScope::find(Param &param, std::vector<std::string> &tried,
                              bool &failed) {
  std::string format = formatKey(checkpoint_);
  auto keys = param.decl->keys.find(format);
  if (keys == param.decl->keys.end())
    return nullptr;
  std::optional<std::string> prefix = prefixOf(param.groups);
  failed = !prefix;
  const json *first = nullptr;
  for (const Template &alternative : keys->second) {
    std::optional<std::string> key = expand(alternative, *this, diagnostics_);
    if (!key || !prefix) {
      failed = true;
      return nullptr;
    }
    if (key->starts_with(outside))
      *key = key->substr(outside.size());
    else if (key->starts_with("/"))
      *key = top().value_or("") + key->substr(1);
    else if (key->find(':') == std::string::npos)
      *key = *prefix + *key;
    tried.push_back(*key);
    read_.insert(*key);
    Status why;
    const json *found = findKey(*key, why);
    if (!why.ok() && why.code() != Code::NotFound) { // that is no key either
      failed = true;
      diagnostics_.error(param.decl->location, why.message());
      return nullptr;
    }
    if (found && found->is_null())
      param.null = true;
    if (!found || found->is_null())
      continue;
    if (!first) {
      first = found;
      param.key = *key;
      param.source = sourceOf(*key, format);
    } else if (*found != *first && !agrees(param, *found, *first, *key)) {
      failed = true;
      return nullptr;
    }
  }
  return first;
}

bool ConfigScope::fromTensors(Param &param, std::vector<std::string> &tried,
                              bool &failed) {
  if (checkpoint_.synthetic())
    return false;
  if (param.decl->sizeOf) {
    std::optional<int64_t> axis =
        evaluateInt(param.decl->sizeOf->axis, *this, diagnostics_);
    failed = !axis;
    for (const Template &alternative : param.decl->sizeOf->tensors) {
      std::optional<std::string> name =
          expand(alternative, *this, diagnostics_);
      if (!name || failed) {
        failed = true;
        return false;
      }
      tried.push_back("tensor " + *name);
      const checkpoint::TensorInfo *tensor = checkpoint_.find(*name);
      if (!tensor)
        continue;
      bool lacks = *axis < 0 || *axis >= int64_t(tensor->shape.size());
      if (lacks && *axis >= 0 && param.decl->fallback)
        continue;
      if (lacks) {
        failed = true;
        return fail(param, "tensor " + quote(*name) + " " +
                               printShape(tensor->shape) + " has no axis " +
                               std::to_string(*axis));
      }
      param.value = tensor->shape[size_t(*axis)];
      param.source = "tensor: " + *name + ", axis " + std::to_string(*axis);
      return true;
    }
  }
  if (!param.decl->countOf)
    return false;
  for (const Template &alternative : *param.decl->countOf) {
    std::optional<std::string> pattern =
        expand(alternative, *this, diagnostics_);
    if (!pattern) {
      failed = true;
      return false;
    }
    tried.push_back("tensors " + *pattern);
    int64_t count = countTensors(checkpoint_, *pattern);
    if (count == 0)
      continue;
    param.value = count;
    param.source = "number of tensors: " + *pattern;
    return true;
  }
  return false;
}

bool ConfigScope::fromDefault(Param &param, bool &found) {
  const Data *data = nullptr;
  auto it = param.decl->fallbacks.find(formatKey(checkpoint_));
  if (it != param.decl->fallbacks.end())
    data = &it->second;
  else if (param.decl->fallback)
    data = &*param.decl->fallback;
  found = data != nullptr;
  if (!data)
    return false;
  param.source = "default";
  std::optional<Value> value = evaluate(*data, *this, diagnostics_);
  if (value)
    param.value = std::move(*value);
  return value.has_value();
}

} // namespace sluice::spec
