#include "compiler/lowering/Liveness.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace sluice::plan {

bool Extent::covers(const Extent &other) const {
  // A linear function is nonnegative on the cone C >= S >= 1 if it is at its
  // corner and along its two edges.
  int64_t a = constant - other.constant, b = perToken - other.perToken,
          c = perSequence - other.perSequence;
  return a + b + c >= 0 && b >= 0 && b + c >= 0;
}

Extent extentOf(BufferOp buffer) {
  int64_t rowBytes = llvm::alignTo(
      rowStride(buffer.getBuffer()) * elementBytes(buffer.getElem()), 64);
  rowBytes *= buffer.getRowScale();
  if (buffer.getRows() == RowKind::One)
    return {rowBytes, 0, 0};
  // There are never more wanted rows or sequences than tokens.
  auto program = buffer->getParentOfType<ProgramOp>();
  if (std::optional<uint64_t> max = program.getMax())
    return {rowBytes * static_cast<int64_t>(*max), 0, 0};
  if (buffer.getRows() == RowKind::Sequences)
    return {0, 0, rowBytes};
  return {0, rowBytes, 0};
}

SmallVector<LiveRange> liveRanges(ProgramOp program) {
  llvm::MapVector<Operation *, LiveRange> ranges;
  int64_t epoch = 0;
  auto touch = [&](Value value) {
    auto buffer = value.getDefiningOp<BufferOp>();
    if (!buffer)
      return;
    auto [it, isNew] = ranges.insert({buffer, {buffer, epoch, epoch}});
    it->second.last = epoch;
  };
  for (Operation &op : program.getBody().front()) {
    if (auto step = dyn_cast<StepOpInterface>(op)) {
      for (Value value : step.getBuffers())
        touch(value);
      epoch += !step.getNowait();
    }
  }
  for (auto output : program.getBody().getOps<OutputOp>())
    touch(output.getBuffer());
  return llvm::map_to_vector(ranges, [](auto &entry) { return entry.second; });
}

} // namespace sluice::plan
