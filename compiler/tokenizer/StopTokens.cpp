#include "compiler/tokenizer/StopTokens.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/tokenizer/Folder.h"
#include "compiler/tokenizer/GgufVocabulary.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace sluice::tokenizer {

using nlohmann::json;

static constexpr const char *kEos = "eos_token_id";

// A value in a message; texts of a GGUF file may be any bytes.
static std::string shown(const json &value) {
  return checkpoint::excerpt(jsonText(value), 100);
}

namespace {
// The ids in the order in which they are named, each once.
class Ids {
public:
  explicit Ids(StopTokens &stops) : stops_(stops) {}

  // One id or a list of ids.
  void add(const json &value, const std::string &where) {
    if (value.is_null())
      return;
    if (value.is_array()) {
      for (const json &item : value)
        add(item, where);
      return;
    }
    double id = value.is_number() ? value.get<double>() : -1;
    if (id < 0 || id > INT32_MAX || id != std::floor(id))
      stops_.notes.push_back(where + ": expected ids of tokens, found " +
                             shown(value) + ", which ends nothing");
    else
      add(int32_t(id));
  }
  void add(int32_t id) {
    if (known_.insert(id).second)
      stops_.ids.push_back(id);
  }

private:
  StopTokens &stops_;
  std::set<int32_t> known_;
};
} // namespace

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

static StopTokens fromFolder(const checkpoint::Checkpoint &checkpoint) {
  const std::string name = "generation_config.json";
  StopTokens stops;
  Ids ids(stops);
  json fallback = fromConfig(checkpoint);
  Status why;
  const json *file = checkpoint.config(name, &why);
  if (file && !file->is_object()) {
    why = Status(Code::Corrupt,
                 name + ": expected an object, found " + file->type_name());
    file = nullptr;
  }
  if (!file) {
    if (why.code() != Code::NotFound)
      stops.notes.push_back(why.message() + "; config.json says what ends the "
                                            "text");
    ids.add(fallback, std::string("config.json: ") + kEos);
    return stops;
  }
  json value = file->value(kEos, json());
  ids.add(value, name + ": " + kEos);
  if (value.is_null() && !fallback.is_null())
    stops.notes.push_back(name + " has no " + kEos + ": " + shown(fallback) +
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
  Ids ids(stops);
  std::set<std::string> texts((*ends)["ends"].begin(), (*ends)["ends"].end());
  auto named = [&](const std::string &key) {
    const json id = metadata.value(prefix + key, json());
    bool valid = id.is_number_integer() && id >= 0 &&
                 (tokens.empty() || id < tokens.size());
    if (valid)
      ids.add(id, prefix + key);
    else if (!id.is_null())
      stops.notes.push_back("GGUF key " + prefix + key +
                            ": there is no token " + shown(id));
    return valid;
  };
  for (const json &key : (*ends)["by_id"])
    if (!named(key) && key == kEos)
      if (DefaultIds known = defaultIds(metadata);
          known.ends && known.eos >= 0 && size_t(known.eos) < tokens.size())
        ids.add(int32_t(known.eos));
  for (const auto &[key, others] : (*ends)["by_id_or_text"].items())
    if (!named(key))
      texts.insert(others.begin(), others.end());
  std::set<int32_t> excepted;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!exceptionFor(tokens[id], known, *ends).is_null())
      excepted.insert(int32_t(id));
    else if (texts.contains(tokens[id]))
      ids.add(int32_t(id));
  }
  std::erase_if(stops.ids, [&](int32_t id) { return excepted.contains(id); });
  return stops;
}

Result<StopTokens> readStopTokens(const checkpoint::Checkpoint &checkpoint,
                                  const std::string &models) {
  try {
    if (checkpoint.format() == checkpoint::Format::Gguf)
      return fromGguf(checkpoint.metadata(), models);
    return fromFolder(checkpoint);
  } catch (const json::exception &error) {
    return Status(Code::Corrupt,
                  std::string("what ends the text: ") + error.what());
  }
}

} // namespace sluice::tokenizer
