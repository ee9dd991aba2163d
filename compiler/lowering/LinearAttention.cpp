// Linear attention: what is remembered of the tokens has a fixed size.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

// A factor of linear_attention beside the step's operands: its own rows, or
// numbers for all of them. Says which by a word of the config.
static LogicalResult addFactor(Walk &walk, Operation *op, StringRef name,
                               StringRef width, Value value, Config &config,
                               Step &step) {
  if (!value)
    return success();
  step.dims.push_back({width, rowShape(value).back()});
  if (walk.tryGet<Rows>(value)) {
    FailureOr<Rows> rows = walk.tokenRows(op, value);
    if (failed(rows))
      return failure();
    config.word(name, "rows");
    step.operands.push_back({name, rows->ref()});
    return success();
  }
  FailureOr<Ref> ref = walk.refWithoutRows(op, value, name);
  if (failed(ref))
    return failure();
  config.word(name, "vector");
  step.operands.push_back({name, *ref});
  return success();
}

static LogicalResult lowerLinearAttention(Walk &walk,
                                          llm::LinearAttentionOp op) {
  Step step("linear_attention");
  SmallVector<int64_t> keys = rowShape(op.getQ());
  step.dims = {
      {"heads", keys[0]}, {"K", keys[1]}, {"V", rowShape(op.getV()).back()}};
  for (auto [name, value] :
       {std::pair("q", op.getQ()), std::pair("k", op.getK()),
        std::pair("v", op.getV()), std::pair("read", op.getRead()),
        std::pair("write", op.getWrite())}) {
    if (!value)
      continue;
    FailureOr<Rows> rows = walk.tokenRows(op, value);
    if (failed(rows))
      return failure();
    step.operands.push_back({name, rows->ref()});
  }
  Config config = walk.config();
  config.flag("corrected", static_cast<bool>(op.getRead()));
  FailureOr<Ref> state = walk.state(op);
  if (failed(addFactor(walk, op, "decay", "decay.width", op.getDecay(), config,
                       step)) ||
      failed(addFactor(walk, op, "bonus", "bonus.width", op.getBonus(), config,
                       step)) ||
      failed(state))
    return failure();
  Rows y = walk.result(op.getResult(), RowCount());
  walk.set(op.getResult(), y);
  step.operands.append({{"y", y.ref()}, {"state", *state}});
  step.config = config.get();
  return walk.emit(op, step);
}

static LogicalResult lowerDecayingMean(Walk &walk, llm::DecayingMeanOp op) {
  FailureOr<Rows> v = walk.tokenRows(op, op.getV());
  FailureOr<Rows> k = walk.tokenRows(op, op.getK());
  FailureOr<Ref> decay = walk.refWithoutRows(op, op.getDecay(), "decay");
  FailureOr<Ref> state = walk.state(op);
  if (failed(v) || failed(k) || failed(decay) || failed(state))
    return failure();
  Rows y = walk.result(op.getResult(), v->count);
  walk.set(op.getResult(), y);
  Config config = walk.config();
  Step step("decaying_mean");
  step.operands = {{"v", v->ref()}, {"k", k->ref()}, {"decay", *decay}};
  if (op.getBonus()) {
    FailureOr<Ref> bonus = walk.refWithoutRows(op, op.getBonus(), "bonus");
    if (failed(bonus))
      return failure();
    config.flag("bonus", true);
    step.operands.push_back({"bonus", *bonus});
  }
  step.operands.append({{"y", y.ref()}, {"state", *state}});
  step.config = config.get();
  step.dims = {{"N", v->width}};
  step.rows = v->count;
  return walk.emit(op, step);
}

void addLinearAttentionLowerings(OpTable &table) {
  table.add<llm::LinearAttentionOp, lowerLinearAttention>();
  table.add<llm::DecayingMeanOp, lowerDecayingMean>();
}

} // namespace sluice::plan
