// Arithmetic on the ints of rows.
#include "compiler/evaluate/Arithmetic.h"

using namespace mlir;

namespace sluice::evaluate {

static Tensor number(Run &run, llm::NumberOp op) {
  const Ints &x = run.ints(op.getX());
  Tensor y;
  y.shape = x.shape;
  if (y.shape.size() == 1)
    y.shape.push_back(1);
  y.data.assign(x.data.begin(), x.data.end());
  return y;
}

static Ints offset(Run &run, llm::OffsetOp op) {
  Ints y = run.ints(op.getX());
  for (int32_t &i : y.data)
    i += int32_t(op.getBy());
  return y;
}

void addIntsOps(OpTable &table) {
  table.add<llm::NumberOp>(number);
  table.add<llm::OffsetOp>(offset);
}

} // namespace sluice::evaluate
