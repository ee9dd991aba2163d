// Convolutions.
#include "compiler/evaluate/Arithmetic.h"

using namespace mlir;

namespace sluice::evaluate {

// The rows of the state stand in front of the step's, and the last rows of
// both are its rows afterwards.
static FailureOr<Tensor> causalConv(Run &run, llm::CausalConvOp op) {
  const Tensor &x = *run.tensor(op.getX()), &w = *run.tensor(op.getW());
  const Tensor *bias = run.tensor(op.getBias());
  int64_t channels = x.width(), width = w.width();
  if (failed(checkTokens(op, run.batch, x)))
    return failure();
  Tensor y{x.shape};
  for (const Span &s : run.batch.sequences) {
    Tensor &state = run.fixed(s.slot, op);
    std::vector<float> rows = state.data;
    rows.insert(rows.end(), x.at(s.first), x.at(s.first + s.rows));
    for (int64_t t = 0; t < s.rows; ++t)
      for (int64_t c = 0; c < channels; ++c) {
        double sum = bias ? bias->data[size_t(c)] : 0;
        for (int64_t j = 0; j < width; ++j)
          sum += double(w.at(c)[j]) * rows[size_t((t + j) * channels + c)];
        y.at(s.first + t)[c] =
            op.getFn() ? activation(*op.getFn(), float(sum), 1) : float(sum);
      }
    state.data.assign(rows.end() - int64_t(state.data.size()), rows.end());
  }
  return y;
}

void addConvOps(OpTable &table) { table.add<llm::CausalConvOp>(causalConv); }

} // namespace sluice::evaluate
