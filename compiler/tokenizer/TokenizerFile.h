// The tokenizer of a checkpoint as a tokenizer.json: the checkpoint's own with
// what the files beside it add, or one made from another vocabulary: that of a
// GGUF file, a SentencePiece model, ranks in base64, vocab.json and merges.txt,
// or vocab.txt.
#pragma once

#include "compiler/tokenizer/Settings.h"

#include <string>

namespace sluice::tokenizer {

struct TokenizerFile {
  std::string json;   // tokenizer.json; empty: the checkpoint has no tokenizer
  std::string config; // chat templates and special tokens by their roles
  Notes notes;
};

// `models` is the folder of specs; `tokenizers` in it holds tables: gguf.json
// and ranks.json name the pre-tokenizers of such files, classes.json the
// classes of tokenizers, keys.json the keys of tokenizer_config.json. Corrupt
// when the metadata contradict themselves, Unsupported for a vocabulary of a
// kind that no tokenizer.json is made from yet (its name is in the message).
Result<TokenizerFile> readTokenizer(const checkpoint::Checkpoint &checkpoint,
                                    const std::string &models);

} // namespace sluice::tokenizer
