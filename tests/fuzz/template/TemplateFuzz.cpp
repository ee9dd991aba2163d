// The input is a template, a zero byte, and a JSON object of variables; without
// the latter, a conversation.
#include "runtime/template/Template.h"
#include "runtime/unicode/Unicode.h"

#include <cstdlib>

namespace {
using Json = nlohmann::ordered_json;

void require(bool condition) {
  if (!condition)
    abort();
}

Json variablesOf(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_object())
    return json;
  return Json::parse(R"({
    "messages": [{"role": "system", "content": "s"},
                 {"role": "user", "content": "h\u00e9 \ud83d\ude42"},
                 {"role": "assistant", "content": null, "tool_calls": [
                   {"function": {"name": "f", "arguments": {"a": [1, 2.5]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "add_generation_prompt": true, "bos_token": "<s>", "n": 7
  })");
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t cut = std::min(input.find('\0'), input.size());
  sluice::Template::Limits limits;
  limits.steps = 200'000;
  limits.output = 1 << 20;
  limits.memory = 16 << 20;
  auto parsed = sluice::Template::parse(input.substr(0, cut), limits);
  if (!parsed.ok()) {
    require(!parsed.status().message().empty());
    require(parsed.status().code() != sluice::Code::Internal);
    return 0;
  }
  Json variables = variablesOf(input.substr(std::min(cut + 1, input.size())));
  auto text = parsed->render(variables, limits);
  if (text.ok()) {
    require(text->size() <= limits.output);
    require(sluice::unicode::check(*text).ok());
  } else {
    require(text.status().code() != sluice::Code::Internal);
  }
  return 0;
}
