// Recurrent networks.
#include "compiler/evaluate/Arithmetic.h"

using namespace mlir;

namespace sluice::evaluate {

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The next row of one channel: x and u are its gates, `h` and `c` the row
// before; c is changed.
double next(llm::Cell cell, const std::vector<double> &x,
            const std::vector<double> &u, double h, float *c) {
  switch (cell) {
  case llm::Cell::tanh:
    return std::tanh(x[0] + u[0]);
  case llm::Cell::relu:
    return std::max(x[0] + u[0], 0.0);
  case llm::Cell::lstm: {
    double kept = sigmoid(x[1] + u[1]) * *c +
                  sigmoid(x[0] + u[0]) * std::tanh(x[2] + u[2]);
    *c = float(kept);
    return sigmoid(x[3] + u[3]) * std::tanh(kept);
  }
  case llm::Cell::gru: {
    double r = sigmoid(x[0] + u[0]), z = sigmoid(x[1] + u[1]);
    return (1 - z) * std::tanh(x[2] + r * u[2]) + z * h;
  }
  }
  return 0;
}

FailureOr<Tensor> recurrence(Run &run, llm::RecurrenceOp op) {
  const Tensor &x = *run.tensor(op.getX()), &w = *run.tensor(op.getW());
  const Tensor *bias = run.tensor(op.getBias());
  int64_t channels = op.channels(), gates = op.gates();
  if (failed(checkTokens(op, run.batch, x)))
    return failure();
  Tensor y{Shape{x.count(), channels}};
  std::vector<double> own(static_cast<size_t>(gates)), before(own);
  for (const Span &s : run.batch.sequences) {
    Tensor &state = run.fixed(s.slot, op);
    for (int64_t t = s.first; t < s.first + s.rows; ++t) {
      Tensor h{Shape{1, channels}};
      std::copy_n(state.data.begin(), channels, h.data.begin());
      Tensor u = product(h, w, bias, op.getCompute());
      for (int64_t i = 0; i < channels; ++i) {
        for (int64_t g = 0; g < gates; ++g) {
          own[size_t(g)] = x.at(t)[g * channels + i];
          before[size_t(g)] = u.at(0)[g * channels + i];
        }
        float *c = op.kept() > 1 ? &state.data[size_t(channels + i)] : nullptr;
        y.at(t)[i] = float(next(op.getCell(), own, before, h.at(0)[i], c));
      }
      std::copy_n(y.at(t), channels, state.data.begin());
    }
  }
  return y;
}

} // namespace

void addRecurrenceOps(OpTable &table) {
  table.add<llm::RecurrenceOp>(recurrence);
}

} // namespace sluice::evaluate
