#include "compiler/spec/BindConfig.h"

#include "compiler/spec/Names.h"
#include "runtime/support/Json.h"

#include <charconv>

namespace sluice::spec {

using checkpoint::Checkpoint;
using checkpoint::Format;
using nlohmann::json;

std::string formatKey(const Checkpoint &checkpoint) {
  switch (checkpoint.format()) {
  case Format::HuggingFace:
    return "hf";
  case Format::Gguf:
    return "gguf";
  case Format::Raw:
    break;
  }
  return "raw";
}

std::string architecture(const Checkpoint &checkpoint) {
  auto it = checkpoint.metadata().find("general.architecture");
  if (it == checkpoint.metadata().end() || !it->is_string())
    return {};
  return it->get<std::string>();
}

// Element `name` of an object or, where it is a number, of a list.
static const json *element(const json &from, const std::string &name) {
  if (from.is_object()) {
    auto it = from.find(name);
    return it == from.end() ? nullptr : &*it;
  }
  size_t index = 0;
  auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), index);
  bool number = error == std::errc() && end == name.data() + name.size();
  return from.is_array() && number && index < from.size() ? &from[index]
                                                          : nullptr;
}

const json *member(const json &object, const std::string &path) {
  const json *at = &object;
  size_t begin = 0;
  while (begin <= path.size()) {
    size_t end = std::min(path.find('.', begin), path.size());
    at = element(*at, path.substr(begin, end - begin));
    if (!at)
      return nullptr;
    begin = end + 1;
  }
  return at;
}

int64_t countTensors(const Checkpoint &checkpoint, const std::string &pattern) {
  int64_t count = 0;
  for (const auto &[name, info] : checkpoint.tensors())
    count += matchesPattern(pattern, name);
  return count;
}

ConfigScope::ConfigScope(const SpecFile &file, const Checkpoint &checkpoint,
                         Diagnostics &diagnostics, HasWeight hasWeight,
                         int64_t context)
    : file_(file), checkpoint_(checkpoint), diagnostics_(diagnostics),
      hasWeight_(std::move(hasWeight)), context_(context) {
  declare(file.config, "", {});
  for (const UseDecl &use : file.uses)
    libraries_.emplace_back(use.name,
                            std::make_unique<ConfigScope>(use, *this));
}

ConfigScope::ConfigScope(const UseDecl &use, ConfigScope &user)
    : file_(*use.library), checkpoint_(user.checkpoint_),
      diagnostics_(user.diagnostics_), hasWeight_(user.hasWeight_),
      context_(user.context_),
      group_(user.group_.empty() ? use.name : user.group_ + "." + use.name),
      user_(&user) {
  for (const ParamSpec &spec : file_.params) {
    Param param;
    param.spec = &spec;
    for (const ArgDecl &arg : use.args)
      if (arg.name.text == spec.name)
        param.argument = &arg;
    order_.push_back(spec.name);
    params_.emplace(spec.name, std::move(param));
  }
  declare(file_.config, "", {});
  for (const UseDecl &inner : file_.uses)
    libraries_.emplace_back(inner.name,
                            std::make_unique<ConfigScope>(inner, *this));
}

ConfigScope *ConfigScope::library(const std::string &use) {
  for (auto &[name, scope] : libraries_)
    if (name == use)
      return scope.get();
  return nullptr;
}

void ConfigScope::declare(const ConfigGroup &group, const std::string &prefix,
                          std::vector<const ConfigGroup *> groups) {
  groups.push_back(&group);
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<ConfigGroup>(&child)) {
      declare(*inner, prefix + inner->name + ".", groups);
      continue;
    }
    const ParamDecl &decl = std::get<ParamDecl>(child);
    Param param;
    param.decl = &decl;
    param.groups = groups;
    order_.push_back(prefix + decl.name);
    params_.emplace(prefix + decl.name, std::move(param));
  }
}

void ConfigScope::bindAll() {
  for (const std::string &name : order_)
    bind(name, params_.at(name));
  for (auto &[name, library] : libraries_)
    library->bindAll();
  if (!diagnostics_.ok())
    return;
  for (const CheckDecl &check : file_.checks) {
    std::optional<bool> holds = evaluateBool(check.that, *this, diagnostics_);
    if (!holds || *holds)
      continue;
    Diagnostic &d = diagnostics_.error(check.location, check.otherwise);
    std::string names = printNames(check.that, *this);
    if (!names.empty())
      d.notes.push_back(names);
  }
}

bool ConfigScope::lookup(const std::string &name, Value &value,
                         std::string &error) {
  auto it = params_.find(name);
  if (it != params_.end()) {
    if (!bind(name, it->second))
      return false;
    value = it->second.value;
    return true;
  }
  size_t dot = name.find('.');
  if (dot != std::string::npos)
    if (ConfigScope *inner = library(name.substr(0, dot)))
      return inner->lookup(name.substr(dot + 1), value, error);
  if (name == "arch" && checkpoint_.format() == Format::Gguf) {
    value = architecture(checkpoint_);
    return true;
  }
  error = "unknown parameter '$" + name + "'" + suggest(name, order_);
  return false;
}

bool ConfigScope::has(const std::string &name, bool &value,
                      std::string &error) {
  return hasWeight_(group_.empty() ? name : group_ + "." + name, value, error);
}

bool ConfigScope::fail(const Param &param, std::string message) {
  const Location &at = param.decl ? param.decl->location : param.spec->location;
  if (param.key.empty()) {
    diagnostics_.error(at, std::move(message));
    return false;
  }
  Location place = locateKey(checkpoint_, param.key, diagnostics_);
  diagnostics_.error(place, std::move(message))
      .notes.push_back("read at " + printLocation(at));
  return false;
}

bool ConfigScope::bind(const std::string &name, Param &param) {
  if (param.state == Param::State::Done)
    return true;
  if (param.state == Param::State::Failed)
    return false;
  if (param.state == Param::State::Active) {
    fail(param, "parameter '$" + name + "' depends on itself");
    return false;
  }
  param.state = Param::State::Active;
  // Indices of the expression that asked are not visible here.
  auto hidden = std::move(indices);
  indices.clear();
  work().depth += 6; // as deep as these go
  bool ok = param.spec            ? bindArgument(name, param)
            : param.decl->derived ? bindDerived(param)
                                  : bindDeclared(name, param);
  work().depth -= 6;
  indices = std::move(hidden);
  param.state = ok ? Param::State::Done : Param::State::Failed;
  return ok;
}

bool ConfigScope::bindArgument(const std::string &name, Param &param) {
  param.source = "use";
  if (!param.argument) {
    if (!param.spec->fallback)
      return true; // an optional one is none
    std::optional<Value> value =
        evaluate(*param.spec->fallback, *this, diagnostics_);
    param.value = value.value_or(Value());
    std::string message =
        value ? typeError(param.spec->type, param.value) : std::string();
    if (!message.empty())
      diagnostics_.error(param.spec->location,
                         "parameter " + quote(name) + " " + message);
    return value && message.empty();
  }
  auto hidden = std::move(user_->indices);
  user_->indices.clear();
  std::optional<Value> value =
      evaluate(param.argument->value, *user_, diagnostics_);
  user_->indices = std::move(hidden);
  if (!value)
    return false;
  param.value = std::move(*value);
  if (param.value.isNone() && param.spec->optional && !param.spec->fallback)
    return true;
  std::string message = typeError(param.spec->type, param.value);
  if (message.empty())
    return true;
  diagnostics_.error(param.argument->name.location,
                     "parameter " + quote(name) + " " + message);
  return false;
}

bool ConfigScope::bindDerived(Param &param) {
  param.source = "derived";
  std::optional<Value> value = evaluate(param.decl->value, *this, diagnostics_);
  if (value)
    param.value = std::move(*value);
  return value.has_value();
}

bool ConfigScope::bindDeclared(const std::string &name, Param &param) {
  std::vector<std::string> tried;
  bool failed = false;
  if (param.decl->context) {
    tried.push_back("--context");
    param.source = "--context";
    param.value = context_;
    if (context_ > 0)
      return true;
  }
  if (const json *found = find(param, tried, failed)) {
    const json *chosen = found;
    if (param.decl->element) {
      std::optional<int64_t> at =
          evaluateInt(*param.decl->element, *this, diagnostics_);
      if (!at)
        return false;
      if (!found->is_array() || *at < 0 || *at >= int64_t(found->size()))
        return fail(param,
                    param.source + " has no element " + std::to_string(*at));
      chosen = &(*found)[size_t(*at)];
    }
    return convert(param, *chosen, param.decl->type.lists, param.value) &&
           checkLength(param);
  }
  if (failed)
    return false;
  if (param.null && param.decl->ifNull) {
    param.source = "null";
    std::optional<Value> value =
        evaluate(*param.decl->ifNull, *this, diagnostics_);
    param.value = value.value_or(Value());
    return value && checkType(param, param.value);
  }
  if (fromTensors(param, tried, failed))
    return checkType(param, param.value);
  if (failed)
    return false;
  bool found = false;
  bool ok = fromDefault(param, found);
  if (found)
    return ok && checkType(param, param.value) && checkLength(param);
  std::string message = "parameter '$" + name + "' has no value: ";
  if (tried.empty())
    message += "it has no source for this format (" + formatKey(checkpoint_) +
               ") and no default";
  else
    message += "looked for " + join(tried) + ", and there is no default";
  return fail(param, message);
}

void ConfigScope::collect(const std::string &prefix,
                          std::vector<ConfigValue> &out) const {
  for (const std::string &name : order_) {
    const Param &param = params_.at(name);
    out.push_back({prefix + name, param.value, param.source,
                   param.decl ? param.decl->location : param.spec->location});
  }
  for (const auto &[name, library] : libraries_)
    library->collect(prefix + name + ".", out);
}

void ConfigScope::collectRead(std::set<std::string> &keys) const {
  keys.insert(read_.begin(), read_.end());
  for (const auto &[name, library] : libraries_)
    library->collectRead(keys);
}

bool ConfigScope::collectInert(std::vector<InertKeys> &out) {
  auto found = file_.inert.find(formatKey(checkpoint_));
  if (found != file_.inert.end())
    for (const InertDecl &decl : found->second) {
      std::optional<std::string> pattern =
          expand(decl.keys, *this, diagnostics_);
      if (!pattern)
        return false;
      InertKeys keys{*pattern, decl.always, {}, decl.asIn};
      for (const Data &data : decl.values) {
        std::optional<Value> value = evaluate(data, *this, diagnostics_);
        if (!value)
          return false;
        keys.values.push_back(std::move(*value));
      }
      out.push_back(std::move(keys));
    }
  bool ok = true;
  for (auto &[name, library] : libraries_)
    ok = library->collectInert(out) && ok;
  return ok;
}

void ConfigScope::collectWords(std::set<std::string> &words) const {
  words.insert(file_.words.begin(), file_.words.end());
  for (const auto &[name, library] : libraries_)
    library->collectWords(words);
}

void ConfigScope::collectPrefixes(std::set<std::string> &prefixes) const {
  for (const auto &[group, prefix] : prefixes_)
    if (!prefix.empty())
      prefixes.insert(prefix);
  for (const auto &[name, library] : libraries_)
    library->collectPrefixes(prefixes);
}

} // namespace sluice::spec
