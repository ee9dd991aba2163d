#include "compiler/tokenizer/GgufVocabulary.h"

#include "compiler/tokenizer/LongestMatch.h"

#include <algorithm>
#include <cmath>

namespace sluice::tokenizer {

using nlohmann::json;

namespace {
const std::string prefix = "tokenizer.ggml.";

Status corrupt(const std::string &key, const std::string &what) {
  return Status(Code::Corrupt, "GGUF key " + prefix + key + ": " + what);
}

template <typename T>
Status readList(const json &metadata, const char *key, std::vector<T> &out) {
  auto it = metadata.find(prefix + key);
  if (it == metadata.end())
    return {};
  if (!it->is_array())
    return corrupt(key, "expected a list");
  out.reserve(it->size());
  for (const json &item : *it) {
    bool fits = std::is_same_v<T, std::string> ? item.is_string()
                : std::is_integral_v<T>        ? item.is_number_integer()
                                               : item.is_number();
    if (!fits)
      return corrupt(key, "an element has the wrong type");
    out.push_back(item.get<T>());
  }
  return {};
}

// What the file leaves out, or names wrongly, is `otherwise`.
int64_t readId(const json &metadata, const char *key, size_t tokens,
               int64_t otherwise = -1) {
  auto it = metadata.find(prefix + key);
  auto valid = [&](int64_t id) { return id >= 0 && uint64_t(id) < tokens; };
  if (it != metadata.end() && it->is_number_integer() &&
      valid(it->get<int64_t>()))
    return it->get<int64_t>();
  return valid(otherwise) ? otherwise : -1;
}

Status readFlag(const json &metadata, const char *key,
                std::optional<bool> &flag) {
  auto it = metadata.find(prefix + key);
  if (it == metadata.end())
    return {};
  if (!it->is_boolean())
    return corrupt(key, "expected true or false");
  flag = it->get<bool>();
  return {};
}

// The compiled replacements of characters, a list of bytes.
Status readCharsMap(const json &metadata, std::string &out) {
  std::vector<int64_t> bytes;
  Status status = readList(metadata, "precompiled_charsmap", bytes);
  for (int64_t byte : bytes) {
    if (byte < -128 || byte > 255)
      return corrupt("precompiled_charsmap", "an element is no byte");
    out += static_cast<char>(byte);
  }
  return status;
}

std::string readText(const json &metadata, const char *key) {
  auto it = metadata.find(prefix + key);
  return it != metadata.end() && it->is_string() ? it->get<std::string>() : "";
}
} // namespace

static Result<PreTokenizerKind> readKind(const json &item) {
  PreTokenizerKind kind;
  try {
    kind.cut = item.at("cut").get<std::vector<std::string>>();
    kind.ignoreMerges = item.value("ignore_merges", false);
    kind.addBos = item.value("add_bos", false);
    kind.alwaysBos = item.value("always_bos", false);
    kind.metaspace = item.value("metaspace", false);
    kind.noBos = item.value("no_bos", false);
  } catch (const json::exception &error) {
    return Status(Code::Corrupt,
                  std::string("table of pre-tokenizers: ") + error.what());
  }
  return kind;
}

Result<PreTokenizerKind> findPreTokenizer(const json &table, std::string name) {
  if (name.empty())
    name = "default";
  std::string known;
  for (const json &item : table) {
    json names = item.is_object() ? item.value("names", json::array()) : json();
    for (const json &candidate : names) {
      if (candidate == name)
        return readKind(item);
      known += (known.empty() ? "" : ", ") +
               (candidate.is_string() ? candidate.get<std::string>() : "?");
    }
  }
  return Status(Code::Unsupported, "GGUF pre-tokenizer '" + name +
                                       "' is not known (known: " + known + ")");
}

// Values of tokenizer.ggml.model; they name kinds of vocabularies, after the
// first model that each was used for.
static const char sentencePieceKind[] = "llama", bytePairKind[] = "gpt2",
                  wordPieceKind[] = "bert", unigramKind[] = "t5",
                  longestKind[] = "rwkv";

DefaultIds defaultIds(const json &metadata) {
  std::string kind = readText(metadata, "model");
  if (kind == sentencePieceKind)
    return {.bos = 1, .eos = 2, .unknown = 0};
  if (kind == wordPieceKind)
    return {.bos = 101, .unknown = 100, .separator = 102};
  if (kind == bytePairKind)
    return {.bos = 11, .eos = 11, .ends = false};
  if (kind == unigramKind)
    return {.eos = 1, .unknown = 2};
  return {};
}

Status GgufVocabulary::readIds(const json &metadata) {
  DefaultIds otherwise = defaultIds(metadata);
  size_t count = list.tokens.size();
  list.bos = readId(metadata, "bos_token_id", count);
  if (list.bos < 0)
    list.bos = readId(metadata, "cls_token_id", count,
                      kind.noBos ? -1 : otherwise.bos);
  list.eos = readId(metadata, "eos_token_id", count, otherwise.eos);
  list.unknown = readId(metadata, "unknown_token_id", count, otherwise.unknown);
  list.separator = readId(metadata, "seperator_token_id", count);
  if (list.separator < 0)
    list.separator =
        readId(metadata, "separator_token_id", count, otherwise.separator);
  std::optional<bool> addBos, addEos, prefix, squeeze;
  for (Status status :
       {readFlag(metadata, "add_bos_token", addBos),
        readFlag(metadata, "add_eos_token", addEos),
        readFlag(metadata, "add_space_prefix", prefix),
        readFlag(metadata, "remove_extra_whitespaces", squeeze),
        readFlag(metadata, "normalizer.lowercase", lowercase),
        readFlag(metadata, "normalizer.strip_accents", stripAccents)})
    if (!status.ok())
      return status;
  list.addBos = kind.alwaysBos ||
                addBos.value_or(model == sentencePieceKind || kind.addBos);
  list.addEos = addEos.value_or(model == unigramKind);
  spaces.prefix = prefix.value_or(model != bytePairKind);
  spaces.squeeze = squeeze.value_or(model == unigramKind);
  return {};
}

Result<GgufVocabulary> GgufVocabulary::read(const json &metadata,
                                            const json &preTokenizers) {
  GgufVocabulary v;
  v.model = readText(metadata, "model");
  TokenList &list = v.list;
  if (v.model == bytePairKind) {
    Result<PreTokenizerKind> kind =
        findPreTokenizer(preTokenizers, readText(metadata, "pre"));
    if (!kind.ok())
      return kind.status();
    v.kind = std::move(*kind);
  }
  std::vector<int64_t> types;
  for (Status status : {readList(metadata, "tokens", list.tokens),
                        readList(metadata, "token_type", types),
                        readList(metadata, "scores", list.scores),
                        readList(metadata, "merges", v.merges)})
    if (!status.ok())
      return status;
  if (list.tokens.empty())
    return corrupt("tokens", "missing or empty");
  if (types.empty())
    types.assign(list.tokens.size(), int64_t(TokenType::Normal));
  if (types.size() != list.tokens.size())
    return corrupt("token_type",
                   std::to_string(types.size()) + " entries for " +
                       std::to_string(list.tokens.size()) + " tokens");
  if (!list.scores.empty() && list.scores.size() != list.tokens.size())
    return corrupt("scores",
                   std::to_string(list.scores.size()) + " entries for " +
                       std::to_string(list.tokens.size()) + " tokens");
  for (float score : list.scores)
    if (std::isnan(score))
      return corrupt("scores", "an entry is not a number");
  for (int64_t type : types)
    list.types.push_back(TokenType(type));
  for (Status status : {v.readIds(metadata), checkLengths(list.tokens)})
    if (!status.ok())
      return status;
  if (Status status = readCharsMap(metadata, v.spaces.charsMap); !status.ok())
    return status;
  return v;
}

namespace {
Result<json> bytePair(const GgufVocabulary &v) {
  json merges = json::array();
  for (const std::string &merge : v.merges) {
    size_t cut = merge.find(' ', 1);
    if (cut == std::string::npos)
      return corrupt("merges", "'" + merge + "' is not a pair");
    merges.push_back(
        json::array({merge.substr(0, cut), merge.substr(cut + 1)}));
  }
  if (v.kind.metaspace)
    return joinedPieces(v.list, v.spaces, std::move(merges), v.kind.cut);
  return bytePairs(v.list, std::move(merges), cutBy(v.kind.cut),
                   v.kind.ignoreMerges);
}

// The file marks the beginning of words; WordPiece marks their continuations.
json wordPiece(const GgufVocabulary &v) {
  TokenList words = v.list;
  for (size_t id = 0; id < words.tokens.size(); ++id) {
    std::string &token = words.tokens[id];
    if (token.empty())
      continue;
    if (token.rfind(kMetaspace, 0) == 0)
      token = token.substr(3);
    else if (words.types[id] == TokenType::Normal &&
             !(token.front() == '[' && token.back() == ']'))
      token = "##" + token;
  }
  bool lower = std::none_of(
      words.tokens.begin(), words.tokens.end(), [](const std::string &token) {
        return token.size() == 1 && token[0] >= 'A' && token[0] <= 'Z';
      });
  return wordPieces(words, v.lowercase.value_or(lower),
                    v.stripAccents ? json(*v.stripAccents) : json());
}
} // namespace

Result<json> tokenizerJson(const GgufVocabulary &v) {
  if (v.model == sentencePieceKind)
    return mergedPieces(v.list, v.spaces, true);
  if (v.model == unigramKind)
    return likeliestPieces(v.list, v.spaces, false);
  if (v.model == bytePairKind)
    return bytePair(v);
  if (v.model == wordPieceKind)
    return wordPiece(v);
  if (v.model == longestKind)
    return fromEscaped(v.list);
  return Status(Code::Unsupported, "GGUF vocabulary of kind '" + v.model +
                                       "' is not supported (supported: llama, "
                                       "gpt2, bert, t5, rwkv)");
}

} // namespace sluice::tokenizer
