// Arithmetic on the ints of rows.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

// A step of one operand and one result; `number` is the dim of that name.
static LogicalResult
lowerInts(Walk &walk, Operation *op, Value from, Value to, StringRef kind,
          std::optional<std::pair<StringRef, int64_t>> number = {}) {
  FailureOr<Rows> x = walk.rows(op, from);
  if (failed(x))
    return failure();
  Rows y = walk.result(to, x->count);
  walk.set(to, y);
  Step step(kind, walk.config().get());
  step.operands = {{"x", x->ref()}, {"y", y.ref()}};
  step.dims = {{"N", y.width}};
  if (number)
    step.dims.push_back(*number);
  step.rows = x->count;
  return walk.emit(op, step);
}

static LogicalResult lowerNumber(Walk &walk, llm::NumberOp op) {
  return lowerInts(walk, op, op.getX(), op.getResult(), "number");
}

static LogicalResult lowerOffset(Walk &walk, llm::OffsetOp op) {
  int64_t by = op.getBy();
  if (failed(lowerInts(walk, op, op.getX(), op.getResult(), "offset",
                       {{"by", by}})))
    return failure();
  walk.noteOffset(*walk.tryGet<Rows>(op.getX()),
                  *walk.tryGet<Rows>(op.getResult()), by);
  return success();
}

static LogicalResult lowerEquals(Walk &walk, llm::EqualsOp op) {
  int64_t value = op.getValue();
  return lowerInts(walk, op, op.getX(), op.getResult(), "equals",
                   {{"value", value}});
}

static LogicalResult lowerPositive(Walk &walk, llm::PositiveOp op) {
  return lowerInts(walk, op, op.getX(), op.getResult(), "positive");
}

static LogicalResult lowerStartAfter(Walk &walk, llm::StartAfterOp op) {
  auto rows = walk.sequences(op, op.getX(), op.getResult());
  if (failed(rows))
    return failure();
  Step step("start_after", walk.config().get());
  step.operands = {
      {"x", rows->x.ref()}, {"y", rows->y.ref()}, {"state", rows->state}};
  return walk.emit(op, step);
}

void addIntsLowerings(OpTable &table) {
  table.add<llm::NumberOp, lowerNumber>();
  table.add<llm::OffsetOp, lowerOffset>();
  table.add<llm::EqualsOp, lowerEquals>();
  table.add<llm::PositiveOp, lowerPositive>();
  table.add<llm::StartAfterOp, lowerStartAfter>();
}

} // namespace sluice::plan
