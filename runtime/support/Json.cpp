#include "runtime/support/Json.h"

#include <algorithm>

namespace sluice {

Status checkJsonDepth(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      i += c == '\\'; // whatever follows is part of the text
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) {
        auto line =
            1 + std::count(text.begin(), text.begin() + ptrdiff_t(i), '\n');
        return Status(Code::Corrupt, "line " + std::to_string(line) +
                                         ": JSON nested more than " +
                                         std::to_string(kMaxJsonDepth) +
                                         " deep");
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return {};
}

std::string jsonText(const nlohmann::json &value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

const nlohmann::json &member(const nlohmann::json &json, const char *key) {
  static const nlohmann::json none;
  if (!json.is_object())
    return none;
  auto it = json.find(key);
  return it == json.end() ? none : *it;
}

} // namespace sluice
