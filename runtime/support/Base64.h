// Bytes as text (RFC 4648), as vocabularies and their tables are stored in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

std::string toBase64(std::string_view bytes);
// Padding may be missing. Nothing if another character is in the text.
std::optional<std::string> fromBase64(std::string_view text);

} // namespace sluice
