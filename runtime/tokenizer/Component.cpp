#include "runtime/tokenizer/Component.h"

#include "runtime/support/SerdeJson.h"

namespace sluice::tokenizer {

std::string typeOf(const Json &json) { return text(json, "type", ""); }

bool flag(const Json &json, const char *key, bool otherwise) {
  const Json &field = member(json, key);
  return field.is_boolean() ? field.get<bool>() : otherwise;
}

std::string text(const Json &json, const char *key, std::string otherwise) {
  const Json &field = member(json, key);
  return field.is_string() ? field.get<std::string>() : otherwise;
}

size_t number(const Json &json, const char *key, size_t otherwise) {
  const Json &field = member(json, key);
  return field.is_number_unsigned() ? field.get<size_t>() : otherwise;
}

Result<Json> readJson(std::string_view text) {
  Result<Json> json = parseSerdeJson(text);
  if (!json.ok())
    return json.status().in("tokenizer.json");
  return json;
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

} // namespace sluice::tokenizer
