#include "runtime/tokenizer/Component.h"

#include <array>

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

size_t number(const Json &json, const char *key, size_t otherwise) {
  const Json &field = member(json, key);
  return field.is_number_unsigned() ? field.get<size_t>() : otherwise;
}

Status corrupt(const std::string &what) {
  return Status(Code::Corrupt, "tokenizer.json: " + what);
}

Status unknown(const char *group, const std::string &type) {
  return Status(Code::Unsupported, std::string("tokenizer.json: ") + group +
                                       " of type '" + type +
                                       "' is not supported");
}

Result<Pattern> Pattern::parse(const Json &json) {
  if (const Json &regex = member(json, "Regex"); regex.is_string()) {
    Result<Regex> compiled = Regex::compile(regex.get<std::string>());
    if (!compiled.ok())
      return compiled.status();
    return Pattern(std::move(*compiled));
  }
  std::string literal = text(json, "String", "");
  if (literal.empty())
    return corrupt("a pattern is neither a 'Regex' nor a 'String' with text");
  return Pattern(std::move(literal));
}

Result<std::string> character(const Json &json, const char *key,
                              std::string otherwise) {
  std::string value = text(json, key, std::move(otherwise));
  size_t at = 0;
  if (!value.empty())
    unicode::next(value, at);
  if (at == 0 || at != value.size())
    return corrupt(std::string("'") + key + "' is not one character: '" +
                   value + "'");
  return value;
}

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
    unicode::append(text, byteCharacter(static_cast<uint8_t>(byte)));
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
    int byte = byteOf(unicode::next(text, at));
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

} // namespace sluice::tokenizer
