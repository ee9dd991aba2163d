#include "compiler/tokenizer/Folder.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/tokenizer/LongestMatch.h"
#include "compiler/tokenizer/SpecialTokens.h"
#include "compiler/tokenizer/TokenizerClass.h"
#include "compiler/tokenizer/VocabularyFiles.h"
#include "runtime/format/TokenizerKeys.h"
#include "runtime/support/Json.h"
#include "runtime/support/MappedFile.h"
#include "runtime/support/SerdeJson.h"

#include <algorithm>
#include <set>

namespace sluice::tokenizer {

using nlohmann::json;

Result<json> readTable(const std::string &models, const std::string &name) {
  std::string path = models + "/tokenizers/" + name;
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  Result<json> table = parseJson(checkpoint::textOf(file->bytes()));
  if (!table.ok())
    return table.status().in(path);
  if (!table->is_structured())
    return Status(Code::Corrupt, path +
                                     ": expected a list or an object, found " +
                                     table->type_name());
  return table;
}

Result<std::string> Folder::text(const std::string &name) const {
  Result<std::vector<uint8_t>> bytes = checkpoint.file(name);
  if (!bytes.ok())
    return bytes.status();
  return std::string(bytes->begin(), bytes->end());
}

template <typename Is>
static std::optional<std::string>
findName(const checkpoint::Checkpoint &checkpoint, Is is) {
  std::vector<std::string> names = checkpoint.fileNames();
  auto it = std::find_if(names.begin(), names.end(), is);
  return it == names.end() ? std::nullopt : std::optional(*it);
}

std::optional<std::string> Folder::modelName() const {
  for (const char *end : {".model", ".tiktoken"})
    if (auto name = findName(checkpoint, [&](const std::string &name) {
          return name.ends_with(end);
        }))
      return name;
  return std::nullopt;
}

std::optional<std::string> Folder::listName() const {
  return findName(checkpoint, [](const std::string &name) {
    return name.ends_with(".txt") && name.find("vocab") != name.npos;
  });
}

Status Folder::readFiles() {
  if (const char *name = "tokenizer.json"; checkpoint.hasFile(name)) {
    Result<std::string> bytes = text(name);
    if (!bytes.ok())
      return bytes.status();
    fileText = std::move(*bytes);
    Result<json> read = parseSerdeJson(fileText);
    if (!read.ok())
      return read.status().in(name);
    file = std::move(*read);
  }
  Result<Settings> read =
      Settings::read(checkpoint, file.is_null() ? nullptr : &file);
  if (!read.ok())
    return read.status();
  settings = std::move(*read);
  const json &map = settings["auto_map"];
  ownCode = map.is_array() ||
            (map.is_object() && !map.value("AutoTokenizer", json()).is_null());
  return {};
}

json Folder::classIn(const json &table) {
  ClassHints hints;
  hints.ownCode = ownCode;
  hints.file = fileText;
  auto take = [](const json &value, std::string &out) {
    if (out.empty() && value.is_string())
      out = value.get<std::string>();
  };
  take(settings["tokenizer_class"], hints.declared);
  if (const json *config = checkpoint.config(); config && config->is_object()) {
    take(config->value("model_type", json()), hints.family);
    take(config->value("tokenizer_class", json()), hints.declared);
  }
  json kind = chooseClass(table, hints, notes);
  if (kind.is_null() && ownCode)
    notes.push_back("tokenizer_config.json: auto_map: code of the checkpoint's "
                    "own is not run; its files are taken as they are");
  return kind;
}

Status Folder::read() {
  if (Status status = readFiles(); !status.ok())
    return status;
  Result<json> table = readTable(models, "classes.json");
  if (!table.ok())
    return table.status();
  json kind = classIn(*table);
  std::optional<Parts> parts;
  if (!kind.is_null()) {
    Result<std::optional<Parts>> found = partsFor(kind);
    if (!found.ok())
      return found.status();
    parts = std::move(*found);
  }
  Result<json> made = parts ? fromClass(kind, std::move(*parts)) : asFiled();
  if (!made.ok())
    return made.status();
  if (made->is_null()) {
    notes.clear();
    return {};
  }
  if (!kind.is_null() && !parts)
    notes.push_back("the tokenizer's class " + kind["names"][0].dump() +
                    " has another kind of vocabulary; the files are taken as "
                    "they are");
  Status status = finish(std::move(*made));
  if (status.ok())
    status = readConversation();
  return status.ok() ? noteKeys(*table) : status;
}

Result<json> Folder::asFiled() {
  Result<json> made = json();
  if (!file.is_null()) {
    made = file;
    changed = false;
  } else if (auto name = modelName()) {
    made = fromModel(*name);
  } else if (checkpoint.hasFile("merges.txt")) {
    made = fromPair();
  } else if (auto name = listName()) {
    made = fromList(*name);
  }
  if (made.ok() && made->is_object() && roles.empty())
    if (Status status = addTokens(*made); !status.ok())
      return status;
  return made;
}

Status Folder::addTokens(json &made) {
  Result<Settings::Roles> named = settings.roles(json::object());
  Result<std::vector<json>> extras =
      settings.tokens(settings.has(kExtra) ? kExtra : kAdditional);
  if (!named.ok() || !extras.ok())
    return named.ok() ? extras.status() : named.status();
  roles = *named;
  changed |= addSpecials(made, {settings.added, roles, *extras});
  if (!file.is_null() || !made["post_processor"].is_null())
    return {};
  Result<bool> bos = settings.flag("add_bos_token", false);
  Result<bool> eos = settings.flag("add_eos_token", false);
  if (!bos.ok() || !eos.ok())
    return bos.ok() ? eos.status() : bos.status();
  Result<json> post = postByFlags(made, *bos, *eos);
  if (post.ok())
    made["post_processor"] = std::move(*post);
  return post.status();
}

Result<json> Folder::postByFlags(const json &made, bool bos, bool eos) const {
  TokenIds ids(made);
  auto token = [&](bool wanted, const char *role) -> std::optional<NamedId> {
    std::string text = Settings::textIn(roles, role);
    int64_t id = ids.find(text);
    return wanted && !text.empty() && id >= 0 ? std::optional(NamedId(text, id))
                                              : std::nullopt;
  };
  std::optional<NamedId> first = token(bos, "bos_token"),
                         last = token(eos, "eos_token");
  return first || last ? templateFor(first, last) : json();
}

Result<SentencePieceModel> Folder::readPieces(const std::string &name) const {
  Result<std::string> bytes = text(name);
  if (!bytes.ok())
    return bytes.status();
  Result<SentencePieceModel> model = SentencePieceModel::read(*bytes);
  return model.ok() ? model : model.status().in(name);
}

Result<json> Folder::fromModel(const std::string &name) {
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
  Result<SentencePieceModel> model = readPieces(name);
  return model.ok() ? fromPieces(std::move(*model)) : model.status();
}

// Pieces that hold the places of added tokens have their names.
static void rename(TokenList &list, const std::vector<json> &added) {
  std::set<int64_t> renamed;
  for (const json &token : added)
    renamed.insert(token["id"].get<int64_t>());
  std::set<std::string> kept;
  for (size_t id = 0; id < list.tokens.size(); ++id)
    if (!renamed.contains(int64_t(id)))
      kept.insert(list.tokens[id]);
  for (const json &token : added)
    if (size_t id = token["id"];
        id < list.tokens.size() && !kept.contains(token["content"]))
      list.tokens[id] = token["content"];
}

Result<json> Folder::fromPieces(SentencePieceModel model) {
  bool merges = model.kind == SentencePieceModel::Kind::Bpe;
  // Code of a checkpoint's own is mostly SentencePiece's usual set-up.
  Result<bool> bos = settings.flag("add_bos_token", ownCode && merges),
               eos = settings.flag("add_eos_token", ownCode && !merges),
               legacy = settings.flag("legacy", true);
  for (const Result<bool> *flag : {&bos, &eos, &legacy})
    if (!flag->ok())
      return flag->status();
  TokenList &list = model.list;
  rename(list, settings.added);
  model.spaces.always = *legacy;
  json made = tokenizerJson(model);
  std::erase_if(made["added_tokens"].get_ref<json::array_t &>(),
                [](const json &token) { return token["special"] == true; });
  json defaults = json::object();
  for (auto [role, id] :
       {std::pair("bos_token", list.bos), std::pair("eos_token", list.eos),
        std::pair("unk_token", list.unknown)})
    if (id >= 0)
      defaults[role] = list.tokens[size_t(id)];
  Result<Settings::Roles> named = settings.roles(defaults);
  Result<std::vector<json>> extras = settings.tokens(kExtra);
  if (!named.ok() || !extras.ok())
    return named.ok() ? extras.status() : named.status();
  roles = *named;
  if (!settings.has(kExtra))
    for (size_t id = 0; id < list.tokens.size(); ++id)
      if (list.types[id] == TokenType::Control)
        extras->push_back({{"content", list.tokens[id]}, {"special", true}});
  std::vector<json> added = settings.added;
  if (model.spaces.prefix) { // what follows a token has a space of its own
    for (std::vector<json> *tokens : {&added, &*extras})
      for (json &token : *tokens)
        token["normalized"] = false;
    for (auto &[role, token] : roles)
      token["normalized"] = false;
  }
  addSpecials(made, {added, roles, *extras});
  Result<json> post = postByFlags(made, *bos, *eos);
  if (!post.ok())
    return post.status();
  made["post_processor"] = std::move(*post);
  return made;
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
  Result<bool> lower = settings.flag("do_lower_case", true);
  if (!lines.ok() || !lower.ok())
    return lines.ok() ? lower.status() : lines.status();
  Result<json> made = isLiteralFile(*lines) ? fromLiterals(*lines)
                                            : fromTokenLines(*lines, *lower);
  return made.ok() ? made : made.status().in(name);
}

Status Folder::finish(json made) {
  Result<bool> clean = settings.flag(format::kCleanUpKey, false),
               force = settings.flag("clean_up_tokenization_spaces_for_bpe_even"
                                     "_though_it_will_corrupt_output",
                                     false),
               split = settings.flag(format::kSplitSpecialKey, false);
  for (const Result<bool> *flag : {&clean, &force, &split})
    if (!flag->ok())
      return flag->status();
  // Merged pieces say themselves where a space is.
  if (*clean && (*force || member(member(made, "model"), "type") != "BPE"))
    made[format::kCleanUpKey] = changed = true;
  if (*split)
    made[format::kSplitSpecialKey] = changed = true;
  document = changed ? made.dump(-1, ' ', false, json::error_handler_t::replace)
                     : fileText;
  return {};
}

// Files of their own take the place of the templates in tokenizer_config.json.
Status Folder::readConversation() {
  for (const auto &[role, token] : roles)
    conversation[role] = token["content"];
  json files = json::array();
  for (auto [name, path] :
       {std::pair("default", "chat_template.jinja"),
        std::pair("tool_use", "additional_chat_templates/tool_use.jinja")})
    if (checkpoint.hasFile(path)) {
      Result<std::string> source = text(path);
      if (!source.ok())
        return source.status();
      files.push_back({{"name", name}, {"template", *source}});
    }
  json templates = files.empty() ? settings["chat_template"] : files;
  if (templates.is_object()) { // names and templates
    json list = json::array();
    for (const auto &[name, source] : templates.items())
      list.push_back({{"name", name}, {"template", source}});
    templates = std::move(list);
  }
  if (!templates.is_null())
    conversation["chat_template"] = std::move(templates);
  return {};
}

Status Folder::noteKeys(const json &table) {
  Result<json> keys = readTable(models, "keys.json");
  if (!keys.ok())
    return keys.status();
  std::vector<std::string> known;
  for (const auto &[group, list] : keys->items())
    for (const json &key : list)
      known.push_back(key);
  for (const json &kind : table["classes"])
    for (const auto &[key, value] : member(kind, "settings").items())
      known.push_back(key);
  settings.noteUnknown(known, notes);
  for (const json &key : (*keys)["not_carried_out"])
    if (truthy(settings[key.get<std::string>().c_str()]))
      notes.push_back("tokenizer_config.json: " + key.get<std::string>() +
                      " is not carried out");
  return {};
}

} // namespace sluice::tokenizer
