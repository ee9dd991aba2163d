// The kinds of vocabularies.
#pragma once

#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/FlatTable.h"

namespace sluice::tokenizer {

Result<std::unique_ptr<Vocabulary>> parseBpe(const Json &json);
Result<std::unique_ptr<Vocabulary>> parseUnigram(const Json &json);
Result<std::unique_ptr<Vocabulary>> parseWordPiece(const Json &json);
Result<std::unique_ptr<Vocabulary>> parseWordLevel(const Json &json);

// The vocabulary {"token": id, ...} of a model.
Result<TokenTable> parseTokens(const Json &json);

} // namespace sluice::tokenizer
