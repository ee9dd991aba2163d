// Ops that change how many rows there are.
#include "compiler/evaluate/Arithmetic.h"

#include <algorithm>

using namespace mlir;

namespace sluice::evaluate {

namespace {

// These rows of x, in this order.
Tensor take(const Tensor &x, ArrayRef<int64_t> rows) {
  Shape shape = x.shape;
  shape[0] = int64_t(rows.size());
  Tensor y{shape};
  int64_t size = int64_t(x.data.size()) / x.shape[0];
  for (auto [to, from] : llvm::enumerate(rows))
    std::copy_n(x.data.begin() + from * size, size,
                y.data.begin() + int64_t(to) * size);
  return y;
}

Tensor wantedRows(Run &run, llm::WantedRowsOp op) {
  return take(*run.tensor(op.getX()), run.batch.wanted);
}

Tensor pickRows(Run &run, llm::PickRowsOp op) {
  SmallVector<int64_t> rows;
  for (const Span &sequence : run.batch.sequences)
    rows.push_back(op.getWhich() == llm::Which::first
                       ? sequence.first
                       : sequence.first + sequence.rows - 1);
  return take(*run.tensor(op.getX()), rows);
}

Tensor poolRows(Run &run, llm::PoolRowsOp op) {
  const Tensor &x = *run.tensor(op.getX());
  Shape shape = x.shape;
  shape[0] = int64_t(run.batch.sequences.size());
  Tensor y{shape};
  int64_t size = int64_t(x.data.size()) / x.shape[0];
  for (auto [s, sequence] : llvm::enumerate(run.batch.sequences))
    for (int64_t i = 0; i < size; ++i) {
      const float *column = x.data.data() + sequence.first * size + i;
      double sum = 0;
      float most = *column;
      for (int64_t row = 0; row < sequence.rows; ++row) {
        sum += column[row * size];
        most = std::max(most, column[row * size]);
      }
      y.data[s * size_t(size) + size_t(i)] =
          op.getBy() == llm::Pool::max ? most
                                       : float(sum / double(sequence.rows));
    }
  return y;
}

} // namespace

void addRowsOps(OpTable &table) {
  table.add<llm::WantedRowsOp>(wantedRows);
  table.add<llm::PickRowsOp>(pickRows);
  table.add<llm::PoolRowsOp>(poolRows);
}

} // namespace sluice::evaluate
