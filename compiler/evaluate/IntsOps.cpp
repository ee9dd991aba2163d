// Arithmetic on the ints of rows.
#include "compiler/evaluate/Arithmetic.h"

#include "llvm/ADT/bit.h"

#include <algorithm>

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
    i = int32_t(std::min<int64_t>(i + int64_t(op.getBy()), INT32_MAX));
  return y;
}

static Ints equals(Run &run, llm::EqualsOp op) {
  Ints y = run.ints(op.getX());
  for (int32_t &i : y.data)
    i = i == op.getValue();
  return y;
}

static Ints positive(Run &run, llm::PositiveOp op) {
  const Tensor &x = *run.tensor(op.getX());
  Ints y{Shape{x.shape[0]}};
  for (auto [number, flag] : llvm::zip_equal(x.data, y.data))
    flag = number > 0;
  return y;
}

static FailureOr<Ints> startAfter(Run &run, llm::StartAfterOp op) {
  Ints y = run.ints(op.getX());
  if (int64_t(y.data.size()) != run.batch.rows)
    return op.emitError() << "takes one row per token, found " << y.data.size()
                          << " for " << run.batch.rows;
  for (const Span &s : run.batch.sequences) {
    std::vector<float> &state = run.fixed(s.slot, op).data;
    auto rows = llvm::bit_cast<int32_t>(state[0]);
    auto begin = llvm::bit_cast<int32_t>(state[1]);
    for (int64_t t = s.first; t < s.first + s.rows; ++t) {
      bool ends = y.data[size_t(t)] != 0;
      y.data[size_t(t)] = begin;
      ++rows;
      begin = ends ? rows : begin;
    }
    state = {llvm::bit_cast<float>(rows), llvm::bit_cast<float>(begin)};
  }
  return y;
}

void addIntsOps(OpTable &table) {
  table.add<llm::NumberOp>(number);
  table.add<llm::OffsetOp>(offset);
  table.add<llm::EqualsOp>(equals);
  table.add<llm::PositiveOp>(positive);
  table.add<llm::StartAfterOp>(startAfter);
}

} // namespace sluice::evaluate
