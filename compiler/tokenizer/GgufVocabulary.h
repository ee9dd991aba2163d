// The vocabulary in a GGUF file's metadata (keys tokenizer.ggml.*).
#pragma once

#include "compiler/tokenizer/Document.h"
#include "runtime/support/Status.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice::tokenizer {

// How byte-pair vocabularies cut text, one entry of
// models/tokenizers/gguf.json.
struct PreTokenizerKind {
  std::vector<std::string> cut; // each cuts what the one before left
  bool ignoreMerges = false;    // a piece that is a token needs no merges
  bool addBos = false;          // unless the file says otherwise
  bool alwaysBos = false;       // whatever the file says
  bool metaspace = false;       // tokens are spelled with U+2581, not in bytes
  bool noBos = false;           // unless the file names one
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
  // Of WordPiece, where the file says so.
  std::optional<bool> lowercase, stripAccents;

  static Result<GgufVocabulary> read(const nlohmann::json &metadata,
                                     const nlohmann::json &preTokenizers);

private:
  // The ids with a part of their own, and the flags.
  Status readIds(const nlohmann::json &metadata);
};

// The ids that llama.cpp takes where a file names none; -1: none.
struct DefaultIds {
  int64_t bos = -1, eos = -1, unknown = -1, separator = -1;
  // Whether that eos ends a text: 11 does in one byte-level vocabulary, and is
  // a comma in another.
  bool ends = true;
};
DefaultIds defaultIds(const nlohmann::json &metadata);

// The tokenizer.json that gives the same ids.
Result<nlohmann::json> tokenizerJson(const GgufVocabulary &vocabulary);

} // namespace sluice::tokenizer
