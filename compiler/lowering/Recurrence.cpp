// Recurrent networks: one kernel that walks each sequence.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerRecurrence(Walk &walk, llm::RecurrenceOp op) {
  auto rows = walk.sequences(op, op.getX(), op.getResult());
  FailureOr<Weight> w = walk.weight(op, op.getW());
  if (failed(rows) || failed(w))
    return failure();
  Type elem = w->op.getTensorType().getElementType();
  Config config = walk.config();
  config.word("cell", llm::stringifyCell(op.getCell()))
      .word("weight", format::infoOf(elemOf(elem)).name)
      .word("compute", llm::stringifyCompute(op.getCompute()))
      .flag("bias", op.getBias() != nullptr);
  Step step("recurrence");
  step.operands = {{"x", rows->x.ref()},
                   {"w", walk.ref(*w, Layout::Panel, false)}};
  if (op.getBias()) {
    FailureOr<Weight> bias = walk.weight(op, op.getBias());
    if (failed(bias))
      return failure();
    step.operands.push_back({"bias", walk.ref(*bias, Layout::Rows, true)});
  }
  step.operands.append({{"y", rows->y.ref()}, {"state", rows->state}});
  step.config = config.get();
  step.dims = {{"N", rows->y.width}};
  return walk.emit(op, step);
}

void addRecurrenceLowerings(OpTable &table) {
  table.add<llm::RecurrenceOp, lowerRecurrence>();
}

} // namespace sluice::plan
