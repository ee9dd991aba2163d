#include "runtime/support/Json.h"

#include <cstdlib>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  Result<nlohmann::json> json = parseJson(text);
  Result<nlohmann::ordered_json> ordered =
      parseJson<nlohmann::ordered_json>(text);
  if (json.ok() != ordered.ok() || json.ok() > checkJsonDepth(text).ok())
    abort();
  if (!json.ok())
    return json.status().message().empty() ? abort(), 0 : 0;
  // What was read can be copied, printed and read again.
  nlohmann::json copy = *json;
  Result<nlohmann::json> again = parseJson(jsonText(copy));
  if (!again.ok() || again->type() != copy.type())
    abort();
  return 0;
}
