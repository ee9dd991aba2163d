// Recurrent networks: one kernel that walks each sequence.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerRecurrence(Walk &walk, llm::RecurrenceOp op) {
  FailureOr<Rows> x = walk.tokenRows(op, op.getX());
  FailureOr<Weight> w = walk.weight(op, op.getW());
  FailureOr<Ref> state = walk.state(op);
  if (failed(x) || failed(w) || failed(state))
    return failure();
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  Type elem = w->op.getTensorType().getElementType();
  Config config = walk.config();
  config.word("cell", llm::stringifyCell(op.getCell()))
      .word("weight", format::infoOf(elemOf(elem)).name)
      .word("compute", llm::stringifyCompute(op.getCompute()))
      .flag("bias", op.getBias() != nullptr);
  Step step("recurrence");
  step.operands = {{"x", x->ref()}, {"w", walk.ref(*w, Layout::Panel, false)}};
  if (op.getBias()) {
    FailureOr<Weight> bias = walk.weight(op, op.getBias());
    if (failed(bias))
      return failure();
    step.operands.push_back({"bias", walk.ref(*bias, Layout::Rows, true)});
  }
  step.operands.append({{"y", y.ref()}, {"state", *state}});
  step.config = config.get();
  step.dims = {{"N", y.width}};
  step.rows = x->count;
  return walk.emit(op, step);
}

void addRecurrenceLowerings(OpTable &table) {
  table.add<llm::RecurrenceOp, lowerRecurrence>();
}

} // namespace sluice::plan
