#include "runtime/unicode/ByteAlphabet.h"

#include "runtime/unicode/Unicode.h"

#include <array>

namespace sluice::unicode {

namespace {
struct ByteAlphabet {
  std::array<int32_t, 256> characters;
  std::array<int16_t, 0x200> bytes;

  // Printable Latin-1 characters stand for themselves, the other bytes for the
  // characters from U+0100 on, in order.
  ByteAlphabet() {
    bytes.fill(-1);
    int32_t other = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      bool printable = (byte >= 0x21 && byte <= 0x7e) ||
                       (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      int32_t c = printable ? byte : other++;
      characters[size_t(byte)] = c;
      bytes[size_t(c)] = int16_t(byte);
    }
  }
};

const ByteAlphabet &alphabet() {
  static const ByteAlphabet instance;
  return instance;
}
} // namespace

int32_t byteCharacter(uint8_t byte) { return alphabet().characters[byte]; }

std::string toByteAlphabet(std::string_view bytes) {
  std::string text;
  for (char byte : bytes)
    append(text, byteCharacter(static_cast<uint8_t>(byte)));
  return text;
}

int byteOf(int32_t character) {
  return character >= 0 && character < 0x200
             ? alphabet().bytes[size_t(character)]
             : -1;
}

bool fromByteAlphabet(std::string_view text, std::string &bytes) {
  bytes.clear();
  for (size_t at = 0; at < text.size();) {
    int byte = byteOf(next(text, at));
    if (byte < 0)
      return false;
    bytes += char(byte);
  }
  return true;
}

std::string fromByteAlphabet(std::string_view text) {
  std::string bytes;
  return fromByteAlphabet(text, bytes) ? bytes : std::string(text);
}

} // namespace sluice::unicode
