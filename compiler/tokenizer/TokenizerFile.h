// The tokenizer of a checkpoint as a tokenizer.json: the checkpoint's own, or
// one made from another vocabulary: that of a GGUF file, a SentencePiece model,
// ranks in base64, vocab.json and merges.txt, or vocab.txt.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"

#include <string>

namespace sluice::tokenizer {

struct TokenizerFile {
  std::string json;   // tokenizer.json; empty: the checkpoint has no tokenizer
  std::string config; // tokenizer_config.json without its list of tokens, or
                      // the same facts from GGUF
};

// `models` is the folder of specs; tokenizers/gguf.json in it names the
// pre-tokenizers of GGUF files, tokenizers/ranks.json those of files of ranks.
// Corrupt when the metadata contradict themselves, Unsupported for a vocabulary
// of a kind that no tokenizer.json is made from yet (its name is in the
// message).
Result<TokenizerFile> readTokenizer(const checkpoint::Checkpoint &checkpoint,
                                    const std::string &models);

} // namespace sluice::tokenizer
