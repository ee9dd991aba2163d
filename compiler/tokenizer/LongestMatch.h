// Vocabularies of byte strings, of which the longest one that the text goes on
// with is always taken.
#pragma once

#include "compiler/tokenizer/Document.h"
#include "runtime/support/Status.h"

#include <optional>
#include <string_view>

namespace sluice::tokenizer {

// The bytes between the quotes of one of Python's literals. Escapes are code
// points in a text, bytes in a literal of bytes. Nothing if one is malformed.
std::optional<std::string> unescape(std::string_view body, bool bytes);

// A line for each token: its id, a literal of text or bytes, and how many bytes
// that are.
bool isLiteralFile(std::string_view text);
Result<nlohmann::json> fromLiterals(std::string_view text);

// Normal tokens are the bodies of literals of bytes, as GGUF files store them.
Result<nlohmann::json> fromEscaped(TokenList list);

} // namespace sluice::tokenizer
