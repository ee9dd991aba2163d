// The kinds of vocabularies.
#pragma once

#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/FlatTable.h"
#include "runtime/tokenizer/Image.h"

#include <array>

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
// The ids of the characters of the byte alphabet, and those of the tokens
// <0x00> to <0xFF>; -1 where there is none.
using ByteIds = std::array<int32_t, 256>;
ByteIds alphabetIds(const TokenTable &tokens);
ByteIds fallbackIds(const TokenTable &tokens);
bool complete(const ByteIds &ids);
// The table of that number.
Result<PairTable> loadPairs(const Json &number, const Tables &tables);

} // namespace sluice::tokenizer
