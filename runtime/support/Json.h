// Reading JSON that nobody vouches for.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice {

// Deeper than any real file nests, and far from what exhausts a stack: values
// are copied, printed and freed by recursion.
constexpr int kMaxJsonDepth = 128;

// Corrupt if the lists and objects of `text` nest deeper than that. Whatever
// else is wrong with the text is left to its parser.
Status checkJsonDepth(std::string_view text);

// For messages: bytes that are not UTF-8 are replaced.
std::string jsonText(const nlohmann::json &value);

// A field of an object; null if it is missing or `json` is no object.
const nlohmann::json &member(const nlohmann::json &json, const char *key);

// The document, or Corrupt with the place and what was expected there. `Json`
// may be ordered_json; `onEvent` is nlohmann's parser callback.
template <typename Json = nlohmann::json>
Result<Json> parseJson(std::string_view text,
                       const typename Json::parser_callback_t &onEvent = {}) {
  if (Status status = checkJsonDepth(text); !status.ok())
    return status;
  try {
    return Json::parse(text.begin(), text.end(), onEvent);
  } catch (const nlohmann::json::exception &error) {
    return Status(Code::Corrupt,
                  std::string("not valid JSON: ") + error.what());
  }
}

} // namespace sluice
