// What is added to the scores of an attention: operands and attributes of its
// kernel.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

namespace {

LogicalResult lowerAlibi(Walk &walk, llm::AlibiOp op) {
  walk.set(op.getResult(), Bias{op, {}, {}});
  return success();
}

LogicalResult lowerBucketBias(Walk &walk, llm::BucketBiasOp op) {
  FailureOr<Weight> weight = walk.weight(op, op.getW());
  if (failed(weight))
    return failure();
  walk.set(op.getResult(), Bias{op, *weight, {}});
  return success();
}

LogicalResult lowerDistanceBias(Walk &walk, llm::DistanceBiasOp op) {
  FailureOr<Rows> rows = walk.tokenRows(op, op.getX());
  if (failed(rows))
    return failure();
  walk.set(op.getResult(), Bias{op, {}, *rows});
  return success();
}

} // namespace

void addBias(Walk &walk, const Bias &bias, Config &config, Step &step) {
  if (auto alibi = dyn_cast<llm::AlibiOp>(bias.op)) {
    config.word("bias", "alibi").flag("two_sided", alibi.getTwoSided());
    if (std::optional<llm::RoundTo> to = alibi.getRounded())
      config.word("rounded", llm::stringifyRoundTo(*to))
          .real("times", alibi.getTimesAttr());
    Constant slopes{alibiSlopes(alibi)};
    step.operands.push_back({"slopes", walk.ref("alibi", slopes)});
    return;
  }
  if (auto distance = dyn_cast<llm::DistanceBiasOp>(bias.op)) {
    config.word("bias", "distance");
    step.add("bias_x", bias.rows->ref());
    step.add("distances", distance.getX().getType().getDimSize(2));
    return;
  }
  auto bucket = cast<llm::BucketBiasOp>(bias.op);
  int64_t distance = bucket.getMaxDistance();
  llm::WeightOp weight = bias.weight->op;
  SmallVector<int32_t> table = distanceBuckets(
      weight.getTensorType().getDimSize(0), distance, bucket.getBothWays());
  auto type = RankedTensorType::get({static_cast<int64_t>(table.size())},
                                    walk.plan.b().getI32Type());
  config.word("bias", "bucket");
  step.operands.push_back(
      {"bias_w", walk.ref(*bias.weight, Layout::Rows, true)});
  step.operands.push_back(
      {"buckets",
       walk.ref("buckets", DenseElementsAttr::get(type, ArrayRef(table)))});
  step.dims.append({{"buckets", weight.getTensorType().getDimSize(0)},
                    {"max_distance", distance}});
}

void addBiasLowerings(OpTable &table) {
  table.add<llm::AlibiOp, lowerAlibi>();
  table.add<llm::BucketBiasOp, lowerBucketBias>();
  table.add<llm::DistanceBiasOp, lowerDistanceBias>();
}

} // namespace sluice::plan
