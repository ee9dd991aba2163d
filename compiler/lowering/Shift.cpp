// Rows moved along their sequence: one kernel that walks each sequence.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerShift(Walk &walk, llm::ShiftOp op) {
  FailureOr<Rows> x = walk.tokenRows(op, op.getX());
  FailureOr<Ref> state = walk.state(op);
  if (failed(x) || failed(state))
    return failure();
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  Step step("shift", walk.config().get());
  step.operands = {{"x", x->ref()}, {"y", y.ref()}, {"state", *state}};
  step.dims = {{"N", x->width}};
  step.rows = x->count;
  return walk.emit(op, step);
}

void addShiftLowerings(OpTable &table) {
  table.add<llm::ShiftOp, lowerShift>();
}

} // namespace sluice::plan
