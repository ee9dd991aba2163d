#include "compiler/tokenizer/TokenizerClass.h"

#include <algorithm>

namespace sluice::tokenizer {

using nlohmann::json;

static bool lists(const json &entry, const char *key, const std::string &name) {
  const json names = entry.value(key, json::array());
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The class that `key` lists `name` under; null if there is none.
static const json *find(const json &table, const char *key,
                        const std::string &name) {
  for (const json &kind : table["classes"])
    if (!name.empty() && lists(kind, key, name))
      return &kind;
  return nullptr;
}

json chooseClass(const json &table, const ClassHints &hints, Notes &notes) {
  // Names from before classes were one kind.
  std::string declared = hints.declared;
  if (declared.ends_with("Fast"))
    declared.resize(declared.size() - 4);
  const json *named = find(table, "names", declared);
  const json *usual = find(table, "models", hints.family);
  if (lists(table["as_filed"], "models", hints.family) && !hints.ownCode)
    return nullptr;
  bool settled = lists(table, "settled", hints.family) && !hints.ownCode;
  if (declared.empty() || (usual && settled))
    return usual ? *usual : json();
  if (!named && !lists(table["as_filed"], "names", declared))
    notes.push_back("tokenizer_config.json: the class '" + hints.declared +
                    "' is not known; its files are taken as they are");
  if (!named)
    return nullptr;
  // Files of another kind under the name of a class.
  std::string other = named->value("unless", "");
  bool differs = !other.empty() &&
                 hints.file.find("\"" + other + "\"") != std::string_view::npos;
  return differs && !hints.ownCode ? json() : *named;
}

Result<json> settingsOf(const json &kind, const Settings &settings,
                        const Settings::Roles &roles,
                        const std::string &charsMap) {
  json made = {{"charsmap", charsMap}};
  for (const auto &[role, token] : roles)
    made[role] = token["content"];
  const json defaults = kind.value("settings", json::object());
  for (const auto &[key, otherwise] : defaults.items()) {
    const json &value = settings[key.c_str()];
    bool flag = otherwise.is_boolean() || otherwise.is_null();
    if (!value.is_null() &&
        !(flag ? value.is_boolean() : value.is_number_integer()))
      return Status(Code::Corrupt, "tokenizer_config.json: " + key +
                                       ": expected " +
                                       (flag ? "true or false" : "a number") +
                                       ", found " + value.dump());
    made[key] = value.is_null() ? otherwise : value;
  }
  return made;
}

json filled(const json &part, const json &settings) {
  if (part.is_string()) {
    const std::string &text = part.get_ref<const std::string &>();
    return text.starts_with("$") ? settings.value(text.substr(1), json())
                                 : part;
  }
  if (part.is_object() && part.contains("if")) {
    bool holds = truthy(settings.value(part["if"].get<std::string>(), json()));
    return filled(part.value(holds ? "then" : "else", json()), settings);
  }
  if (!part.is_structured())
    return part;
  json made = part.is_array() ? json::array() : json::object();
  for (const auto &[key, value] : part.items()) {
    json item = filled(value, settings);
    if (part.is_object())
      made[key] = std::move(item);
    else if (!item.is_null())
      made.push_back(std::move(item));
  }
  return made;
}

} // namespace sluice::tokenizer
