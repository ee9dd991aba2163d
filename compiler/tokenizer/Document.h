// The parts of a tokenizer.json that vocabularies of other formats are turned
// into.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::tokenizer {

// What a token is for; the numbers are those of SentencePiece and GGUF.
enum class TokenType {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6
};

// U+2581, which stands for a space in SentencePiece vocabularies.
inline constexpr char kMetaspace[] = "\xe2\x96\x81";

// Tokens by id, and the ids with a part of their own.
struct TokenList {
  std::vector<std::string> tokens;
  std::vector<TokenType> types; // one per token
  std::vector<float> scores;    // one per token, or empty
  int64_t bos = -1, eos = -1, unknown = -1, separator = -1;
  bool addBos = false, addEos = false;
};

// How a SentencePiece vocabulary treats text before it is cut.
struct SpaceRules {
  bool prefix = true;  // a space in front of the text
  bool always = true;  // and in front of what follows a token in the text
  bool squeeze = true; // runs of spaces count as one, those at the ends as none
  std::string charsMap; // compiled replacements of characters; may be empty
};

// Components.
nlohmann::json sequenceOf(const char *key, nlohmann::json list);
nlohmann::json byteLevel(bool useRegex);
// Every expression cuts the pieces that the one before left.
nlohmann::json cutBy(const std::vector<std::string> &expressions);
// A token and its id.
using NamedId = std::pair<std::string, int64_t>;
// [first] text [last], either of which may be missing.
nlohmann::json templateFor(const std::optional<NamedId> &first,
                           const std::optional<NamedId> &last);
// The template with BOS and EOS, if the list adds them; else null.
nlohmann::json startAndEnd(const TokenList &list);
// token -> id; the first of equal tokens wins.
nlohmann::json vocabularyOf(const std::vector<std::string> &tokens);
// Corrupt if a token is longer than any real one: cutting one in two takes the
// square of its length.
Status checkLengths(const std::vector<std::string> &tokens,
                    size_t limit = 64 << 10);
// A merge for every way to cut a token into two tokens, in the order of the
// results' ids and then of the length of the first part.
nlohmann::json mergesFromIds(const std::vector<std::string> &tokens);

// Whole documents.
nlohmann::json document(const TokenList &list, nlohmann::json normalizer,
                        nlohmann::json preTokenizer, nlohmann::json post,
                        nlohmann::json decoder, nlohmann::json model);
// SentencePiece BPE: pieces are joined in the order of the result's score.
nlohmann::json mergedPieces(const TokenList &list, const SpaceRules &spaces,
                            bool byteFallback);
// SentencePiece Unigram: the likeliest way to cut the text into pieces.
nlohmann::json likeliestPieces(const TokenList &list, const SpaceRules &spaces,
                               bool byteFallback);
// The same with merges, which are pairs of tokens, after `cut` (see cutBy()).
nlohmann::json joinedPieces(const TokenList &list, const SpaceRules &spaces,
                            nlohmann::json merges,
                            const std::vector<std::string> &cut);
// Byte-level BPE; merges are pairs of tokens.
nlohmann::json bytePairs(const TokenList &list, nlohmann::json merges,
                         nlohmann::json preTokenizer, bool ignoreMerges);
// WordPiece with BERT's normalization; `##` marks continuations.
// Null: accents go where capital letters do.
nlohmann::json wordPieces(const TokenList &list, bool lowercase,
                          nlohmann::json stripAccents = nullptr);

} // namespace sluice::tokenizer
