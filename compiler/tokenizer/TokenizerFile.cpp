#include "compiler/tokenizer/TokenizerFile.h"

#include "compiler/tokenizer/Folder.h"
#include "compiler/tokenizer/GgufVocabulary.h"
#include "compiler/tokenizer/StopTokens.h"

#include <algorithm>

namespace sluice::tokenizer {

using nlohmann::json;

// Which tokens take the space beside them is not in the file.
static void addStrips(json &document, const json &metadata, const json &rules) {
  for (const json &rule : rules) {
    auto said = metadata.find(rule["key"].get<std::string>());
    if (said == metadata.end() || !said->is_string())
      continue;
    std::string value = *said;
    for (char &c : value)
      c = char(std::tolower(uint8_t(c)));
    if (std::none_of(rule["has"].begin(), rule["has"].end(),
                     [&](const json &part) {
                       return value.find(part.get<std::string>()) != value.npos;
                     }))
      continue;
    for (json &token : document["added_tokens"]) {
      auto listed = [&](const char *key) {
        const json list = rule.value(key, json::array());
        return std::find(list.begin(), list.end(), token["content"]) !=
               list.end();
      };
      if (rule.contains("tokens") ? listed("tokens") : !listed("all_but"))
        token[rule["flag"].get<std::string>()] = true;
    }
    return;
  }
}

// The templates by their names, the default one under the plain key.
static json templatesOf(const json &metadata) {
  const std::string key = "tokenizer.chat_template";
  json list = json::array();
  if (metadata.value(key, json()).is_string())
    list.push_back({{"name", "default"}, {"template", metadata[key]}});
  for (const auto &[name, source] : metadata.items())
    if (name.starts_with(key + ".") && source.is_string())
      list.push_back(
          {{"name", name.substr(key.size() + 1)}, {"template", source}});
  return list;
}

// Tells of the metadata's keys that nothing reads.
static Status noteKeys(const json &metadata, const std::string &models,
                       Notes &notes) {
  Result<json> keys = readTable(models, "gguf_keys.json");
  if (!keys.ok())
    return keys.status();
  std::vector<std::string> known;
  for (const auto &[group, list] : keys->items())
    known.insert(known.end(), list.begin(), list.end());
  std::vector<std::string> unknown;
  for (const auto &[key, value] : metadata.items())
    if (key.starts_with("tokenizer.") &&
        !key.starts_with("tokenizer.chat_template"))
      unknown.push_back(key);
  noteUnknownKeys("", unknown, known, notes);
  for (const json &key : (*keys)["not_carried_out"])
    if (truthy(metadata.value(key.get<std::string>(), json())))
      notes.push_back(key.get<std::string>() + " is not carried out");
  return {};
}

static Result<TokenizerFile> fromGguf(const json &metadata,
                                      const std::string &models) {
  TokenizerFile file;
  if (!metadata.contains("tokenizer.ggml.model"))
    return file;
  Result<json> preTokenizers = readTable(models, "gguf.json");
  if (!preTokenizers.ok())
    return preTokenizers.status();
  Result<GgufVocabulary> vocabulary =
      GgufVocabulary::read(metadata, *preTokenizers);
  if (!vocabulary.ok())
    return vocabulary.status();
  Result<json> ends = readTable(models, "ends.json");
  if (!ends.ok())
    return ends.status();
  correctTypes(vocabulary->list, *ends);
  Result<json> document = tokenizerJson(*vocabulary);
  if (!document.ok())
    return document.status();
  addStrips(*document, metadata, (*ends)["strips"]);
  json config = json::object();
  auto token = [&](const char *name, int64_t id) {
    if (id >= 0)
      config[name] = vocabulary->list.tokens[size_t(id)];
  };
  token("bos_token", vocabulary->list.bos);
  token("eos_token", vocabulary->list.eos);
  token("unk_token", vocabulary->list.unknown);
  token("sep_token", vocabulary->list.separator);
  if (json templates = templatesOf(metadata); !templates.empty())
    config["chat_template"] = std::move(templates);
  // A vocabulary may hold bytes that are not UTF-8; they cannot be tokens of a
  // JSON file and are replaced.
  auto replace = json::error_handler_t::replace;
  file.json = document->dump(-1, ' ', false, replace);
  file.config = config.dump(-1, ' ', false, replace);
  if (Status status = noteKeys(metadata, models, file.notes); !status.ok())
    return status;
  return file;
}

static Result<TokenizerFile>
fromFolder(const checkpoint::Checkpoint &checkpoint,
           const std::string &models) {
  Folder folder(checkpoint, models);
  if (Status status = folder.read(); !status.ok())
    return status;
  TokenizerFile file;
  file.json = std::move(folder.document);
  file.notes = std::move(folder.notes);
  file.config =
      folder.conversation.dump(-1, ' ', false, json::error_handler_t::replace);
  return file;
}

Result<TokenizerFile> readTokenizer(const checkpoint::Checkpoint &checkpoint,
                                    const std::string &models) {
  bool gguf = checkpoint.format() == checkpoint::Format::Gguf;
  try {
    return gguf ? fromGguf(checkpoint.metadata(), models)
                : fromFolder(checkpoint, models);
  } catch (const json::exception &error) {
    return Status(Code::Corrupt, (gguf ? "the tokenizer's keys: "
                                       : "the tokenizer's files: ") +
                                     std::string(error.what()));
  }
}

} // namespace sluice::tokenizer
