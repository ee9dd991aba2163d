// rms_norm, layer_norm, l2_norm.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

LogicalResult emitNorm(Walk &walk, Operation *op, const NormOf &norm,
                       const Rows &from, Rows to, int64_t group,
                       StringRef epsIn) {
  // The op's verifier sees to it that weight and bias have one shape.
  const std::optional<Weight> &shaped = norm.weight ? norm.weight : norm.bias;
  llm::WeightOp weight = shaped ? shaped->op : nullptr;
  bool perHead = weight && weight.getTensorType().getRank() > 1;
  Config config = walk.config();
  config.word("kind", norm.kind)
      .real("eps", norm.eps)
      .flag("weight", norm.weight.has_value())
      .flag("bias", norm.bias.has_value())
      .flag("per_head_weight", perHead);
  if (shapeOf(to.buffer).elem.isBF16())
    config.word("out", "bf16");
  if (!epsIn.empty())
    config.word("eps_in", epsIn);
  Step step("norm", config.get());
  step.operands = {{"x", from.ref()}};
  if (norm.weight)
    step.operands.push_back({"w", walk.ref(*norm.weight, Layout::Rows, true)});
  if (norm.bias)
    step.operands.push_back({"b", walk.ref(*norm.bias, Layout::Rows, true)});
  step.operands.push_back({"y", to.ref()});
  step.dims = {{"N", group}, {"heads", from.width / group}};
  step.rows = from.count;
  return walk.emit(op, step);
}

static int64_t lastAxis(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

static LogicalResult lowerNorm(Walk &walk, Operation *op, Value x, Value result,
                               NormOf norm, Value weight, Value bias,
                               StringRef epsIn = {}) {
  FailureOr<Rows> from = walk.rows(op, x);
  if (failed(from))
    return failure();
  for (auto [value, slot] :
       {std::pair(weight, &norm.weight), std::pair(bias, &norm.bias)}) {
    if (!value)
      continue;
    FailureOr<Weight> found = walk.weight(op, value);
    if (failed(found))
      return failure();
    *slot = *found;
  }
  Rows to = walk.result(result, from->count);
  walk.set(result, to);
  return emitNorm(walk, op, norm, *from, to, lastAxis(x), epsIn);
}

static LogicalResult lowerRmsNorm(Walk &walk, llm::RmsNormOp op) {
  return lowerNorm(walk, op, op.getX(), op.getResult(),
                   {"rms", op.getEpsAttr(), {}, {}}, op.getW(), Value());
}

static LogicalResult lowerLayerNorm(Walk &walk, llm::LayerNormOp op) {
  return lowerNorm(walk, op, op.getX(), op.getResult(),
                   {"layer", op.getEpsAttr(), {}, {}}, op.getW(), op.getBias());
}

static LogicalResult lowerL2Norm(Walk &walk, llm::L2NormOp op) {
  return lowerNorm(walk, op, op.getX(), op.getResult(),
                   {"l2", op.getEpsAttr(), {}, {}}, Value(), Value(),
                   llm::stringifyEpsIn(op.getEpsIn()));
}

void addNormLowerings(OpTable &table) {
  table.add<llm::RmsNormOp, lowerRmsNorm>();
  table.add<llm::LayerNormOp, lowerLayerNorm>();
  table.add<llm::L2NormOp, lowerL2Norm>();
}

} // namespace sluice::plan
