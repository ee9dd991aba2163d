#include "compiler/tokenizer/GgufVocabulary.h"

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

int64_t readId(const json &metadata, const char *key, size_t tokens) {
  auto it = metadata.find(prefix + key);
  if (it == metadata.end() || !it->is_number_integer())
    return -1;
  int64_t id = it->get<int64_t>();
  return id >= 0 && uint64_t(id) < tokens ? id : -1;
}

bool readFlag(const json &metadata, const char *key, bool otherwise) {
  auto it = metadata.find(prefix + key);
  return it != metadata.end() && it->is_boolean() ? it->get<bool>() : otherwise;
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
                  wordPieceKind[] = "bert";

Result<GgufVocabulary> GgufVocabulary::read(const json &metadata,
                                            const json &preTokenizers) {
  GgufVocabulary v;
  v.model = readText(metadata, "model");
  bool addsBos = v.model == sentencePieceKind;
  if (v.model == bytePairKind) {
    Result<PreTokenizerKind> kind =
        findPreTokenizer(preTokenizers, readText(metadata, "pre"));
    if (!kind.ok())
      return kind.status();
    v.kind = std::move(*kind);
    addsBos = v.kind.addBos;
  }
  std::vector<int64_t> types;
  for (Status status : {readList(metadata, "tokens", v.tokens),
                        readList(metadata, "token_type", types),
                        readList(metadata, "scores", v.scores),
                        readList(metadata, "merges", v.merges)})
    if (!status.ok())
      return status;
  if (v.tokens.empty())
    return corrupt("tokens", "missing or empty");
  if (types.empty())
    types.assign(v.tokens.size(), int64_t(TokenType::Normal));
  if (types.size() != v.tokens.size())
    return corrupt("token_type",
                   std::to_string(types.size()) + " entries for " +
                       std::to_string(v.tokens.size()) + " tokens");
  if (!v.scores.empty() && v.scores.size() != v.tokens.size())
    return corrupt("scores", std::to_string(v.scores.size()) + " entries for " +
                                 std::to_string(v.tokens.size()) + " tokens");
  for (float score : v.scores)
    if (std::isnan(score))
      return corrupt("scores", "an entry is not a number");
  for (int64_t type : types)
    v.types.push_back(TokenType(type));
  size_t count = v.tokens.size();
  v.bos = readId(metadata, "bos_token_id", count);
  if (v.bos < 0)
    v.bos = readId(metadata, "cls_token_id", count);
  v.eos = readId(metadata, "eos_token_id", count);
  v.unknown = readId(metadata, "unknown_token_id", count);
  v.separator = readId(metadata, "seperator_token_id", count);
  if (v.separator < 0)
    v.separator = readId(metadata, "separator_token_id", count);
  v.addBos = readFlag(metadata, "add_bos_token", addsBos);
  v.addEos = readFlag(metadata, "add_eos_token", false);
  v.addSpacePrefix = readFlag(metadata, "add_space_prefix", true);
  return v;
}

namespace {
json addedTokens(const GgufVocabulary &v) {
  json list = json::array();
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    TokenType type = v.types[id];
    bool special = type == TokenType::Control || type == TokenType::Unknown;
    if (!special && type != TokenType::UserDefined)
      continue;
    list.push_back({{"id", id},
                    {"content", v.tokens[id]},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", special}});
  }
  return list;
}

json vocabulary(const std::vector<std::string> &tokens) {
  json map = json::object();
  for (size_t id = 0; id < tokens.size(); ++id)
    map.emplace(tokens[id], id); // the first of equal tokens wins
  return map;
}

json special(const GgufVocabulary &v, int64_t id) {
  return {{"SpecialToken", {{"id", v.tokens[id]}, {"type_id", 0}}}};
}

// [first] text [last], either of which may be missing (-1).
json templateFor(const GgufVocabulary &v, int64_t first, int64_t last) {
  json single = json::array(), pair = json::array(), tokens = json::object();
  for (int64_t id : {first, last})
    if (id >= 0)
      tokens[v.tokens[id]] = {
          {"id", v.tokens[id]}, {"ids", {id}}, {"tokens", {v.tokens[id]}}};
  for (const char *name : {"A", "B"}) {
    json sequence = {{"Sequence", {{"id", name}, {"type_id", *name - 'A'}}}};
    for (json *list : {&single, &pair}) {
      if (list == &single && *name == 'B')
        continue;
      if (first >= 0 && *name == 'A')
        list->push_back(special(v, first));
      list->push_back(sequence);
      if (last >= 0)
        list->push_back(special(v, last));
    }
  }
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

json document(const GgufVocabulary &v, json normalizer, json preTokenizer,
              json post, json decoder, json model) {
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", addedTokens(v)},
          {"normalizer", normalizer},
          {"pre_tokenizer", preTokenizer},
          {"post_processor", post},
          {"decoder", decoder},
          {"model", model}};
}

json sequence(const char *key, json list) {
  return {{"type", "Sequence"}, {key, std::move(list)}};
}

json bosTemplate(const GgufVocabulary &v) {
  bool bos = v.addBos && v.bos >= 0, eos = v.addEos && v.eos >= 0;
  return bos || eos ? templateFor(v, bos ? v.bos : -1, eos ? v.eos : -1)
                    : json(nullptr);
}

// A merge for every way to cut a token into two tokens; a better score of the
// result comes first, which is the order in which SentencePiece joins pieces.
json mergesFromScores(const GgufVocabulary &v, const json &ids) {
  struct Merge {
    float score;
    int64_t left, right;
  };
  std::vector<Merge> merges;
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string &token = v.tokens[id];
    if (v.types[id] != TokenType::Normal &&
        v.types[id] != TokenType::UserDefined)
      continue;
    for (size_t cut = 1; cut < token.size(); ++cut) {
      if ((uint8_t(token[cut]) & 0xc0) == 0x80)
        continue; // inside a character
      auto left = ids.find(token.substr(0, cut));
      auto right = ids.find(token.substr(cut));
      if (left == ids.end() || right == ids.end())
        continue;
      merges.push_back({v.scores.empty() ? 0.0f : v.scores[id],
                        left->get<int64_t>(), right->get<int64_t>()});
    }
  }
  std::sort(merges.begin(), merges.end(), [](const Merge &a, const Merge &b) {
    return std::tie(b.score, a.left, a.right) <
           std::tie(a.score, b.left, b.right);
  });
  json list = json::array();
  for (const Merge &merge : merges)
    list.push_back(json::array({v.tokens[merge.left], v.tokens[merge.right]}));
  return list;
}

const char *metaspace = "\xe2\x96\x81"; // U+2581 stands for a space

json sentencePiece(const GgufVocabulary &v) {
  json steps = json::array();
  if (v.addSpacePrefix)
    steps.push_back({{"type", "Prepend"}, {"prepend", metaspace}});
  steps.push_back({{"type", "Replace"},
                   {"pattern", {{"String", " "}}},
                   {"content", metaspace}});
  json decoders = json::array({{{"type", "Replace"},
                                {"pattern", {{"String", metaspace}}},
                                {"content", " "}},
                               {{"type", "ByteFallback"}},
                               {{"type", "Fuse"}}});
  if (v.addSpacePrefix)
    decoders.push_back(
        {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  json ids = vocabulary(v.tokens);
  json unknown = v.unknown >= 0 ? json(v.tokens[v.unknown]) : json(nullptr);
  json model = {{"type", "BPE"},         {"dropout", nullptr},
                {"unk_token", unknown},  {"fuse_unk", true},
                {"byte_fallback", true}, {"merges", mergesFromScores(v, ids)}};
  model["vocab"] = std::move(ids);
  return document(v, sequence("normalizers", steps), nullptr, bosTemplate(v),
                  sequence("decoders", decoders), model);
}

json byteLevel(bool useRegex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", useRegex}};
}

json splitBy(const std::string &regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

// How the text is cut before merging: every expression cuts the pieces that the
// one before left.
json preTokenizer(const PreTokenizerKind &kind) {
  json steps = json::array();
  for (const std::string &expression : kind.cut)
    steps.push_back(splitBy(expression));
  steps.push_back(byteLevel(false));
  return sequence("pretokenizers", std::move(steps));
}

Result<json> bytePair(const GgufVocabulary &v) {
  json merges = json::array();
  for (const std::string &merge : v.merges) {
    size_t cut = merge.find(' ', 1);
    if (cut == std::string::npos)
      return corrupt("merges", "'" + merge + "' is not a pair");
    merges.push_back(
        json::array({merge.substr(0, cut), merge.substr(cut + 1)}));
  }
  json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"fuse_unk", false},
                {"byte_fallback", false},
                {"ignore_merges", v.kind.ignoreMerges},
                {"vocab", vocabulary(v.tokens)},
                {"merges", merges}};
  return document(v, nullptr, preTokenizer(v.kind), bosTemplate(v),
                  byteLevel(true), model);
}

// The file marks the beginning of words; WordPiece marks their continuations.
json wordPiece(const GgufVocabulary &v) {
  GgufVocabulary words = v;
  for (size_t id = 0; id < words.tokens.size(); ++id) {
    std::string &token = words.tokens[id];
    if (token.empty())
      continue;
    if (token.rfind(metaspace, 0) == 0)
      token = token.substr(3);
    else if (v.types[id] == TokenType::Normal &&
             !(token.front() == '[' && token.back() == ']'))
      token = "##" + token;
  }
  bool lower = std::none_of(
      words.tokens.begin(), words.tokens.end(), [](const std::string &token) {
        return token.size() == 1 && token[0] >= 'A' && token[0] <= 'Z';
      });
  json unknown = v.unknown >= 0 ? json(words.tokens[v.unknown]) : json("[UNK]");
  return document(
      words,
      {{"type", "BertNormalizer"},
       {"clean_text", true},
       {"handle_chinese_chars", true},
       {"strip_accents", nullptr},
       {"lowercase", lower}},
      {{"type", "BertPreTokenizer"}},
      templateFor(words, v.bos, v.separator >= 0 ? v.separator : v.eos),
      {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}},
      {{"type", "WordPiece"},
       {"unk_token", unknown},
       {"continuing_subword_prefix", "##"},
       {"max_input_chars_per_word", 100},
       {"vocab", vocabulary(words.tokens)}});
}
} // namespace

Result<json> tokenizerJson(const GgufVocabulary &v) {
  if (v.model == sentencePieceKind)
    return sentencePiece(v);
  if (v.model == bytePairKind)
    return bytePair(v);
  if (v.model == wordPieceKind)
    return wordPiece(v);
  return Status(Code::Unsupported,
                "GGUF vocabulary of kind '" + v.model +
                    "' is not supported (supported: llama, gpt2, bert)");
}

} // namespace sluice::tokenizer
