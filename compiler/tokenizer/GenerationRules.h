// What a checkpoint says of the tokens that may be generated, beside those that
// end a text.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/tokenizer/Document.h"

namespace sluice::tokenizer {

struct GenerationRules {
  nlohmann::json never = nlohmann::json::array(); // lists of ids
  nlohmann::json last = nlohmann::json::array();  // ids

  bool empty() const { return never.empty() && last.empty(); }
};

// As transformers takes them from generation_config.json or else config.json.
// Corrupt when they are no ids.
Result<GenerationRules>
readGenerationRules(const checkpoint::Checkpoint &checkpoint);

// The tokenizer's config with the rules under `generation`.
Result<std::string> withRules(const std::string &config,
                              const GenerationRules &rules);

} // namespace sluice::tokenizer
