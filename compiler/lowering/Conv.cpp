// Convolutions over time: one kernel that walks each sequence.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerCausalConv(Walk &walk, llm::CausalConvOp op) {
  FailureOr<Rows> x = walk.tokenRows(op, op.getX());
  FailureOr<Weight> w = walk.weight(op, op.getW());
  FailureOr<Ref> state = walk.state(op);
  if (failed(x) || failed(w) || failed(state))
    return failure();
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  Config config = walk.config();
  if (op.getFn())
    config.word("fn", llm::stringifyAct(*op.getFn()));
  Step step("causal_conv");
  step.operands = {{"x", x->ref()}, {"w", walk.ref(*w, Layout::Rows, true)}};
  if (op.getBias()) {
    FailureOr<Weight> bias = walk.weight(op, op.getBias());
    if (failed(bias))
      return failure();
    config.flag("bias", true);
    step.operands.push_back({"bias", walk.ref(*bias, Layout::Rows, true)});
  }
  step.operands.append({{"y", y.ref()}, {"state", *state}});
  step.config = config.get();
  step.dims = {{"N", x->width}, {"taps", op.getW().getType().getDimSize(1)}};
  step.rows = x->count;
  return walk.emit(op, step);
}

void addConvLowerings(OpTable &table) {
  table.add<llm::CausalConvOp, lowerCausalConv>();
}

} // namespace sluice::plan
