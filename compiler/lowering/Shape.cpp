// reshape, slice, split, concat, repeat_heads: another view of the same columns
// where the layout allows it, else a copy.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

namespace {

int64_t lastAxis(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

LogicalResult lowerReshape(Walk &walk, llm::ReshapeOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  if (failed(x))
    return failure();
  walk.set(op.getResult(), *x);
  return success();
}

// Columns [from, from + width of result) of the last axis.
LogicalResult lowerPart(Walk &walk, Operation *op, const Rows &x, int64_t axis,
                        int64_t from, Value result) {
  int64_t size = lastAxis(result), runs = x.width / axis;
  if (runs == 1) {
    walk.set(result, x.at(from, size));
    return success();
  }
  Rows y = walk.result(result, x.count);
  walk.set(result, y);
  return emitCopy(walk, op, x.at(from, x.width - from), y,
                  {runs, size, axis, size});
}

LogicalResult lowerSlice(Walk &walk, llm::SliceOp op) {
  int64_t from = op.getFrom(), size = op.getSize();
  if (const Constant *constant = walk.tryGet<Constant>(op.getX())) {
    ArrayRef<float> values = constant->values;
    walk.set(op.getResult(),
             Constant{SmallVector<float>(values.slice(from, size))});
    return success();
  }
  FailureOr<Rows> x = walk.rows(op, op.getX());
  if (failed(x))
    return failure();
  return lowerPart(walk, op, *x, lastAxis(op.getX()), from, op.getResult());
}

LogicalResult lowerSplit(Walk &walk, llm::SplitOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  if (failed(x))
    return failure();
  int64_t from = 0;
  for (Value part : op.getParts()) {
    if (failed(lowerPart(walk, op, *x, lastAxis(op.getX()), from, part)))
      return failure();
    from += lastAxis(part);
  }
  return success();
}

LogicalResult lowerConcat(Walk &walk, llm::ConcatOp op) {
  std::optional<Rows> y;
  int64_t column = 0, axis = lastAxis(op.getResult());
  for (Value part : op.getParts()) {
    FailureOr<Rows> x = walk.rows(op, part);
    if (failed(x))
      return failure();
    if (!y)
      y = walk.result(op.getResult(), x->count);
    if (x->count != y->count)
      return op.emitError("joins values with different rows");
    int64_t size = lastAxis(part);
    if (failed(emitCopy(walk, op, *x, y->at(column, y->width - column),
                        {x->width / size, size, size, axis})))
      return failure();
    column += size;
  }
  walk.set(op.getResult(), *y);
  return success();
}

LogicalResult lowerRepeatHeads(Walk &walk, llm::RepeatHeadsOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  if (failed(x))
    return failure();
  Rows y = walk.result(op.getResult(), x->count);
  int64_t size = lastAxis(op.getX()), times = op.getTimes();
  for (int64_t i = 0; i < times; ++i)
    if (failed(emitCopy(walk, op, *x, y.at(i * size, y.width - i * size),
                        {x->width / size, size, size, times * size})))
      return failure();
  walk.set(op.getResult(), y);
  return success();
}

} // namespace

void addShapeLowerings(OpTable &table) {
  table.add<llm::ReshapeOp, lowerReshape>();
  table.add<llm::SliceOp, lowerSlice>();
  table.add<llm::SplitOp, lowerSplit>();
  table.add<llm::ConcatOp, lowerConcat>();
  table.add<llm::RepeatHeadsOp, lowerRepeatHeads>();
}

} // namespace sluice::plan
