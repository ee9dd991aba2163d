#include "runtime/tokenizer/Component.h"

#include "runtime/tokenizer/Unicode.h"

#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace sluice::tokenizer {

std::string typeOf(const Json &json) { return text(json, "type", ""); }

bool flag(const Json &json, const char *key, bool otherwise) {
  auto it = json.is_object() ? json.find(key) : json.end();
  return it != json.end() && it->is_boolean() ? it->get<bool>() : otherwise;
}

std::string text(const Json &json, const char *key, std::string otherwise) {
  if (!json.is_object())
    return otherwise;
  auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>()
                                             : otherwise;
}

Status unknown(const char *group, const std::string &type) {
  return Status(Code::Unsupported, std::string("tokenizer.json: ") + group +
                                       " of type '" + type +
                                       "' is not supported");
}

namespace {
struct ByteAlphabet {
  std::array<std::string, 256> characters;
  std::unordered_map<int32_t, char> bytes;

  // Printable Latin-1 characters stand for themselves, the other bytes for the
  // characters from U+0100 on, in order.
  ByteAlphabet() {
    int32_t other = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      bool printable = (byte >= 0x21 && byte <= 0x7e) ||
                       (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      int32_t c = printable ? byte : other++;
      unicode::append(characters[size_t(byte)], c);
      bytes[c] = char(byte);
    }
  }
};

const ByteAlphabet &alphabet() {
  static const ByteAlphabet instance;
  return instance;
}
} // namespace

std::string toByteAlphabet(std::string_view bytes) {
  std::string result;
  for (char byte : bytes)
    result += alphabet().characters[uint8_t(byte)];
  return result;
}

std::string fromByteAlphabet(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t start = at;
    int32_t c = unicode::next(text, at);
    auto it = alphabet().bytes.find(c);
    if (it != alphabet().bytes.end())
      result += it->second;
    else
      result += text.substr(start, at - start);
  }
  return result;
}

} // namespace sluice::tokenizer
