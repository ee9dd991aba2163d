#include "runtime/executor/Batch.h"

namespace sluice::executor {

Batch::Batch(int64_t capacity, int64_t sequences) {
  // Kernels may load whole vectors, so every array has room for one more.
  size_t tokens = static_cast<size_t>(capacity) + 16;
  for (auto *array :
       {&tokens_, &positions_, &tokenTypes_, &sequence_, &offset_, &wantedRow_})
    array->assign(tokens, 0);
  first_.assign(static_cast<size_t>(sequences) + 16, 0);
  slot_.assign(static_cast<size_t>(sequences) + 16, 0);
}

void Batch::fill(std::span<const StepSequence> sequences,
                 std::span<const int64_t> first) {
  int32_t row = 0, wanted = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const StepSequence &sequence = sequences[s];
    first_[s] = row;
    slot_[s] = sequence.slot;
    int32_t length = static_cast<int32_t>(sequence.tokens.size());
    for (int32_t i = 0; i < length; ++i, ++row) {
      tokens_[row] = sequence.tokens[i];
      positions_[row] = sequence.positions.empty()
                            ? static_cast<int32_t>(first[s]) + i
                            : sequence.positions[i];
      tokenTypes_[row] =
          sequence.tokenTypes.empty() ? 0 : sequence.tokenTypes[i];
      sequence_[row] = static_cast<int32_t>(s);
      offset_[row] = i;
      if (sequence.wanted == Wanted::All ||
          (sequence.wanted == Wanted::Last && i == length - 1))
        wantedRow_[wanted++] = row;
    }
  }
  first_[sequences.size()] = row;
  abi_ = {.tokens = row,
          .sequences = static_cast<int64_t>(sequences.size()),
          .wanted = wanted,
          .sequence = sequence_.data(),
          .offset = offset_.data(),
          .first = first_.data(),
          .slot = slot_.data(),
          .wanted_row = wantedRow_.data()};
}

} // namespace sluice::executor
