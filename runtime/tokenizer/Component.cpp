#include "runtime/tokenizer/Component.h"

#include "runtime/tokenizer/Unicode.h"

#include <array>
#include <unordered_map>

namespace sluice::tokenizer {

std::string typeOf(const Json &json) { return text(json, "type", ""); }

bool flag(const Json &json, const char *key, bool otherwise) {
  const Json &field = member(json, key);
  return field.is_boolean() ? field.get<bool>() : otherwise;
}

const Json &member(const Json &json, const char *key) {
  static const Json none;
  if (!json.is_object())
    return none;
  auto it = json.find(key);
  return it == json.end() ? none : *it;
}

std::string text(const Json &json, const char *key, std::string otherwise) {
  const Json &field = member(json, key);
  return field.is_string() ? field.get<std::string>() : otherwise;
}

Result<Regex> parsePattern(const Json &json) {
  if (const Json &regex = member(json, "Regex"); regex.is_string())
    return Regex::compile(regex.get<std::string>());
  if (const Json &literal = member(json, "String"); literal.is_string())
    return Regex::literal(literal.get<std::string>());
  return Status(Code::Corrupt, "tokenizer.json: a pattern is neither a "
                               "'Regex' nor a 'String'");
}

Result<std::string> character(const Json &json, const char *key,
                              std::string otherwise) {
  std::string value = text(json, key, std::move(otherwise));
  size_t at = 0;
  if (!value.empty())
    unicode::next(value, at);
  if (at == 0 || at != value.size())
    return Status(Code::Corrupt, std::string("tokenizer.json: '") + key +
                                     "' is not one character: '" + value + "'");
  return value;
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
    auto it = alphabet().bytes.find(unicode::next(text, at));
    if (it == alphabet().bytes.end())
      return std::string(text);
    result += it->second;
  }
  return result;
}

} // namespace sluice::tokenizer
