#include "compiler/tokenizer/Settings.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/spec/Names.h"
#include "compiler/tokenizer/Lines.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace sluice::tokenizer {

using nlohmann::json;

static constexpr const char *kConfig = "tokenizer_config.json",
                            *kMap = "special_tokens_map.json",
                            *kAdded = "added_tokens.json",
                            *kDecoder = "added_tokens_decoder",
                            *kSpecific = "model_specific_special_tokens";

static constexpr std::array<const char *, 7> kRoles = {
    "bos_token", "eos_token", "unk_token", "sep_token",
    "pad_token", "cls_token", "mask_token"};

static Status corrupt(const std::string &what) {
  return Status(Code::Corrupt, what);
}

bool truthy(const json &value) {
  if (value.is_boolean())
    return value.get<bool>();
  if (value.is_number())
    return value != 0;
  return value.is_string() ? !value.get_ref<const std::string &>().empty()
                           : !value.empty();
}

Result<json> tokenOf(const json &value, const std::string &where) {
  if (value.is_string())
    return json({{"content", value}, {"special", true}});
  const json content =
      value.is_object() ? value.value("content", json()) : json();
  if (!content.is_string())
    return corrupt(where + ": expected a token, found " + value.type_name());
  json token = {{"content", content},
                {"special", value.value("special", json(true))}};
  for (const char *key : {"single_word", "lstrip", "rstrip", "normalized"})
    if (value.contains(key))
      token[key] = value[key];
  for (const auto &[key, flag] : token.items())
    if (key != "content" && !flag.is_boolean())
      return corrupt(where + ": " + key + ": expected true or false, found " +
                     flag.dump());
  return token;
}

// An object in a file; null if there is no such file.
static Result<json> readObject(const checkpoint::Checkpoint &checkpoint,
                               const char *name) {
  Status why;
  const json *file = checkpoint.config(name, &why);
  if (!file)
    return why.code() == Code::NotFound ? Result<json>(json()) : why;
  if (!file->is_object())
    return corrupt(std::string(name) + ": expected an object, found " +
                   file->type_name());
  return *file;
}

Result<Settings> Settings::read(const checkpoint::Checkpoint &checkpoint,
                                const json *file) {
  Result<json> config = readObject(checkpoint, kConfig);
  if (!config.ok())
    return config.status();
  Settings settings;
  if (config->is_object())
    settings.values = std::move(*config);
  for (const char *name : {kConfig, kMap})
    settings.noteOrder(checkpoint, name);
  json &values = settings.values;
  for (const auto &[key, value] : values.items())
    settings.keys_.push_back(key);
  if (Result<std::vector<json>> listed = settings.tokens(kAdditional);
      !listed.ok())
    return listed.status();
  settings.moveNamed();
  if (values.contains(kAdditional) && !truthy(settings[kExtra])) {
    values[kExtra] = values[kAdditional];
    values.erase(kAdditional);
  }
  if (!values.contains(kDecoder)) {
    Result<json> map = readObject(checkpoint, kMap);
    if (!map.ok())
      return map.status();
    settings.mergeMap(std::move(*map));
    settings.moveNamed();
  }
  if (Status status = settings.readAdded(checkpoint, file); !status.ok())
    return status;
  return settings;
}

// The objects that stand for tokens in a value.
static std::vector<json *> tokensIn(json &value) {
  std::vector<json *> tokens;
  if (value.is_object() && value.contains("content"))
    tokens.push_back(&value);
  else if (value.is_structured())
    for (json &item : value)
      if (item.is_object())
        tokens.push_back(&item);
  return tokens;
}

// New tokens are numbered in the order in which a file names them.
void Settings::noteOrder(const checkpoint::Checkpoint &checkpoint,
                         const char *name) {
  Result<std::vector<uint8_t>> bytes = checkpoint.file(name);
  if (!bytes.ok())
    return;            // readObject says what is wrong
  bool inside = false; // an object of tokens by names
  auto note = [&](int depth, json::parse_event_t event, json &key) {
    if (event != json::parse_event_t::key || depth > 2 ||
        (depth == 2 && !inside))
      return true;
    if (depth == 1)
      inside = key == kExtra || key == kSpecific;
    order_.emplace(key, order_.size());
    return true;
  };
  [[maybe_unused]] json all =
      json::parse(*bytes, note, /*allow_exceptions=*/false);
}

// Those keys of an object that `wanted` takes, in the order of the files.
template <typename Wanted>
std::vector<std::string> Settings::ordered(const json &object,
                                           Wanted wanted) const {
  std::vector<std::string> keys;
  for (const auto &[key, value] : object.items())
    if (wanted(key, value))
      keys.push_back(key);
  auto place = [&](const std::string &key) {
    auto it = order_.find(key);
    return std::pair(it == order_.end() ? order_.size() : it->second, key);
  };
  std::sort(keys.begin(), keys.end(),
            [&](auto &a, auto &b) { return place(a) < place(b); });
  return keys;
}

// An object of tokens by names says nothing of the tokens that have none.
void Settings::moveNamed() {
  auto extra = values.find(kExtra);
  if (extra == values.end() || !extra->is_object())
    return;
  json named = std::move(*extra);
  values.erase(extra);
  if (!values[kSpecific].is_object())
    values[kSpecific] = json::object();
  values[kSpecific].update(named);
}

void Settings::mergeMap(json map) {
  if (map.is_null())
    return;
  for (auto [key, value] : map.items()) {
    // All tokens of this file are special, whatever it says.
    for (json *token : tokensIn(value))
      (*token)["special"] = true;
    if (key != kExtra || !value.is_array() || !values[kExtra].is_array()) {
      values[key] = value;
      continue;
    }
    json &list = values[kExtra];
    std::set<json> there(list.begin(), list.end());
    for (const json &token : value)
      if (there.insert(token).second)
        list.push_back(token);
  }
}

Status Settings::readAdded(const checkpoint::Checkpoint &checkpoint,
                           const json *file) {
  std::map<int64_t, json> byId;
  auto add = [&](int64_t id, const json &token, const std::string &where) {
    Result<json> made = tokenOf(token, where);
    if (!made.ok())
      return made.status();
    if (id < 0)
      return corrupt(where + ": expected the id of a token");
    byId[id] = std::move(*made);
    return Status();
  };
  Status status;
  if (values.contains(kDecoder)) {
    const json &decoder = values[kDecoder];
    if (!decoder.is_object())
      return corrupt(std::string(kConfig) + ": " + kDecoder +
                     ": expected an object, found " + decoder.type_name());
    for (const auto &[id, token] : decoder.items()) {
      // An object says whether it is special, and is not if it does not.
      json whole = token;
      if (whole.is_object() && !whole.contains("special"))
        whole["special"] = false;
      std::string where =
          std::string(kConfig) + ": " + kDecoder + ": \"" + id + "\"";
      if (status = add(number(id), whole, where); !status.ok())
        return status;
    }
  } else {
    Result<json> list = readObject(checkpoint, kAdded);
    if (!list.ok())
      return list.status();
    Result<Roles> named = roles(json::object());
    Result<std::vector<json>> others = tokens(kExtra);
    if (!named.ok() || !others.ok())
      return named.ok() ? others.status() : named.status();
    std::set<std::string> special;
    for (const json &token : *others)
      special.insert(token["content"]);
    for (const auto &[role, token] : *named)
      special.insert(token["content"]);
    if (list->is_object())
      for (const auto &[text, id] : list->items())
        if (status =
                add(id.is_number_integer() ? id.get<int64_t>() : -1,
                    {{"content", text}, {"special", special.contains(text)}},
                    std::string(kAdded) + ": \"" + text + "\"");
            !status.ok())
          return status;
    if (file)
      for (const json &token : file->value("added_tokens", json::array()))
        if (token.is_object() && token.value("id", json()).is_number_integer())
          if (status = add(token["id"].get<int64_t>(), token,
                           "tokenizer.json: added_tokens");
              !status.ok())
            return status;
  }
  for (auto &[id, token] : byId) {
    token["id"] = id;
    byText_.emplace(token["content"], added.size());
    added.push_back(std::move(token));
  }
  return {};
}

const json &Settings::operator[](const char *key) const {
  static const json null;
  auto it = values.find(key);
  return it == values.end() ? null : *it;
}

Result<bool> Settings::flag(const char *key, bool otherwise) const {
  const json &value = (*this)[key];
  if (!value.is_null() && !value.is_boolean())
    return corrupt(std::string(kConfig) + ": " + key +
                   ": expected true or false, found " + value.dump());
  return value.is_null() ? otherwise : value.get<bool>();
}

const json &Settings::asAdded(const json &token) const {
  auto it = byText_.find(token["content"].get_ref<const std::string &>());
  return it == byText_.end() ? token : added[it->second];
}

Result<Settings::Roles> Settings::roles(const json &defaults) const {
  Roles roles;
  auto add = [&](const std::string &role, const json &value) {
    if (value.is_null())
      return Status();
    Result<json> token = tokenOf(value, std::string(kConfig) + ": " + role);
    if (token.ok())
      roles.emplace_back(role, asAdded(*token));
    return token.status();
  };
  auto isRole = [](const std::string &key) {
    return std::find(kRoles.begin(), kRoles.end(), key) != kRoles.end();
  };
  Status status;
  for (const char *role : kRoles)
    if (status =
            add(role, values.contains(role) ? values[role]
                                            : defaults.value(role, json()));
        !status.ok())
      return status;
  // Tokens of a model's own: by keys of that form, or in an object.
  auto isOwn = [&](const std::string &key, const json &value) {
    return key.ends_with("_token") && !isRole(key) &&
           (value.is_string() || value.is_object());
  };
  for (const std::string &key : ordered(values, isOwn))
    if (status = add(key, values[key]); !status.ok())
      return status;
  auto any = [](const std::string &, const json &) { return true; };
  if (const json &named = (*this)[kSpecific]; named.is_object())
    for (const std::string &key : ordered(named, any))
      if (status = add(key, named[key]); !status.ok())
        return status;
  return roles;
}

std::string Settings::textIn(const Roles &roles, std::string_view role) {
  for (const auto &[name, token] : roles)
    if (name == role)
      return token["content"];
  return "";
}

Result<std::vector<json>> Settings::tokens(const char *key) const {
  std::vector<json> tokens;
  const json &list = (*this)[key];
  std::string where = std::string(kConfig) + ": " + key;
  if (!list.is_array() && !list.is_object() && !list.is_null())
    return corrupt(where + ": expected a list, found " + list.type_name());
  if (list.is_array())
    for (const json &value : list) {
      Result<json> token = tokenOf(value, where);
      if (!token.ok())
        return token.status();
      // An object without a role is special only where it says so.
      if (value.is_object() && !value.contains("special"))
        (*token)["special"] = false;
      tokens.push_back(std::move(*token));
    }
  return tokens;
}

void noteUnknownKeys(const std::string &file,
                     const std::vector<std::string> &keys,
                     const std::vector<std::string> &known, Notes &notes) {
  constexpr size_t shown = 20;
  std::set<std::string> names(known.begin(), known.end());
  size_t count = 0;
  for (const std::string &key : keys)
    if (!names.contains(key) && ++count <= shown)
      notes.push_back(file + "the key " + checkpoint::quote(key) +
                      " is not known and has no effect" +
                      spec::suggest(key, known));
  if (count > shown)
    notes.push_back(file + std::to_string(count - shown) +
                    " more keys are not known and have no effect");
}

void Settings::noteUnknown(const std::vector<std::string> &known,
                           Notes &notes) const {
  std::vector<std::string> keys;
  for (const std::string &key : keys_)
    if (!key.ends_with("_token"))
      keys.push_back(key);
  noteUnknownKeys(std::string(kConfig) + ": ", keys, known, notes);
}

} // namespace sluice::tokenizer
