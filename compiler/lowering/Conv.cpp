// Convolutions over time: one kernel that walks each sequence.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerCausalConv(Walk &walk, llm::CausalConvOp op) {
  auto rows = walk.sequences(op, op.getX(), op.getResult());
  FailureOr<Weight> w = walk.weight(op, op.getW());
  if (failed(rows) || failed(w))
    return failure();
  Config config = walk.config();
  if (op.getFn())
    config.word("fn", llm::stringifyAct(*op.getFn()));
  Step step("causal_conv");
  step.operands = {{"x", rows->x.ref()},
                   {"w", walk.ref(*w, Layout::Rows, true)}};
  if (op.getBias()) {
    FailureOr<Weight> bias = walk.weight(op, op.getBias());
    if (failed(bias))
      return failure();
    config.flag("bias", true);
    step.operands.push_back({"bias", walk.ref(*bias, Layout::Rows, true)});
  }
  step.operands.append({{"y", rows->y.ref()}, {"state", rows->state}});
  step.config = config.get();
  step.dims = {{"N", rows->x.width},
               {"width", op.getW().getType().getDimSize(1)}};
  return walk.emit(op, step);
}

void addConvLowerings(OpTable &table) {
  table.add<llm::CausalConvOp, lowerCausalConv>();
}

} // namespace sluice::plan
