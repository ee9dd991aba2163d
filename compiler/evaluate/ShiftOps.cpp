// Rows moved along their sequence.
#include "compiler/evaluate/Arithmetic.h"

using namespace mlir;

namespace sluice::evaluate {

static FailureOr<Tensor> shift(Run &run, llm::ShiftOp op) {
  const Tensor &x = *run.tensor(op.getX());
  if (failed(checkTokens(op, run.batch, x)))
    return failure();
  Tensor y{x.shape};
  for (const Span &s : run.batch.sequences) {
    std::vector<float> &before = run.fixed(s.slot, op).data;
    auto row = int64_t(before.size());
    auto from = x.data.begin() + s.first * row, to = from + s.rows * row;
    auto out = y.data.begin() + s.first * row;
    std::copy(from, to - row, std::copy(before.begin(), before.end(), out));
    before.assign(to - row, to);
  }
  return y;
}

void addShiftOps(OpTable &table) { table.add<llm::ShiftOp>(shift); }

} // namespace sluice::evaluate
