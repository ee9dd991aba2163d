// Vocabularies as plain files.
#pragma once

#include "compiler/tokenizer/Document.h"
#include "runtime/support/Status.h"

#include <string_view>

namespace sluice::tokenizer {

// vocab.txt: a WordPiece token a line, its id the number of the line.
Result<nlohmann::json> fromTokenLines(std::string_view text, bool lowercase);

// The same lines as an object of tokens and ids; without the space at their
// ends, and of equal ones the last counts.
nlohmann::json tokensByLine(std::string_view text);

// vocab.json and merges.txt of byte-level BPE: token to id, and a merge a line,
// the first to be done on top.
Result<nlohmann::json> fromVocabularyAndMerges(std::string_view vocabulary,
                                               std::string_view merges);

// Lines of a token in base64 and its rank, which is its id. How text is cut and
// which tokens follow the ranks is not in the file: `kinds` (the table
// models/tokenizers/ranks.json) tells it by the number of ranks. Unsupported
// lists the known numbers.
Result<nlohmann::json> fromRanks(std::string_view text,
                                 const nlohmann::json &kinds);
bool isRankFile(std::string_view text);

} // namespace sluice::tokenizer
