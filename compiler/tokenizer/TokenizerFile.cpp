#include "compiler/tokenizer/TokenizerFile.h"

#include "compiler/tokenizer/GgufVocabulary.h"

#include <fstream>

namespace sluice::tokenizer {

using nlohmann::json;

static std::string textOf(const std::vector<uint8_t> &bytes) {
  return std::string(bytes.begin(), bytes.end());
}

static Result<TokenizerFile> fromGguf(const json &metadata,
                                      const std::string &models) {
  TokenizerFile file;
  if (!metadata.contains("tokenizer.ggml.model"))
    return file;
  std::ifstream table(models + "/tokenizers/gguf.json");
  json preTokenizers = json::parse(table, nullptr, false);
  if (!preTokenizers.is_array())
    return Status(Code::NotFound,
                  models + "/tokenizers/gguf.json: missing or malformed");
  Result<GgufVocabulary> vocabulary =
      GgufVocabulary::read(metadata, preTokenizers);
  if (!vocabulary.ok())
    return vocabulary.status();
  Result<json> document = tokenizerJson(*vocabulary);
  if (!document.ok())
    return document.status();
  json config = json::object();
  auto token = [&](const char *name, int64_t id) {
    if (id >= 0)
      config[name] = vocabulary->tokens[size_t(id)];
  };
  token("bos_token", vocabulary->bos);
  token("eos_token", vocabulary->eos);
  if (auto it = metadata.find("tokenizer.chat_template");
      it != metadata.end() && it->is_string())
    config["chat_template"] = *it;
  // A vocabulary may hold bytes that are not UTF-8; they cannot be tokens of a
  // JSON file and are replaced.
  auto replace = json::error_handler_t::replace;
  file.json = document->dump(-1, ' ', false, replace);
  file.config = config.dump(-1, ' ', false, replace);
  return file;
}

Result<TokenizerFile> readTokenizer(const checkpoint::Checkpoint &checkpoint,
                                    const std::string &models) {
  if (checkpoint.format() == checkpoint::Format::Gguf)
    return fromGguf(checkpoint.metadata(), models);
  TokenizerFile file;
  for (auto [name, text] : {std::pair{"tokenizer.json", &file.json},
                            std::pair{"tokenizer_config.json", &file.config}})
    if (checkpoint.hasFile(name)) {
      Result<std::vector<uint8_t>> bytes = checkpoint.file(name);
      if (!bytes.ok())
        return bytes.status();
      *text = textOf(*bytes);
    }
  return file;
}

} // namespace sluice::tokenizer
