// Tokenizers by their class.
#include "compiler/tokenizer/Folder.h"
#include "compiler/tokenizer/SpecialTokens.h"
#include "compiler/tokenizer/TokenizerClass.h"
#include "compiler/tokenizer/VocabularyFiles.h"
#include "runtime/support/Base64.h"
#include "runtime/support/Json.h"

#include <algorithm>

namespace sluice::tokenizer {

using nlohmann::json;

// The replacements of characters of a tokenizer.json, in base64.
static std::string charsMapIn(const json &normalizer) {
  const json &list = member(normalizer, "normalizers");
  for (const json &step : list.is_array() ? list : json::array({normalizer}))
    if (const json &map = member(step, "precompiled_charsmap"); map.is_string())
      return map;
  return "";
}

std::optional<Folder::Parts>
Folder::partsOfFile(const std::string &type) const {
  const json &model = member(file, "model");
  const json &found = member(model, "type");
  const json &vocabulary = member(model, "vocab");
  bool fits =
      (found.is_null() || found == type) &&
      (type == "Unigram" ? vocabulary.is_array() : vocabulary.is_object());
  if (!fits)
    return std::nullopt;
  Parts parts;
  parts.vocabulary = vocabulary;
  parts.merges = member(model, "merges");
  parts.post = member(file, "post_processor");
  parts.charsMap = charsMapIn(member(file, "normalizer"));
  parts.filed = true;
  return parts;
}

Result<std::optional<Folder::Parts>>
Folder::partsOfPieces(const std::string &type) const {
  Result<std::string> bytes = text(*modelName());
  if (!bytes.ok())
    return bytes.status();
  if (isRankFile(*bytes))
    return std::optional<Parts>();
  Result<SentencePieceModel> model = readPieces(*modelName());
  if (!model.ok())
    return model.status();
  const TokenList &list = model->list;
  Parts parts;
  parts.pieces = true;
  parts.charsMap = toBase64(model->spaces.charsMap);
  if (type == "BPE") {
    parts.vocabulary = vocabularyOf(list.tokens);
    parts.merges = mergesFromIds(list.tokens);
  } else {
    parts.vocabulary = json::array();
    for (size_t id = 0; id < list.tokens.size(); ++id)
      parts.vocabulary.push_back(
          json::array({list.tokens[id], double(list.scores[id])}));
  }
  for (size_t id = 0; id < list.tokens.size(); ++id)
    if (TokenType kind = list.types[id];
        kind == TokenType::Control || kind == TokenType::UserDefined)
      parts.extras.push_back({{"content", list.tokens[id]},
                              {"normalized", false},
                              {"special", kind == TokenType::Control}});
  return std::optional(std::move(parts));
}

Result<std::optional<Folder::Parts>> Folder::partsFor(const json &kind) const {
  const std::string type = kind["model"]["type"];
  if (!file.is_null())
    return partsOfFile(type);
  if (modelName() && type != "WordPiece")
    return partsOfPieces(type);
  Parts parts;
  if (checkpoint.hasFile("merges.txt") && type == "BPE") {
    Result<json> made = fromPair();
    if (!made.ok())
      return made.status();
    parts.vocabulary = std::move((*made)["model"]["vocab"]);
    parts.merges = std::move((*made)["model"]["merges"]);
    return std::optional(std::move(parts));
  }
  if (auto name = listName(); name && type == "WordPiece") {
    Result<std::string> lines = text(*name);
    if (!lines.ok())
      return lines.status();
    parts.vocabulary = tokensByLine(*lines);
    return std::optional(std::move(parts));
  }
  return std::optional<Parts>();
}

// The pieces in another order: texts are pieces in the place of the model's
// first ones, or behind them; a number stands for all from there on.
static json rearranged(const json &order, const json &pieces) {
  json made = json::array();
  for (const json &item : order)
    if (item.is_number())
      for (size_t i = item; i < pieces.size(); ++i)
        made.push_back(pieces[i]);
    else
      made.push_back(json::array({item, 0.0}));
  return made;
}

Result<std::vector<json>> Folder::complete(const json &kind, const json &values,
                                           Parts &parts) const {
  if (parts.pieces && kind.contains("pieces"))
    parts.vocabulary =
        rearranged(filled(kind["pieces"], values), parts.vocabulary);
  Result<std::vector<json>> listed = settings.tokens(kAdditional);
  if (!listed.ok())
    return listed;
  std::vector<json> extras = parts.pieces ? parts.extras : *listed;
  if (kind.contains("numbered")) {
    const std::string pattern = kind["numbered"]["token"];
    size_t hole = pattern.find("{}");
    int64_t count = values[kind["numbered"]["count"].get<std::string>()];
    if (count < 0 || count > 100000)
      return Status(Code::Corrupt,
                    "tokenizer_config.json: " +
                        kind["numbered"]["count"].get<std::string>() +
                        ": expected 0 to 100000, found " +
                        std::to_string(count));
    auto token = [&](int64_t i) {
      return std::string(pattern).replace(hole, 2, std::to_string(i));
    };
    for (int64_t i = count; parts.pieces && i-- > 0;)
      parts.vocabulary.push_back(json::array({token(i), 0.0}));
    std::string start = pattern.substr(0, hole);
    int64_t there =
        std::count_if(extras.begin(), extras.end(), [&](const json &extra) {
          return extra["content"].get_ref<const std::string &>().find(start) !=
                 std::string::npos;
        });
    if (there > 0 && count > 0 && there != count && !settings.has(kExtra))
      return Status(Code::Corrupt, "the special tokens have " +
                                       std::to_string(there) + " " + pattern +
                                       ", expected " + std::to_string(count));
    for (int64_t i = 0; there == 0 && i < count; ++i)
      extras.push_back({{"content", token(i)}, {"special", true}});
  }
  return settings.has(kExtra) ? settings.tokens(kExtra) : extras;
}

Result<json> Folder::fromClass(const json &kind, Parts parts) {
  Result<Settings::Roles> named =
      settings.roles(kind.value("tokens", json::object()));
  if (!named.ok())
    return named.status();
  roles = std::move(*named);
  Result<json> values = settingsOf(kind, settings, roles, parts.charsMap);
  if (!values.ok())
    return values.status();
  Result<std::vector<json>> extras = complete(kind, *values, parts);
  if (!extras.ok())
    return extras.status();
  json model = filled(kind["model"], *values);
  model["vocab"] = std::move(parts.vocabulary);
  if (!parts.merges.is_null())
    model["merges"] = std::move(parts.merges);
  json made = tokenizer::document(
      {}, filled(member(kind, "normalizer"), *values),
      filled(member(kind, "pre_tokenizer"), *values), nullptr,
      filled(member(kind, "decoder"), *values), std::move(model));
  const json &marks = member(kind, "marks_special");
  addSpecials(made, {settings.added, roles, *extras,
                     marks.is_null()      ? Specials::Mark::None
                     : marks == "as_said" ? Specials::Mark::AsSaid
                                          : Specials::Mark::Plain});
  Result<json> post = postFor(kind, *values, parts, made);
  if (!post.ok())
    return post.status();
  made["post_processor"] = std::move(*post);
  return made;
}

Result<json> Folder::postFor(const json &kind, const json &values,
                             const Parts &parts, const json &made) const {
  const json &own = member(kind, "post");
  if (!own.is_array()) {
    if (!parts.post.is_null() && own.is_null())
      return parts.post;
    // A tokenizer.json stands for what it does, the flags count without one.
    Result<bool> bos = settings.flag("add_bos_token", false);
    Result<bool> eos = settings.flag("add_eos_token", false);
    if (!bos.ok() || !eos.ok())
      return bos.ok() ? eos.status() : bos.status();
    return postByFlags(made, *bos && !parts.filed, *eos && !parts.filed);
  }
  TokenIds ids(made);
  std::optional<NamedId> around[2];
  bool behind = false;
  for (const json &item : own) {
    if (item == "A") { // the text
      behind = true;
      continue;
    }
    const json token = filled(item, values);
    if (!token.is_string())
      continue; // the files say that there is none
    if (int64_t id = ids.find(token); id >= 0)
      around[behind] = NamedId(token, id);
  }
  json post = templateFor(around[0], around[1]);
  if (const json &trim = member(kind, "trim");
      trim.is_object() && !post.is_null())
    post = {{"type", "Sequence"},
            {"processors", json::array({filled(trim, values), post})}};
  return post;
}

} // namespace sluice::tokenizer
