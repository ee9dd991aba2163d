// When the buffers of a program are in use, and where the arena puts them.
#pragma once

#include "dialects/plan/PlanDialect.h"

namespace sluice::plan {

// a + b*C + c*S bytes for token capacity C and sequence capacity S.
struct Extent {
  int64_t constant = 0, perToken = 0, perSequence = 0;

  Extent operator+(const Extent &other) const {
    return {constant + other.constant, perToken + other.perToken,
            perSequence + other.perSequence};
  }
  // Whether this is at least `other` for every 1 <= S <= C.
  bool covers(const Extent &other) const;
  // The bytes for one choice of capacities.
  int64_t at(int64_t tokens, int64_t sequences) const {
    return constant + perToken * tokens + perSequence * sequences;
  }
};

// Bytes of a buffer in its program, every row rounded up to 64.
Extent extentOf(BufferOp buffer);

// Groups of steps that may run at the same time are one epoch; both bounds are
// inclusive. Outputs live until the end.
struct LiveRange {
  BufferOp buffer;
  int64_t first, last;

  bool meets(const LiveRange &other) const {
    return first <= other.last && other.first <= last;
  }
};
llvm::SmallVector<LiveRange> liveRanges(ProgramOp program);

} // namespace sluice::plan
