// One step's rows as the kernels see them.
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
  int64_t count = 0; // tokens
  // For each input of the entry its `count` rows, dense, of the input's element
  // type; null where the caller leaves it out.
  std::vector<const void *> values;
  Wanted wanted = Wanted::Last;
  // Tokens of the whole prompt; 0: not said. The executor does not look at it.
  int64_t prompt = 0;
  // Tokens that the sequence is to have; 0: not said. As with the prompt.
  int64_t announced = 0;
};

// An input of an entry and where kernels find its rows.
struct ReadyInput {
  const format::Input *info = nullptr;
  bool isTokens = false, isPositions = false;
  uint64_t rowBytes = 0;
  char *rows = nullptr; // [C][rowBytes]
};

class Batch {
public:
  Batch(int64_t capacity, int64_t sequences);
  Batch(const Batch &) = delete;

  // Reserves the rows of an input; Resource when the system refuses.
  Result<ReadyInput> addInput(const format::Input &info);

  // Lays out the sequences one after the other, in `inputs`, too. `first[s]` is
  // the position of the first token of sequence s.
  void fill(std::span<const ReadyInput> inputs,
            std::span<const StepSequence> sequences,
            std::span<const int64_t> first);

  const slc_batch &abi() const { return abi_; }

private:
  slc_batch abi_{};
  int64_t capacity_;
  std::vector<Reservation> inputs_;
  std::vector<int32_t> sequence_, offset_, wantedRow_; // [C]
  std::vector<int32_t> first_, slot_;                  // [S + 1], [S]
};

} // namespace sluice::executor
