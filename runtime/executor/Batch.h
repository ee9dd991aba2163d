// One step's tokens as the kernels see them.
#pragma once

#include "runtime/format/kernel_abi.h"
#include "runtime/state/Slots.h"

#include <span>
#include <vector>

namespace sluice::executor {

enum class Wanted : uint8_t { None, Last, All };

// The new tokens of one sequence in a step.
struct StepSequence {
  int32_t slot = 0;
  std::span<const int32_t> tokens{};
  std::span<const int32_t> tokenTypes{}; // empty: all 0
  std::span<const int32_t> positions{};  // empty: counted on
  Wanted wanted = Wanted::Last;
};

class Batch {
public:
  Batch(int64_t capacity, int64_t sequences);
  Batch(const Batch &) = delete;

  // Lays out the sequences one after the other. `first[s]` is the position of
  // the first token of sequence s.
  void fill(std::span<const StepSequence> sequences,
            std::span<const int64_t> first);

  const slc_batch &abi() const { return abi_; }
  // [T], for the entry's inputs.
  int32_t *tokens() { return tokens_.data(); }
  int32_t *positions() { return positions_.data(); }
  int32_t *tokenTypes() { return tokenTypes_.data(); }

private:
  slc_batch abi_{};
  std::vector<int32_t> tokens_, positions_, tokenTypes_; // [C]
  std::vector<int32_t> sequence_, offset_, wantedRow_;   // [C]
  std::vector<int32_t> first_, slot_;                    // [S + 1], [S]
};

} // namespace sluice::executor
