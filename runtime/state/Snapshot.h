// A slot as bytes, from which a slot of another process with the same model
// goes on; docs/artifact.md says where they lie.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluice::state {

inline constexpr char kSnapshotMagic[8] = {'S', 'L', 'C', 'S',
                                           'L', 'O', 'T', '\0'};
inline constexpr uint32_t kSnapshotVersion = 2;

// What the bytes begin with. Little endian.
struct SnapshotHeader {
  char magic[8];
  uint32_t version;
  uint32_t flags;     // none defined: must be 0
  uint64_t model;     // digest of the header of the model's artifact
  uint64_t bytes;     // of the whole snapshot
  int64_t length;     // tokens that the slot has seen
  int64_t source;     // rows of its `once` caches
  uint64_t noteBytes; // of the caller's text
  int64_t prompt;     // tokens of its prompt, 0: not known
  int64_t announced;  // tokens that it is to have, 0: not said
};
static_assert(sizeof(SnapshotHeader) == 72);

// What a snapshot holds beside the states.
struct Snapshot {
  uint64_t model = 0;
  std::vector<int32_t> tokens; // as many as the slot's length
  std::string note;            // text of the caller's, kept as it is
  int64_t prompt = 0;          // tokens of the prompt, 0: not known
  int64_t announced = 0;       // tokens that it is to have, 0: not said
};

// Takes the bytes of a snapshot, piece by piece.
using Sink = std::function<Status(const void *data, size_t size)>;

} // namespace sluice::state
