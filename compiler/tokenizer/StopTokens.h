// Which tokens end what a model generates.
#pragma once

#include "compiler/tokenizer/Document.h"
#include "compiler/tokenizer/Settings.h"

namespace sluice::tokenizer {

struct StopTokens {
  std::vector<int32_t> ids;
  Notes notes;
};

// As transformers takes them from generation_config.json or else config.json,
// and llama.cpp from a GGUF file: by the ids that it names and by the tokens'
// texts (models/tokenizers/ends.json).
Result<StopTokens> readStopTokens(const checkpoint::Checkpoint &checkpoint,
                                  const std::string &models);

// Gives tokens of a GGUF file the types that their texts ask for, as llama.cpp
// does whatever the file says.
void correctTypes(TokenList &list, const nlohmann::json &ends);

} // namespace sluice::tokenizer
