// Weights, numbers and names of values.
#include "compiler/evaluate/Run.h"

using namespace mlir;

namespace sluice::evaluate {

static FailureOr<Tensor> use(Run &run, llm::UseOp op) { return run.weight(op); }

static Tensor constant(Run &, llm::ConstantOp op) {
  Tensor y{Shape{}};
  y.data[0] = op.getValue();
  return y;
}

static Tensor vector(Run &, llm::VectorOp op) {
  Tensor y{Shape(op.getType().getShape())};
  llvm::copy(op.getValues(), y.data.begin());
  return y;
}

static std::vector<Value> tap(Run &run, llm::TapOp op) {
  run.tell(op, 0, run.get(op.getX()));
  return {};
}

void addWeightOps(OpTable &table) {
  table.add<llm::UseOp>(use);
  table.add<llm::ConstantOp>(constant);
  table.add<llm::VectorOp>(vector);
  table.add<llm::TapOp>(tap);
}

} // namespace sluice::evaluate
