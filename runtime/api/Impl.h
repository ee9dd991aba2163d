// What a Model is made of; shared by the files of this folder.
#pragma once

#include "runtime/api/sluice.h"
#include "runtime/executor/Executor.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <optional>

namespace sluice {

struct Model::Impl {
  artifact::Artifact artifact;
  std::unique_ptr<executor::Executor> executor;
  ModelInfo info;
  std::vector<OutputRows> outputs;
  std::unique_ptr<executor::Profile> profile;
  std::unique_ptr<executor::Importance> importance;
  std::optional<Tokenizer> tokenizer;
  // The tokens that each slot holds; what lies behind its length is stale.
  std::vector<std::vector<int32_t>> held;
  TokenRules rules; // of what is generated
  // Tokens of each slot's prompt, 0: not known; tokens that it is to have in
  // the end, 0: not said.
  std::vector<int64_t> prompts, announced;
  std::vector<std::vector<int32_t>> counted; // rows of the step's inputs

  explicit Impl(artifact::Artifact file) : artifact(std::move(file)) {}
  void describe();
  Result<const executor::ReadyEntry *> find(std::string_view name) const;
  Status step(const executor::ReadyEntry &entry,
              std::span<const executor::StepSequence> sequences);
  void remember(const executor::ReadyEntry &entry,
                std::span<const executor::StepSequence> sequences);
  // Counts what the entry takes besides tokens and linear positions.
  // InvalidArgument: a sequence from which it cannot be counted.
  Status count(const executor::ReadyEntry &entry,
               std::span<executor::StepSequence> sequences);
  // How many of these tokens the first step of a sequence must take; 0 for a
  // slot that has tokens, or an entry that does not mind.
  Result<int64_t> firstStep(const executor::ReadyEntry &entry,
                            const executor::StepSequence &sequence) const;
  // `tokens` alone, for the entry's inputs of that type.
  static executor::StepSequence tokensOf(const executor::ReadyEntry &entry,
                                         int32_t slot,
                                         std::span<const int32_t> tokens);
  Status checkSlot(int32_t slot) const;
  // What the checkpoint says of the tokens that may follow.
  Status readRules();
  // What generating needs: an entry of that kind, the slot, a prompt, and room
  // for it; gives the length that the sequence has with it.
  Result<int64_t> checkPrompt(const executor::ReadyEntry *entry, int32_t slot,
                              std::span<const int32_t> prompt) const;
  // Takes the tokens in, in as many steps as it needs, and gives the logits
  // behind the last one.
  Result<std::span<const float>> logitsAfter(const executor::ReadyEntry &entry,
                                             int32_t slot,
                                             std::span<const int32_t> tokens,
                                             int64_t announced = 0);
  // Takes a token in on each slot and gives the logits behind each.
  Status stepEach(const executor::ReadyEntry &entry,
                  std::span<const int32_t> slots,
                  std::span<const int32_t> tokens,
                  std::vector<std::span<const float>> &rows);
  // Of the last step: logits of `rows` rows.
  Result<const OutputRows *> logits(int64_t rows) const;
  // The tokens that end a text.
  std::vector<int32_t> stopsWith(std::vector<int32_t> more,
                                 bool ignoreOwn) const;
  // Tokens of a slot, 0 for a number that is none.
  int64_t lengthOf(int32_t slot) const;
  Status save(int32_t slot, std::string_view note,
              const state::Sink &sink) const;
  // The entry of a kind, or null.
  const executor::ReadyEntry *ofKind(std::string_view kind) const;
};

// Inputs.cpp
InputInfo describeInput(const format::Input &input);
// All that sequences give, by the numbers of the entry's inputs;
// InvalidArgument for a name, type or shape that the entry does not take.
Result<std::vector<executor::StepSequence>>
gatherInputs(const executor::ReadyEntry &entry,
             std::span<const Sequence> sequences);
// Whether the runtime alone says what is in inputs of this type.
bool isCounted(std::string_view type);
// `count` tokens of a sequence from `first` on.
executor::StepSequence partOf(const executor::ReadyEntry &entry,
                              const executor::StepSequence &all, int64_t first,
                              int64_t count);

} // namespace sluice
