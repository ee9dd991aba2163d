// The vocabulary in a GGUF file's metadata (keys tokenizer.ggml.*).
#pragma once

#include "compiler/tokenizer/Document.h"
#include "runtime/support/Status.h"

#include <string>
#include <vector>

namespace sluice::tokenizer {

// How byte-pair vocabularies cut text, one entry of
// models/tokenizers/gguf.json.
struct PreTokenizerKind {
  std::vector<std::string> cut; // each cuts what the one before left
  bool ignoreMerges = false;    // a piece that is a token needs no merges
  bool addBos = false;          // unless the file says otherwise
  bool metaspace = false;       // tokens are spelled with U+2581, not in bytes
};

// By the name in the file (tokenizer.ggml.pre); Unsupported lists those known.
Result<PreTokenizerKind> findPreTokenizer(const nlohmann::json &table,
                                          std::string name);

struct GgufVocabulary {
  std::string model; // the kind of vocabulary
  PreTokenizerKind kind;
  TokenList list;
  std::vector<std::string> merges;
  SpaceRules spaces;

  static Result<GgufVocabulary> read(const nlohmann::json &metadata,
                                     const nlohmann::json &preTokenizers);
};

// The tokenizer.json that gives the same ids.
Result<nlohmann::json> tokenizerJson(const GgufVocabulary &vocabulary);

} // namespace sluice::tokenizer
