// Arithmetic on the ints of rows.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

static LogicalResult lowerInts(Walk &walk, Operation *op, Value from, Value to,
                               StringRef kind, int64_t by = 0) {
  FailureOr<Rows> x = walk.rows(op, from);
  if (failed(x))
    return failure();
  Rows y = walk.result(to, x->count);
  walk.set(to, y);
  Step step(kind, walk.config().get());
  step.operands = {{"x", x->ref()}, {"y", y.ref()}};
  step.dims = {{"N", y.width}};
  if (kind == "offset") {
    step.dims.push_back({"by", by});
    walk.noteOffset(*x, y, by);
  }
  step.rows = x->count;
  return walk.emit(op, step);
}

static LogicalResult lowerNumber(Walk &walk, llm::NumberOp op) {
  return lowerInts(walk, op, op.getX(), op.getResult(), "number");
}

static LogicalResult lowerOffset(Walk &walk, llm::OffsetOp op) {
  return lowerInts(walk, op, op.getX(), op.getResult(), "offset", op.getBy());
}

void addIntsLowerings(OpTable &table) {
  table.add<llm::NumberOp, lowerNumber>();
  table.add<llm::OffsetOp, lowerOffset>();
}

} // namespace sluice::plan
