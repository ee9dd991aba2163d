// Rows moved along their sequence: one kernel that walks each sequence.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerShift(Walk &walk, llm::ShiftOp op) {
  auto rows = walk.sequences(op, op.getX(), op.getResult());
  if (failed(rows))
    return failure();
  Step step("shift", walk.config().get());
  step.operands = {
      {"x", rows->x.ref()}, {"y", rows->y.ref()}, {"state", rows->state}};
  step.dims = {{"N", rows->x.width}};
  return walk.emit(op, step);
}

void addShiftLowerings(OpTable &table) {
  table.add<llm::ShiftOp, lowerShift>();
}

} // namespace sluice::plan
