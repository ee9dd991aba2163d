// State of the sequences: caches through block tables, fixed states by slot.
#pragma once

#include "runtime/format/artifact_generated.h"
#include "runtime/format/kernel_abi.h"
#include "runtime/state/CachePool.h"
#include "runtime/state/Snapshot.h"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace sluice::state {

struct Limits {
  int64_t slots = 1;      // sequences that hold state at the same time
  int64_t sequences = 1;  // S, sequences in one step
  int64_t capacity = 512; // C, tokens in one step
  int64_t context = 1;    // positions of one sequence
};

// What one step does to a slot.
struct Growth {
  int32_t slot;
  int64_t tokens;
};

// Which rows of its caches an entry may write.
enum class Role {
  Main,  // appends to all caches but the `once` ones
  Source // starts the sequence anew and fills the `once` caches
};

class SnapshotReader;

class Slots {
public:
  // `weight` gives the bytes of a weight in one instance, as long as the slots
  // are used; states that begin with weights need it.
  using WeightAt =
      std::function<const uint8_t *(uint32_t index, uint32_t layer)>;
  static Result<Slots> create(const format::Model &model, const Limits &limits,
                              const WeightAt &weight = nullptr);

  // Tokens that the slot's caches and fixed states have seen.
  int64_t length(int32_t slot) const { return slots_[slot].length; }
  bool valid(int32_t slot) const { return slots_[slot].valid; }

  // Forgets the sequence; the slot is as new.
  void reset(int32_t slot);
  // `to` becomes a copy of `from`; full blocks are shared.
  void copy(int32_t from, int32_t to);
  // Cuts the sequence to its first `length` tokens. Without effect and
  // Unsupported when a windowed cache has given back rows that the next token
  // would look at (the message says how far back the sequence can go), or when
  // the model has fixed states, which hold nothing of the past.
  Status rewind(int32_t slot, int64_t length);

  // Writes what the slot holds. InvalidArgument for a slot that a failed step
  // has left, otherwise what `sink` fails with.
  Status save(int32_t slot, const Snapshot &snapshot, const Sink &sink) const;
  // Brings the slot where a snapshot of the model with the header's digest
  // `model` was. Without effect when it fails: Corrupt for damaged bytes,
  // InvalidArgument for another model or more tokens than fit, Resource when
  // other slots hold too many blocks.
  Result<Snapshot> load(int32_t slot, std::span<const uint8_t> bytes,
                        uint64_t model);

  // Reserves the blocks that a step writes and describes every state of `used`
  // for the kernels. Fails without effect on lengths.
  Status prepare(std::span<const uint32_t> used, std::span<const Growth> batch,
                 Role role);
  // After the step: lengths advance, or the slots become invalid (reset them).
  void finish(std::span<const Growth> batch, Role role, bool succeeded);

  // The operand of a Ref to a state; stable for the life of this object.
  void *operand(uint32_t state, uint32_t layer);

  // For reports.
  int64_t blocksInUse() const;
  uint64_t reservedBytes() const;

private:
  struct Slot {
    bool valid = true;
    int64_t length = 0;                       // tokens of the main caches
    int64_t source = 0;                       // rows of the once caches
    std::vector<std::vector<int32_t>> tables; // per state, per block; -1: none
    std::vector<int64_t> first; // per state; rows before it are given back
  };
  struct State {
    const format::State *info;
    std::optional<CachePool> pool;               // caches
    Reservation fixed;                           // [layer][slot][slot_bytes]
    std::vector<std::span<const uint8_t>> start; // of a fresh slot, per layer
    std::vector<int32_t> table;                  // [S][stride] of this step
    std::vector<int32_t> held, total;            // [S] of this step
    std::vector<slc_cache> views;                // per layer
  };

  struct Rows;     // of one slot in one cache
  struct Incoming; // what a snapshot says of one state

  Slots() = default;
  Status addState(const format::Model &model, const format::State &info,
                  const WeightAt &weight);
  int64_t blocksFor(const format::State &info) const;
  // The first row that the token behind `length` others may look at.
  static int64_t firstSeen(const format::State &info, int64_t length);
  Status checkCut(const Slot &slot, int64_t length) const;
  char *fixedAt(const State &state, uint32_t layer, int32_t slot) const;
  void resetFixed(const State &state, int32_t slot);
  void dropBlocks(Slot &slot, size_t state, size_t first, size_t last);
  Status grow(size_t state, Slot &slot, int64_t from, int64_t to);
  void releaseUnseen(size_t state, Slot &slot);
  Status prepareTransient(State &state, std::span<const Growth> batch);
  Status prepareCache(size_t index, std::span<const Growth> batch, Role role);
  bool appends(const State &state, Role role) const;
  Rows rowsOf(size_t state, const Slot &slot) const;
  Status checkSavable(int32_t slot, const Snapshot &snapshot) const;
  Status saveCache(size_t state, const Slot &slot, const Sink &write) const;
  Status accept(size_t state, int32_t slot, const SnapshotHeader &header,
                SnapshotReader &reader, Incoming &incoming);
  void replace(int32_t slot, const SnapshotHeader &header,
               std::vector<Incoming> &incoming);

  Limits limits_;
  int64_t tableStride_ = 0;
  std::vector<State> states_;
  std::vector<Slot> slots_;
};

} // namespace sluice::state
