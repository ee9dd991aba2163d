#include "runtime/executor/Batch.h"

#include "runtime/artifact/Table.h"

#include <cstring>

namespace sluice::executor {

// Kernels may load whole vectors, so every array has room for one more.
static constexpr int64_t kSpare = 16;

Batch::Batch(int64_t capacity, int64_t sequences) : capacity_(capacity) {
  for (auto *array : {&sequence_, &offset_, &wantedRow_})
    array->assign(static_cast<size_t>(capacity + kSpare), 0);
  first_.assign(static_cast<size_t>(sequences + kSpare), 0);
  slot_.assign(static_cast<size_t>(sequences + kSpare), 0);
}

Result<ReadyInput> Batch::addInput(const format::Input &info) {
  ReadyInput input;
  input.info = &info;
  input.isTokens = artifact::text(info.type()) == "tokens";
  input.isPositions = artifact::text(info.type()) == "positions";
  input.rowBytes =
      static_cast<uint64_t>(info.columns()) *
      static_cast<uint64_t>(format::infoOf(info.elem()).blockBytes);
  uint64_t rows = static_cast<uint64_t>(capacity_ + kSpare), bytes;
  if (__builtin_mul_overflow(rows, input.rowBytes, &bytes))
    return Status(Code::Resource, "an input is too large");
  Result<Reservation> memory =
      Reservation::make(bytes + kSpare * sizeof(float), "the rows of an input");
  if (!memory.ok())
    return memory.status();
  input.rows = memory->data();
  inputs_.push_back(std::move(*memory));
  return input;
}

// What is left out is counted on if it is positions, and zero otherwise.
static void fillInput(const ReadyInput &input, int32_t row, int64_t count,
                      const void *values, int64_t position) {
  char *to = input.rows + static_cast<uint64_t>(row) * input.rowBytes;
  uint64_t bytes = static_cast<uint64_t>(count) * input.rowBytes;
  if (values)
    std::memcpy(to, values, bytes);
  else if (!input.isPositions)
    std::memset(to, 0, bytes);
  else
    for (int64_t i = 0; i < count; ++i)
      reinterpret_cast<int32_t *>(to)[i] = static_cast<int32_t>(position + i);
}

void Batch::fill(std::span<const ReadyInput> inputs,
                 std::span<const StepSequence> sequences,
                 std::span<const int64_t> first) {
  int32_t row = 0, wanted = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const StepSequence &sequence = sequences[s];
    first_[s] = row;
    slot_[s] = sequence.slot;
    for (size_t i = 0; i < inputs.size(); ++i)
      fillInput(inputs[i], row, sequence.count, sequence.values[i], first[s]);
    int32_t length = static_cast<int32_t>(sequence.count);
    for (int32_t i = 0; i < length; ++i, ++row) {
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
