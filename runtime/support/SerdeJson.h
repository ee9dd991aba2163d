// JSON with the numbers that serde_json reads, as tokenizers do.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice {

// Corrupt if `text` is not an object, or nests deeper than kMaxJsonDepth.
Result<nlohmann::json> parseSerdeJson(std::string_view text);

} // namespace sluice
