// Byte-pair encoding: the best-ranked pair of neighbours is joined until none
// is left. Time grows as n log n with the length of a piece.
#pragma once

#include "runtime/tokenizer/TokenMap.h"

namespace sluice::tokenizer {

Result<std::unique_ptr<Vocabulary>> parseBpe(const Json &json);

} // namespace sluice::tokenizer
