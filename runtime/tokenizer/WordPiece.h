// The longest token that fits, again and again; continuations carry a prefix.
#pragma once

#include "runtime/tokenizer/TokenMap.h"

namespace sluice::tokenizer {

Result<std::unique_ptr<Vocabulary>> parseWordPiece(const Json &json);

} // namespace sluice::tokenizer
