#include "compiler/tokenizer/TokenizerFile.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/tokenizer/GgufVocabulary.h"
#include "compiler/tokenizer/LongestMatch.h"
#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/VocabularyFiles.h"
#include "runtime/support/Json.h"
#include "runtime/support/MappedFile.h"

#include <algorithm>
#include <optional>

namespace sluice::tokenizer {

using nlohmann::json;

static std::string textOf(const std::vector<uint8_t> &bytes) {
  return std::string(bytes.begin(), bytes.end());
}

static Result<json> readTable(const std::string &models, const char *name) {
  std::string path = models + "/tokenizers/" + name;
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  Result<json> list = parseJson(checkpoint::textOf(file->bytes()));
  if (!list.ok())
    return list.status().in(path);
  if (!list->is_array())
    return Status(Code::Corrupt,
                  path + ": expected a list, found " + list->type_name());
  return list;
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
  Result<json> document = tokenizerJson(*vocabulary);
  if (!document.ok())
    return document.status();
  json config = json::object();
  auto token = [&](const char *name, int64_t id) {
    if (id >= 0)
      config[name] = vocabulary->list.tokens[size_t(id)];
  };
  token("bos_token", vocabulary->list.bos);
  token("eos_token", vocabulary->list.eos);
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

namespace {
// What stands in the files beside a vocabulary.
class Folder {
public:
  Folder(const checkpoint::Checkpoint &checkpoint, const std::string &models)
      : checkpoint(checkpoint), models(models) {
    const json *file = checkpoint.config("tokenizer_config.json");
    settings = file ? *file : json::object();
  }

  // The tokenizer.json; null if the folder has no vocabulary.
  Result<json> read() const;

private:
  Result<std::string> text(const std::string &name) const {
    Result<std::vector<uint8_t>> bytes = checkpoint.file(name);
    if (!bytes.ok())
      return bytes.status();
    return textOf(*bytes);
  }
  bool flag(const char *key, bool otherwise) const {
    auto it = settings.find(key);
    return it != settings.end() && it->is_boolean() ? it->get<bool>()
                                                    : otherwise;
  }
  // The first file whose name is such.
  template <typename Is> std::optional<std::string> find(Is is) const {
    std::vector<std::string> names = checkpoint.fileNames();
    auto it = std::find_if(names.begin(), names.end(), is);
    return it == names.end() ? std::nullopt : std::optional(*it);
  }
  Result<json> fromModel(const std::string &name) const;
  Result<json> fromPair() const;
  Result<json> fromList(const std::string &name) const;
  void addTokens(json &document) const;

  const checkpoint::Checkpoint &checkpoint;
  const std::string &models;
  json settings;
};

Result<json> Folder::fromModel(const std::string &name) const {
  Result<std::string> bytes = text(name);
  if (!bytes.ok())
    return bytes.status();
  if (isRankFile(*bytes)) {
    Result<json> kinds = readTable(models, "ranks.json");
    if (!kinds.ok())
      return kinds.status();
    Result<json> made = fromRanks(*bytes, *kinds);
    return made.ok() ? made : made.status().in(name);
  }
  Result<SentencePieceModel> model = SentencePieceModel::read(*bytes);
  if (!model.ok())
    return model.status().in(name);
  bool merges = model->kind == SentencePieceModel::Kind::Bpe;
  model->list.addBos = flag("add_bos_token", merges);
  model->list.addEos = flag("add_eos_token", !merges);
  return tokenizerJson(*model);
}

// Tokens that were added to the vocabulary, by either of two files.
void Folder::addTokens(json &document) const {
  json &added = document["added_tokens"];
  auto add = [&](int64_t id, const json &token) {
    if (!token.is_object() || !token.value("content", json()).is_string())
      return;
    std::erase_if(added.get_ref<json::array_t &>(), [&](const json &other) {
      return other["id"] == id || other["content"] == token["content"];
    });
    json entry = {{"id", id}};
    for (const char *key :
         {"single_word", "lstrip", "rstrip", "normalized", "special"})
      entry[key] = token.value(key, json()) == true;
    entry["content"] = token["content"];
    added.push_back(std::move(entry));
  };
  if (const json *file = checkpoint.config("added_tokens.json"))
    for (const auto &[content, id] : file->items())
      if (id.is_number_integer())
        add(id, {{"content", content}});
  json decoder = settings.value("added_tokens_decoder", json());
  for (const auto &[id, token] : decoder.items())
    if (!id.empty() && id.size() < 9 &&
        id.find_first_not_of("0123456789") == std::string::npos)
      add(std::stoll(id), token);
}

Result<json> Folder::fromPair() const {
  Result<std::string> vocabulary = text("vocab.json");
  if (!vocabulary.ok())
    return vocabulary.status();
  Result<std::string> merges = text("merges.txt");
  return merges.ok() ? fromVocabularyAndMerges(*vocabulary, *merges)
                     : merges.status();
}

Result<json> Folder::fromList(const std::string &name) const {
  Result<std::string> lines = text(name);
  if (!lines.ok())
    return lines.status();
  Result<json> made = isLiteralFile(*lines)
                          ? fromLiterals(*lines)
                          : fromTokenLines(*lines, flag("do_lower_case", true));
  return made.ok() ? made : made.status().in(name);
}

Result<json> Folder::read() const {
  auto ends = [](const char *with) {
    return [with](const std::string &name) { return name.ends_with(with); };
  };
  auto lists = [](const std::string &name) {
    return name.ends_with(".txt") && name.find("vocab") != name.npos;
  };
  Result<json> made = json();
  if (auto name = find(ends(".model")))
    made = fromModel(*name);
  else if (auto name = find(ends(".tiktoken")))
    made = fromModel(*name);
  else if (checkpoint.hasFile("merges.txt"))
    made = fromPair();
  else if (auto name = find(lists))
    made = fromList(*name);
  else
    return made;
  if (made.ok())
    addTokens(*made);
  return made;
}
} // namespace

// What conversations need: newer folders keep the chat template in a file of
// its own, and the list of added tokens is the tokenizer's.
static Result<std::string>
readConfig(const checkpoint::Checkpoint &checkpoint) {
  const json *file = checkpoint.config("tokenizer_config.json");
  json settings = file && file->is_object() ? *file : json::object();
  settings.erase("added_tokens_decoder");
  if (const char *name = "chat_template.jinja"; checkpoint.hasFile(name)) {
    Result<std::vector<uint8_t>> bytes = checkpoint.file(name);
    if (!bytes.ok())
      return bytes.status();
    settings["chat_template"] = textOf(*bytes);
  }
  return settings.empty()
             ? std::string()
             : settings.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<TokenizerFile> readTokenizer(const checkpoint::Checkpoint &checkpoint,
                                    const std::string &models) {
  if (checkpoint.format() == checkpoint::Format::Gguf)
    return fromGguf(checkpoint.metadata(), models);
  TokenizerFile file;
  Result<std::string> config = readConfig(checkpoint);
  if (!config.ok())
    return config.status();
  file.config = std::move(*config);
  if (const char *name = "tokenizer.json"; checkpoint.hasFile(name)) {
    Result<std::vector<uint8_t>> bytes = checkpoint.file(name);
    if (!bytes.ok())
      return bytes.status();
    file.json = textOf(*bytes);
    return file;
  }
  Result<json> made = Folder(checkpoint, models).read();
  if (!made.ok())
    return made.status();
  if (made->is_object())
    file.json = made->dump(-1, ' ', false, json::error_handler_t::replace);
  return file;
}

} // namespace sluice::tokenizer
