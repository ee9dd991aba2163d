#include "compiler/tokenizer/GenerationRules.h"

#include "compiler/checkpoint/Message.h"
#include "runtime/support/Json.h"

#include <algorithm>

namespace sluice::tokenizer {

using nlohmann::json;

static bool isId(const json &value) {
  return value.is_number_integer() && value >= 0 && value <= INT32_MAX;
}

static bool areIds(const json &value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), isId);
}

static Status wrong(const std::string &key, const char *expected,
                    const json &value) {
  return Status(Code::Corrupt, key + ": expected " + expected + ", found " +
                                   checkpoint::excerpt(jsonText(value), 100));
}

static Status read(const json &file, GenerationRules &rules) {
  json words = file.value("bad_words_ids", json());
  if (!words.is_null()) {
    bool fits = words.is_array();
    for (size_t i = 0; fits && i < words.size(); ++i)
      fits = areIds(words[i]) && !words[i].empty();
    if (!fits)
      return wrong("bad_words_ids", "lists of ids", words);
    // What ends a text may always come.
    json ends = file.value("eos_token_id", json());
    for (json &one : words) {
      bool stops = one.size() == 1 &&
                   (ends == one[0] ||
                    (ends.is_array() && std::find(ends.begin(), ends.end(),
                                                  one[0]) != ends.end()));
      if (!stops)
        rules.never.push_back(std::move(one));
    }
  }
  json suppressed = file.value("suppress_tokens", json());
  if (!suppressed.is_null() && !areIds(suppressed))
    return wrong("suppress_tokens", "ids", suppressed);
  for (const json &id : suppressed)
    rules.never.push_back(json::array({id}));
  json last = file.value("forced_eos_token_id", json());
  if (isId(last))
    last = json::array({last});
  if (!last.is_null() && !areIds(last))
    return wrong("forced_eos_token_id", "ids", last);
  if (!last.is_null())
    rules.last = std::move(last);
  return {};
}

Result<GenerationRules>
readGenerationRules(const checkpoint::Checkpoint &checkpoint) {
  GenerationRules rules;
  if (checkpoint.format() == checkpoint::Format::Gguf)
    return rules;
  const std::string name = "generation_config.json";
  Status why;
  const json *file = checkpoint.config(name, &why);
  const bool own = file && file->is_object();
  if (!own)
    file = checkpoint.config();
  if (!file || !file->is_object())
    return rules;
  Status status = read(*file, rules);
  return status.ok() ? Result<GenerationRules>(std::move(rules))
                     : status.in(own ? name : "config.json");
}

Result<std::string> withRules(const std::string &config,
                              const GenerationRules &rules) {
  if (rules.empty())
    return config;
  Result<nlohmann::ordered_json> all =
      parseJson<nlohmann::ordered_json>(config.empty() ? "{}" : config);
  if (!all.ok() || !all->is_object())
    return Status(Code::Internal, "the tokenizer's config is no object");
  (*all)["generation"] = {{"never", rules.never}, {"last", rules.last}};
  return all->dump();
}

} // namespace sluice::tokenizer
