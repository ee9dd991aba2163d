// SentencePiece's own files (tokenizer.model, spiece.model).
#pragma once

#include "compiler/tokenizer/Document.h"
#include "runtime/support/Status.h"

#include <string_view>

namespace sluice::tokenizer {

struct SentencePieceModel {
  enum class Kind { Unigram = 1, Bpe = 2 } kind = Kind::Unigram;
  TokenList list;
  SpaceRules spaces;
  bool byteFallback = false;

  // Corrupt when the file contradicts itself, Unsupported for a kind of model
  // or rule that tokenizer.json cannot express.
  static Result<SentencePieceModel> read(std::string_view bytes);
};

// The tokenizer.json that gives the same ids.
nlohmann::json tokenizerJson(const SentencePieceModel &model);

} // namespace sluice::tokenizer
