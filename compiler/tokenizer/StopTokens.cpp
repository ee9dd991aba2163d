#include "compiler/tokenizer/StopTokens.h"

#include "compiler/tokenizer/Folder.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace sluice::tokenizer {

using nlohmann::json;

static constexpr const char *kEos = "eos_token_id";

// One id or a list of ids.
static void addIds(const json &value, const std::string &where,
                   StopTokens &stops) {
  if (value.is_null())
    return;
  if (value.is_array()) {
    for (const json &item : value)
      addIds(item, where, stops);
    return;
  }
  double id = value.is_number() ? value.get<double>() : -1;
  if (id < 0 || id > INT32_MAX || id != std::floor(id)) {
    stops.notes.push_back(where + ": expected ids of tokens, found " +
                          value.dump() + ", which ends nothing");
    return;
  }
  if (std::find(stops.ids.begin(), stops.ids.end(), int32_t(id)) ==
      stops.ids.end())
    stops.ids.push_back(int32_t(id));
}

// The value of config.json, or of the part of it that describes the decoder.
static json fromConfig(const checkpoint::Checkpoint &checkpoint) {
  const json *config = checkpoint.config();
  if (!config || !config->is_object())
    return nullptr;
  if (json value = config->value(kEos, json()); !value.is_null())
    return value;
  for (const char *part : {"decoder", "generator", "text_config"})
    if (json inner = config->value(part, json()); truthy(inner))
      return inner.is_object() ? inner.value(kEos, json()) : json();
  return nullptr;
}

static Result<StopTokens> fromFolder(const checkpoint::Checkpoint &checkpoint) {
  const std::string name = "generation_config.json";
  StopTokens stops;
  json fallback = fromConfig(checkpoint);
  Status why;
  const json *file = checkpoint.config(name, &why);
  if (file && !file->is_object())
    return Status(Code::Corrupt,
                  name + ": expected an object, found " + file->type_name());
  if (!file) {
    if (why.code() != Code::NotFound)
      stops.notes.push_back(why.message() + "; config.json says what ends the "
                                            "text");
    addIds(fallback, std::string("config.json: ") + kEos, stops);
    return stops;
  }
  json value = file->value(kEos, json());
  addIds(value, name + ": " + kEos, stops);
  if (value.is_null() && !fallback.is_null())
    stops.notes.push_back(name + " has no " + kEos + ": " + fallback.dump() +
                          ", which config.json has, ends nothing");
  return stops;
}

// The rule for a token that ends nothing beside certain others, if they are in
// the vocabulary; else null.
static json exceptionFor(const std::string &token,
                         const std::set<std::string> &known, const json &ends) {
  auto has = [&](const json &other) {
    return known.contains(other.get<std::string>());
  };
  for (const json &rule : ends["not_with"])
    if (rule["token"] == token)
      for (const json &set : rule["sets"])
        if (std::all_of(set.begin(), set.end(), has))
          return rule;
  return nullptr;
}

static bool contains(const json &list, const std::string &token) {
  return std::find(list.begin(), list.end(), token) != list.end();
}

void correctTypes(TokenList &list, const json &ends) {
  std::set<std::string> known(list.tokens.begin(), list.tokens.end()), control;
  for (const json *texts : {&ends["ends"], &ends["control"]})
    control.insert(texts->begin(), texts->end());
  for (const auto &[key, texts] : ends["by_id_or_text"].items())
    control.insert(texts.begin(), texts.end());
  for (size_t id = 0; id < list.tokens.size(); ++id) {
    const std::string &token = list.tokens[id];
    if (contains(ends["defined"], token))
      list.types[id] = TokenType::UserDefined;
    else if (control.contains(token))
      list.types[id] = TokenType::Control;
    else
      continue;
    if (json rule = exceptionFor(token, known, ends); !rule.is_null())
      list.types[id] = TokenType(rule["type"].get<int>());
  }
}

static Result<StopTokens> fromGguf(const json &metadata,
                                   const std::string &models) {
  const std::string prefix = "tokenizer.ggml.";
  Result<json> ends = readTable(models, "ends.json");
  if (!ends.ok())
    return ends.status();
  std::vector<std::string> tokens;
  for (const json &token : metadata.value(prefix + "tokens", json::array()))
    tokens.push_back(token.is_string() ? token.get<std::string>() : "");
  std::set<std::string> known(tokens.begin(), tokens.end());

  StopTokens stops;
  std::set<std::string> texts((*ends)["ends"].begin(), (*ends)["ends"].end());
  auto named = [&](const std::string &key) {
    const json id = metadata.value(prefix + key, json());
    bool valid = id.is_number_integer() && id >= 0 &&
                 (tokens.empty() || id < tokens.size());
    if (valid)
      addIds(id, prefix + key, stops);
    else if (!id.is_null())
      stops.notes.push_back("GGUF key " + prefix + key +
                            ": there is no token " + id.dump());
    return valid;
  };
  for (const json &key : (*ends)["by_id"])
    named(key);
  for (const auto &[key, others] : (*ends)["by_id_or_text"].items())
    if (!named(key))
      texts.insert(others.begin(), others.end());
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!exceptionFor(tokens[id], known, *ends).is_null())
      std::erase(stops.ids, int32_t(id));
    else if (texts.contains(tokens[id]))
      addIds(id, tokens[id], stops);
  }
  return stops;
}

Result<StopTokens> readStopTokens(const checkpoint::Checkpoint &checkpoint,
                                  const std::string &models) {
  return checkpoint.format() == checkpoint::Format::Gguf
             ? fromGguf(checkpoint.metadata(), models)
             : fromFolder(checkpoint);
}

} // namespace sluice::tokenizer
