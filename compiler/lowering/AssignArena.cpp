// Buffers to places in one arena: those that are never live together may share
// bytes.
#include "compiler/lowering/Liveness.h"
#include "compiler/lowering/Passes.h"

#include "mlir/IR/Builders.h"

namespace sluice::plan {
#define GEN_PASS_DEF_ASSIGNARENAPASS
#include "compiler/lowering/Passes.h.inc"
} // namespace sluice::plan

using namespace mlir;
using namespace sluice::plan;

namespace {

struct Placed {
  LiveRange range;
  Extent from, to;
};

// Whether [from, to) lies wholly before or after every one of `others`.
bool fits(const Extent &from, const Extent &to, ArrayRef<Placed *> others) {
  return llvm::all_of(others, [&](const Placed *other) {
    return from.covers(other->to) || other->from.covers(to);
  });
}

// The lowest place where `size` bytes fit: the start of the arena or the end of
// another buffer. Ends are not ordered for all capacities, so there may be no
// such place; the sum of the largest terms is then past all of them.
Extent findPlace(const Extent &size, ArrayRef<Placed *> others) {
  SmallVector<Extent> candidates{Extent()};
  Extent past;
  for (const Placed *other : others) {
    candidates.push_back(other->to);
    past.constant = std::max(past.constant, other->to.constant);
    past.perToken = std::max(past.perToken, other->to.perToken);
    past.perSequence = std::max(past.perSequence, other->to.perSequence);
  }
  // A typical choice of capacities orders the candidates.
  auto typical = [](const Extent &extent) { return extent.at(512, 16); };
  llvm::sort(candidates, [&](const Extent &a, const Extent &b) {
    return std::tuple(typical(a), a.perToken, a.perSequence) <
           std::tuple(typical(b), b.perToken, b.perSequence);
  });
  for (const Extent &candidate : candidates)
    if (fits(candidate, candidate + size, others))
      return candidate;
  return past;
}

void assign(ProgramOp program) {
  SmallVector<LiveRange> ranges = liveRanges(program);
  // Large buffers first; equal ones in program order.
  SmallVector<std::pair<int64_t, size_t>> order;
  for (auto [i, range] : llvm::enumerate(ranges))
    order.push_back({-extentOf(range.buffer).at(512, 16), i});
  llvm::sort(order);
  std::vector<std::unique_ptr<Placed>> placed;
  for (size_t i : llvm::make_second_range(order)) {
    const LiveRange &range = ranges[i];
    SmallVector<Placed *> meeting;
    for (auto &other : placed)
      if (other->range.meets(range))
        meeting.push_back(other.get());
    Extent extent = extentOf(range.buffer);
    Extent from = findPlace(extent, meeting);
    placed.push_back(
        std::make_unique<Placed>(Placed{range, from, from + extent}));
    BufferOp buffer = range.buffer;
    buffer.setOffset(
        ArrayRef<int64_t>{from.constant, from.perToken, from.perSequence});
  }
}

struct AssignArena : sluice::plan::impl::AssignArenaPassBase<AssignArena> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<ProgramOp>()) {
      // A buffer that no step touches needs no memory.
      for (auto buffer :
           llvm::make_early_inc_range(program.getBody().getOps<BufferOp>()))
        if (buffer->use_empty())
          buffer.erase();
      assign(program);
    }
  }
};

} // namespace
