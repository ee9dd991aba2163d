// Arithmetic on single elements (one `map` kernel per op or llm.map), and
// reductions of the last axis.
#include "compiler/lowering/Common.h"

#include "dialects/llm/Broadcast.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::plan {

namespace {

// A kernel body: `emit` makes the value from one f32 argument per operand.
void fillBody(Region &body, MLIRContext *context, Location loc, size_t operands,
              llvm::function_ref<Value(OpBuilder &, ValueRange)> emit) {
  OpBuilder builder(context);
  Block &block = body.emplaceBlock();
  for (size_t i = 0; i < operands; ++i)
    block.addArgument(builder.getF32Type(), loc);
  builder.setInsertionPointToStart(&block);
  Value result = emit(builder, block.getArguments());
  YieldOp::create(builder, loc, result);
}

std::optional<RowCount> countOf(Walk &walk, ArrayRef<Value> operands) {
  for (Value operand : operands)
    if (const Rows *rows = walk.tryGet<Rows>(operand))
      return rows->count;
  return std::nullopt;
}

// The operand of a map kernel and how far apart its rows are.
LogicalResult addMapOperand(Walk &walk, Elements &map, Value value,
                            StringRef name, Step &step) {
  if (const Rows *rows = walk.tryGet<Rows>(value)) {
    if (rows->count != *countOf(walk, map.operands))
      return map.op->emitError() << "'" << map.op->getName()
                                 << "' mixes values with different rows";
    step.operands.push_back({name, rows->ref()});
    return success();
  }
  FailureOr<Ref> ref = walk.refWithoutRows(map.op, value, "constant");
  if (failed(ref))
    return failure();
  step.operands.push_back({name, *ref});
  return success();
}

LogicalResult emitMap(Walk &walk, Elements &map) {
  SmallVector<SmallVector<int64_t>> shapes;
  for (Value operand : map.operands)
    shapes.push_back(rowShape(operand));
  llm::Broadcast broadcast(rowShape(map.result), shapes);
  if (!broadcast.fits())
    return map.op->emitError()
           << "'" << map.op->getName()
           << "' repeats its operands along more than two runs of axes";
  Rows y = walk.result(map.result, *countOf(walk, map.operands));
  Step step("map");
  std::string splat;
  SmallVector<std::string> names;
  for (size_t i = 0; i < map.operands.size(); ++i)
    names.push_back("x" + std::to_string(i));
  SmallVector<std::string> dimNames;
  dimNames.reserve(2 * names.size());
  step.dims = {{"outer", broadcast.outer()}, {"inner", broadcast.inner()}};
  for (auto [i, operand] : llvm::enumerate(map.operands)) {
    if (failed(addMapOperand(walk, map, operand, names[i], step)))
      return failure();
    splat += broadcast.isSplat(i) ? '1' : '0';
    if (!walk.tryGet<Rows>(operand))
      step.dims.push_back({dimNames.emplace_back(names[i] + ".stride"), 0});
    step.dims.push_back(
        {dimNames.emplace_back(names[i] + ".outer"), broadcast.outerStep(i)});
  }
  step.dims.push_back({"y.outer", broadcast.inner()});
  step.operands.push_back({"y", y.ref()});
  step.config = walk.config()
                    .integer("inputs", map.operands.size())
                    .word("splat", splat)
                    .get();
  step.rows = y.count;
  step.body = &map.body;
  walk.set(map.result, y);
  return walk.emit(map.op, step);
}

LogicalResult lowerElements(Walk &walk, Elements &map) {
  if (!countOf(walk, map.operands))
    return lowerWithoutRows(walk, map);
  return emitMap(walk, map);
}

LogicalResult lowerScalar(Walk &walk, llm::ScalarInterface op) {
  Elements map{op, op->getResult(0), llvm::to_vector(op->getOperands()), {}};
  fillBody(map.body, walk.plan.context(), op.getLoc(), map.operands.size(),
           [&](OpBuilder &b, ValueRange arguments) -> Value {
             ImplicitLocOpBuilder builder(op.getLoc(), b);
             SmallVector<expr::Expr> in;
             for (Value argument : arguments)
               in.emplace_back(builder, argument);
             return op.scalar(builder, in);
           });
  return lowerElements(walk, map);
}

// Kernels on groups of a row: softmax, normalize, sum.
LogicalResult lowerGroups(Walk &walk, Operation *op, Value x, Value result,
                          StringRef kind, FloatAttr eps = {}) {
  FailureOr<Rows> from = walk.rows(op, x);
  if (failed(from))
    return failure();
  int64_t group = rowShape(x).back();
  Rows to = walk.result(result, from->count);
  walk.set(result, to);
  Step step(kind, walk.config().real("eps", eps).get());
  step.operands = {{"x", from->ref()}, {"y", to.ref()}};
  step.dims = {{"N", group}, {"heads", from->width / group}};
  step.rows = from->count;
  return walk.emit(op, step);
}

LogicalResult lowerSoftmax(Walk &walk, llm::SoftmaxOp op) {
  return lowerGroups(walk, op, op.getX(), op.getResult(), "softmax");
}

LogicalResult lowerLogSoftmax(Walk &walk, llm::LogSoftmaxOp op) {
  return lowerGroups(walk, op, op.getX(), op.getResult(), "log_softmax");
}

LogicalResult lowerSum(Walk &walk, llm::SumOp op) {
  return lowerGroups(walk, op, op.getX(), op.getResult(), "sum");
}

LogicalResult lowerNormalize(Walk &walk, llm::NormalizeOp op) {
  return lowerGroups(walk, op, op.getX(), op.getResult(), "normalize",
                     op.getEpsAttr());
}

LogicalResult lowerConstant(Walk &walk, llm::ConstantOp op) {
  walk.set(
      op.getResult(),
      Constant{{static_cast<float>(op.getValueAttr().getValueAsDouble())}});
  return success();
}

LogicalResult lowerVector(Walk &walk, llm::VectorOp op) {
  walk.set(op.getResult(), Constant{SmallVector<float>(op.getValues())});
  return success();
}

} // namespace

LogicalResult emitCopy(Walk &walk, Operation *op, const Rows &from,
                       const Rows &to, Runs runs) {
  if (runs.outer == 1)
    runs.fromStep = runs.toStep = runs.inner;
  Region body;
  fillBody(body, walk.plan.context(), op->getLoc(), 1,
           [](OpBuilder &, ValueRange arguments) { return arguments[0]; });
  Step step("map", walk.config().integer("inputs", 1).word("splat", "0").get());
  step.operands = {{"x0", from.ref()}, {"y", to.ref()}};
  step.dims = {{"outer", runs.outer},
               {"inner", runs.inner},
               {"x0.outer", runs.fromStep},
               {"y.outer", runs.toStep}};
  step.rows = to.count;
  step.body = &body;
  return walk.emit(op, step);
}

void addElementwiseLowerings(OpTable &table) {
  table.addInterface<llm::ScalarInterface, lowerScalar>();
  table.add<llm::SoftmaxOp, lowerSoftmax>();
  table.add<llm::LogSoftmaxOp, lowerLogSoftmax>();
  table.add<llm::SumOp, lowerSum>();
  table.add<llm::NormalizeOp, lowerNormalize>();
  table.add<llm::ConstantOp, lowerConstant>();
  table.add<llm::VectorOp, lowerVector>();
}

} // namespace sluice::plan
