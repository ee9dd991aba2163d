// The alphabet of byte-level vocabularies: a printable character for each byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::unicode {

int32_t byteCharacter(uint8_t byte);
// The byte that a character stands for, or -1.
int byteOf(int32_t character);
std::string toByteAlphabet(std::string_view bytes);
// A token with a character outside of the alphabet stands for itself.
std::string fromByteAlphabet(std::string_view text);
// The same; false if a character is outside.
bool fromByteAlphabet(std::string_view text, std::string &bytes);

} // namespace sluice::unicode
