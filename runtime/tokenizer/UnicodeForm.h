// NFC, NFD, NFKC and NFKD, with the origin of every character.
#pragma once

#include "runtime/tokenizer/Text.h"

namespace sluice::tokenizer {

void toUnicodeForm(Text &text, bool compatible, bool composed);

// `prefix` before a text that is not empty.
void prepend(Text &text, std::string_view prefix);

} // namespace sluice::tokenizer
