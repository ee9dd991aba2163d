// The kinds of vocabularies.
#pragma once

#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/FlatTable.h"
#include "runtime/tokenizer/Image.h"

namespace sluice::tokenizer {

Result<std::unique_ptr<Vocabulary>> parseBpe(const Json &json,
                                             const Tables &tables);
Result<std::unique_ptr<Vocabulary>> parseUnigram(const Json &json,
                                                 const Tables &tables);
Result<std::unique_ptr<Vocabulary>> parseWordPiece(const Json &json,
                                                   const Tables &tables);
Result<std::unique_ptr<Vocabulary>> parseWordLevel(const Json &json,
                                                   const Tables &tables);

// The vocabulary of a model: {"token": id, ...}, or the number of a table.
Result<TokenTable> parseTokens(const Json &json, const Tables &tables);
// The table of that number.
Result<PairTable> loadPairs(const Json &number, const Tables &tables);

} // namespace sluice::tokenizer
