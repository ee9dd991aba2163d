#include "compiler/tokenizer/Document.h"

#include "runtime/support/Base64.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

namespace sluice::tokenizer {

using nlohmann::json;

static json addedTokens(const TokenList &list) {
  json added = json::array();
  for (size_t id = 0; id < list.tokens.size(); ++id) {
    TokenType type = list.types[id];
    bool special = type == TokenType::Control || type == TokenType::Unknown;
    if (!special && type != TokenType::UserDefined)
      continue;
    added.push_back({{"id", id},
                     {"content", list.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  return added;
}

json vocabularyOf(const std::vector<std::string> &tokens) {
  json map = json::object();
  for (size_t id = 0; id < tokens.size(); ++id)
    map.emplace(tokens[id], id);
  return map;
}

json templateFor(const std::optional<NamedId> &first,
                 const std::optional<NamedId> &last) {
  json single = json::array(), pair = json::array(), tokens = json::object();
  for (const auto *token : {&first, &last})
    if (token->has_value())
      tokens[(*token)->first] = {{"id", (*token)->first},
                                 {"ids", {(*token)->second}},
                                 {"tokens", {(*token)->first}}};
  auto special = [](const NamedId &token) -> json {
    return {{"SpecialToken", {{"id", token.first}, {"type_id", 0}}}};
  };
  for (const char *name : {"A", "B"}) {
    json sequence = {{"Sequence", {{"id", name}, {"type_id", *name - 'A'}}}};
    for (json *parts : {&single, &pair}) {
      if (parts == &single && *name == 'B')
        continue;
      if (first && *name == 'A')
        parts->push_back(special(*first));
      parts->push_back(sequence);
      if (last)
        parts->push_back(special(*last));
    }
  }
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

// The token of the list, if there is one.
static std::optional<NamedId> named(const TokenList &list, int64_t id) {
  return id < 0 ? std::nullopt
                : std::optional(NamedId(list.tokens[size_t(id)], id));
}

json startAndEnd(const TokenList &list) {
  bool bos = list.addBos && list.bos >= 0, eos = list.addEos && list.eos >= 0;
  return bos || eos ? templateFor(named(list, bos ? list.bos : -1),
                                  named(list, eos ? list.eos : -1))
                    : json(nullptr);
}

json document(const TokenList &list, json normalizer, json preTokenizer,
              json post, json decoder, json model) {
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", addedTokens(list)},
          {"normalizer", std::move(normalizer)},
          {"pre_tokenizer", std::move(preTokenizer)},
          {"post_processor", std::move(post)},
          {"decoder", std::move(decoder)},
          {"model", std::move(model)}};
}

json sequenceOf(const char *key, json list) {
  return {{"type", "Sequence"}, {key, std::move(list)}};
}

json byteLevel(bool useRegex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", useRegex}};
}

static json splits(const std::vector<std::string> &expressions) {
  json steps = json::array();
  for (const std::string &expression : expressions)
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", expression}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  return steps;
}

json cutBy(const std::vector<std::string> &expressions) {
  json steps = splits(expressions);
  steps.push_back(byteLevel(false));
  return sequenceOf("pretokenizers", std::move(steps));
}

namespace {
// Tokens by their texts; the first of equal ones counts.
class TokenIndex {
public:
  explicit TokenIndex(const std::vector<std::string> &tokens) {
    for (const std::string &token : tokens) {
      ids_.emplace(token, &token - tokens.data());
      if (token.size() >= lengths_.size())
        lengths_.resize(token.size() + 1);
      lengths_[token.size()] = true;
    }
  }

  // Calls `take` with the ids of every two tokens that make the token, the
  // shortest first part first.
  template <typename Take>
  void forCuts(std::string_view token, Take take) const {
    for (size_t cut = 1; cut < token.size(); ++cut) {
      if ((uint8_t(token[cut]) & 0xc0) == 0x80)
        continue; // inside a character
      // Mostly there is no token of that length, and nothing to compare.
      if (!lengths_[cut] || !lengths_[token.size() - cut])
        continue;
      auto left = ids_.find(token.substr(0, cut));
      auto right = ids_.find(token.substr(cut));
      if (left != ids_.end() && right != ids_.end())
        take(left->second, right->second);
    }
  }

private:
  std::unordered_map<std::string_view, int64_t> ids_;
  std::vector<bool> lengths_;
};
} // namespace

// A merge for every way to cut a token into two tokens; a better score of the
// result comes first, which is the order in which SentencePiece joins pieces.
static json mergesFromScores(const TokenList &list) {
  TokenIndex index(list.tokens);
  struct Merge {
    float score;
    int64_t left, right;
  };
  std::vector<Merge> merges;
  for (size_t id = 0; id < list.tokens.size(); ++id)
    if (list.types[id] == TokenType::Normal ||
        list.types[id] == TokenType::UserDefined)
      index.forCuts(list.tokens[id], [&](int64_t left, int64_t right) {
        merges.push_back(
            {list.scores.empty() ? 0.0f : list.scores[id], left, right});
      });
  std::sort(merges.begin(), merges.end(), [](const Merge &a, const Merge &b) {
    return std::tie(b.score, a.left, a.right) <
           std::tie(a.score, b.left, b.right);
  });
  json pairs = json::array();
  for (const Merge &merge : merges)
    pairs.push_back(json::array(
        {list.tokens[size_t(merge.left)], list.tokens[size_t(merge.right)]}));
  return pairs;
}

json mergesFromIds(const std::vector<std::string> &tokens) {
  TokenIndex index(tokens);
  json pairs = json::array();
  for (const std::string &token : tokens)
    index.forCuts(token, [&](int64_t left, int64_t right) {
      pairs.push_back(
          json::array({tokens[size_t(left)], tokens[size_t(right)]}));
    });
  return pairs;
}

static json replace(json pattern, const std::string &content) {
  return {{"type", "Replace"}, {"pattern", pattern}, {"content", content}};
}

// Text to words joined by the stand-in for a space.
static json spaceNormalizer(const TokenList &list, const SpaceRules &spaces) {
  json steps = json::array(), defined = json::array();
  for (size_t id = 0; id < list.tokens.size(); ++id)
    if (list.types[id] == TokenType::UserDefined)
      defined.push_back(list.tokens[id]);
  if (!spaces.charsMap.empty())
    steps.push_back({{"type", "Precompiled"},
                     {"precompiled_charsmap", toBase64(spaces.charsMap)},
                     {"longest_match", true},
                     {"keep", std::move(defined)}});
  if (spaces.squeeze) {
    steps.push_back(replace({{"Regex", "\\A +| +\\z"}}, ""));
    steps.push_back(replace({{"Regex", " {2,}"}}, " "));
  }
  if (spaces.prefix && spaces.always)
    steps.push_back({{"type", "Prepend"}, {"prepend", kMetaspace}});
  steps.push_back(replace({{"String", " "}}, kMetaspace));
  return sequenceOf("normalizers", std::move(steps));
}

// A space in front of the text alone needs its place in all of it.
static json spaceSplitter(const SpaceRules &spaces) {
  if (!spaces.prefix || spaces.always)
    return nullptr;
  return {{"type", "Metaspace"},
          {"replacement", kMetaspace},
          {"prepend_scheme", "first"},
          {"split", false}};
}

static json spaceDecoder(const SpaceRules &spaces) {
  json steps = {replace({{"String", kMetaspace}}, " "),
                {{"type", "ByteFallback"}},
                {{"type", "Fuse"}}};
  if (spaces.prefix)
    steps.push_back(
        {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return sequenceOf("decoders", std::move(steps));
}

static json pieceModel(const TokenList &list, json merges, bool byteFallback) {
  json unknown = list.unknown >= 0 ? json(list.tokens[size_t(list.unknown)])
                                   : json(nullptr);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown},
          {"fuse_unk", true},
          {"byte_fallback", byteFallback},
          {"merges", std::move(merges)},
          {"vocab", vocabularyOf(list.tokens)}};
}

json mergedPieces(const TokenList &list, const SpaceRules &spaces,
                  bool byteFallback) {
  json merges = mergesFromScores(list);
  json made =
      document(list, spaceNormalizer(list, spaces), spaceSplitter(spaces),
               startAndEnd(list), spaceDecoder(spaces),
               pieceModel(list, std::move(merges), byteFallback));
  // Defined pieces are found in the text as it is to be cut.
  for (json &token : made["added_tokens"])
    if (token["special"] == false)
      token["verbatim"] = true;
  return made;
}

json joinedPieces(const TokenList &list, const SpaceRules &spaces, json merges,
                  const std::vector<std::string> &cut) {
  return document(list, spaceNormalizer(list, spaces),
                  sequenceOf("pretokenizers", splits(cut)), startAndEnd(list),
                  spaceDecoder(spaces),
                  pieceModel(list, std::move(merges), true));
}

// SentencePiece's scores: a defined piece costs as much as the likeliest normal
// ones of a byte each and a bit more, an unknown character 10 more than the
// least likely.
static std::vector<double> likelihoods(const TokenList &list, double &unknown) {
  std::vector<double> scores;
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (size_t id = 0; id < list.tokens.size(); ++id) {
    scores.push_back(list.scores.empty() ? 0 : double(list.scores[id]));
    if (list.types[id] == TokenType::Normal) {
      least = std::min(least, scores.back());
      most = std::max(most, scores.back());
    }
  }
  if (least > most)
    least = most = 0;
  for (size_t id = 0; id < list.tokens.size(); ++id)
    if (list.types[id] == TokenType::UserDefined)
      scores[id] = double(list.tokens[id].size()) * most - 0.1;
  unknown = least - 10;
  return scores;
}

json likeliestPieces(const TokenList &list, const SpaceRules &spaces,
                     bool byteFallback) {
  double cost = 0;
  std::vector<double> scores = likelihoods(list, cost);
  json pieces = json::array();
  for (size_t id = 0; id < list.tokens.size(); ++id)
    pieces.push_back(json::array({list.tokens[id], scores[id]}));
  json unknown = list.unknown >= 0 ? json(list.unknown) : json(nullptr);
  json model = {{"type", "Unigram"},
                {"unk_id", unknown},
                {"unk_score", cost},
                {"vocab", std::move(pieces)},
                {"byte_fallback", byteFallback}};
  json made =
      document(list, spaceNormalizer(list, spaces), spaceSplitter(spaces),
               startAndEnd(list), spaceDecoder(spaces), std::move(model));
  std::erase_if(made["added_tokens"].get_ref<json::array_t &>(),
                [](const json &token) { return token["special"] == false; });
  return made;
}

json bytePairs(const TokenList &list, json merges, json preTokenizer,
               bool ignoreMerges) {
  json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"fuse_unk", false},
                {"byte_fallback", false},
                {"ignore_merges", ignoreMerges},
                {"vocab", vocabularyOf(list.tokens)},
                {"merges", std::move(merges)}};
  return document(list, nullptr, std::move(preTokenizer), startAndEnd(list),
                  byteLevel(true), std::move(model));
}

Status checkLengths(const std::vector<std::string> &tokens, size_t limit) {
  for (size_t id = 0; id < tokens.size(); ++id)
    if (tokens[id].size() > limit)
      return Status(Code::Corrupt, "token " + std::to_string(id) + " has " +
                                       std::to_string(tokens[id].size()) +
                                       " bytes, at most " +
                                       std::to_string(limit) + " are read");
  return {};
}

json wordPieces(const TokenList &list, bool lowercase, json stripAccents) {
  json unknown = list.unknown >= 0 ? json(list.tokens[size_t(list.unknown)])
                                   : json("[UNK]");
  return document(
      list,
      {{"type", "BertNormalizer"},
       {"clean_text", true},
       {"handle_chinese_chars", true},
       {"strip_accents", std::move(stripAccents)},
       {"lowercase", lowercase}},
      {{"type", "BertPreTokenizer"}},
      templateFor(named(list, list.bos),
                  named(list, list.separator >= 0 ? list.separator : list.eos)),
      {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}},
      {{"type", "WordPiece"},
       {"unk_token", unknown},
       {"continuing_subword_prefix", "##"},
       {"max_input_chars_per_word", 100},
       {"vocab", vocabularyOf(list.tokens)}});
}

} // namespace sluice::tokenizer
