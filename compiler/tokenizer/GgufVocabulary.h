// The vocabulary in a GGUF file's metadata (keys tokenizer.ggml.*).
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace sluice::tokenizer {

// tokenizer.ggml.token_type
enum class TokenType {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6
};

// How byte-pair vocabularies cut text, one entry of
// models/tokenizers/gguf.json.
struct PreTokenizerKind {
  std::vector<std::string> cut; // each cuts what the one before left
  bool ignoreMerges = false;    // a piece that is a token needs no merges
  bool addBos = false;          // unless the file says otherwise
};

// By the name in the file (tokenizer.ggml.pre); Unsupported lists those known.
Result<PreTokenizerKind> findPreTokenizer(const nlohmann::json &table,
                                          std::string name);

struct GgufVocabulary {
  std::string model; // the kind of vocabulary
  PreTokenizerKind kind;
  std::vector<std::string> tokens;
  std::vector<TokenType> types; // one per token
  std::vector<float> scores;    // one per token, or empty
  std::vector<std::string> merges;
  int64_t bos = -1, eos = -1, unknown = -1, separator = -1;
  bool addBos = false, addEos = false, addSpacePrefix = true;

  static Result<GgufVocabulary> read(const nlohmann::json &metadata,
                                     const nlohmann::json &preTokenizers);
};

// The tokenizer.json that gives the same ids.
Result<nlohmann::json> tokenizerJson(const GgufVocabulary &vocabulary);

} // namespace sluice::tokenizer
