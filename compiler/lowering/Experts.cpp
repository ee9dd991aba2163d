// Routing and experts. Pairs of a row and one of its experts are sorted by
// expert once; products then run over each expert's rows, and the results are
// added per row in the order in which the router chose.
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

namespace {

LogicalResult lowerTopK(Walk &walk, llm::TopKOp op) {
  FailureOr<Rows> scores = walk.rows(op, op.getScores());
  if (failed(scores))
    return failure();
  Rows y = walk.result(op.getResult(), scores->count);
  walk.set(op.getResult(), y);
  int64_t among = rowShape(op.getScores()).back(), k = op.getK();
  walk.noteChoice(y, among);
  Step step("top_k", walk.config().get());
  step.operands = {{"x", scores->ref()}, {"idx", y.ref()}};
  step.dims = {{"experts", among}, {"top_k", k}, {"heads", y.width / k}};
  step.rows = scores->count;
  return walk.emit(op, step);
}

LogicalResult lowerPick(Walk &walk, llm::PickOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX()), at = walk.rows(op, op.getAt());
  int64_t among = rowShape(op.getX()).back(), k = rowShape(op.getAt()).back();
  if (failed(x) || failed(at) || failed(walk.checkChoice(op, *at, among)))
    return failure();
  if (x->count != at->count)
    return op.emitError("takes as many rows of values as of indices");
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  Step step("pick", walk.config().get());
  step.operands = {{"x", x->ref()}, {"idx", at->ref()}, {"y", y.ref()}};
  step.dims = {{"experts", among}, {"top_k", k}, {"heads", y.width / k}};
  step.rows = x->count;
  return walk.emit(op, step);
}

LogicalResult lowerChosen(Walk &walk, llm::ChosenOp op) {
  FailureOr<Rows> at = walk.rows(op, op.getAt());
  if (failed(at) || failed(walk.checkChoice(op, *at, op.getOf())))
    return failure();
  Rows y = walk.result(op.getResult(), at->count);
  walk.set(op.getResult(), y);
  Step step("chosen", walk.config().get());
  step.operands = {{"idx", at->ref()}, {"y", y.ref()}};
  step.dims = {{"experts", y.width}, {"top_k", at->width}};
  step.rows = at->count;
  return walk.emit(op, step);
}

FailureOr<Groups> emitGroup(Walk &walk, Operation *op, const Rows &idx,
                            int64_t experts) {
  if (failed(walk.checkChoice(op, idx, experts)))
    return failure();
  Type i32 = walk.plan.b().getI32Type();
  int64_t topK = idx.width;
  RowCount pairs{idx.count.kind, idx.count.scale * topK};
  Groups groups{walk.temporary(op->getLoc(), "offsets", {RowKind::One, 1}, i32,
                               experts + 1),
                walk.temporary(op->getLoc(), "pairs", pairs, i32, 1),
                walk.temporary(op->getLoc(), "position", pairs, i32, 1),
                experts, topK};
  Step step("group", walk.config().get());
  step.operands = {{"idx", idx.ref()},
                   {"offsets", groups.offsets.ref()},
                   {"pairs", groups.pairs.ref()},
                   {"position", groups.position.ref()}};
  step.dims = {{"experts", experts}, {"top_k", topK}};
  step.rows = idx.count;
  if (failed(walk.emit(op, step)))
    return failure();
  return groups;
}

// The rows of each expert one after the other, multiplied by `scale` if given.
FailureOr<Rows> emitGather(Walk &walk, Operation *op, const Rows &x,
                           const Groups &groups,
                           const std::optional<Rows> &scale) {
  Rows y = walk.temporary(op->getLoc(), "gathered", groups.pairs.count,
                          walk.plan.b().getF32Type(), x.width);
  Step step("gather_pairs",
            walk.config().flag("scale", scale.has_value()).get());
  step.operands = {
      {"x", x.ref()}, {"pairs", groups.pairs.ref()}, {"y", y.ref()}};
  if (scale)
    step.operands.push_back({"weight", scale->ref()});
  step.dims = {{"N", x.width}, {"top_k", groups.topK}};
  step.rows = y.count;
  if (failed(walk.emit(op, step)))
    return failure();
  return y;
}

LogicalResult emitCombine(Walk &walk, Operation *op, const Rows &x,
                          const Groups &groups,
                          const std::optional<Rows> &weight,
                          const std::optional<Rows> &residual, const Rows &y) {
  Step step("combine", walk.config()
                           .flag("weight", weight.has_value())
                           .flag("residual", residual.has_value())
                           .get());
  step.operands = {
      {"x", x.ref()}, {"position", groups.position.ref()}, {"y", y.ref()}};
  if (weight)
    step.operands.push_back({"weight", weight->ref()});
  if (residual)
    step.operands.push_back({"residual", residual->ref()});
  step.dims = {{"N", y.width}, {"top_k", groups.topK}};
  step.rows = y.count;
  return walk.emit(op, step);
}

FailureOr<std::optional<Rows>> optionalRows(Walk &walk, Operation *op,
                                            Value value) {
  if (!value)
    return std::optional<Rows>();
  FailureOr<Rows> rows = walk.rows(op, value);
  if (failed(rows))
    return failure();
  return std::optional<Rows>(*rows);
}

LogicalResult checkSameRows(Operation *op, const Rows &x, const Rows &other) {
  if (x.count == other.count)
    return success();
  return op->emitError() << "'" << op->getName()
                         << "' mixes values with different rows";
}

// A factor for each choice, which kernels take without other columns between.
FailureOr<std::optional<Rows>> factorsOf(Walk &walk, Operation *op, Value value,
                                         const Rows &x) {
  FailureOr<std::optional<Rows>> rows = optionalRows(walk, op, value);
  if (failed(rows) || !*rows)
    return rows;
  if (failed(checkSameRows(op, x, **rows)))
    return failure();
  if ((*rows)->width == shapeOf((*rows)->buffer).columns)
    return rows;
  Rows whole = walk.temporary(op->getLoc(), "factors", x.count,
                              walk.plan.b().getF32Type(), (*rows)->width);
  if (failed(emitCopy(walk, op, **rows, whole, {1, whole.width})))
    return failure();
  return std::optional<Rows>(whole);
}

LogicalResult stackedWeights(Walk &walk, Operation *op, ValueRange values,
                             SmallVector<Weight> &into) {
  for (Value value : values) {
    FailureOr<Weight> weight = walk.weight(op, value);
    if (failed(weight))
      return failure();
    weight->stacked = true;
    into.push_back(*weight);
  }
  return success();
}

// Keeps the groups visible to the products of one experts op.
struct GroupScope {
  GroupScope(Walk &walk, const Groups &groups) : walk(walk) {
    walk.groups = &groups;
  }
  ~GroupScope() { walk.groups = nullptr; }
  Walk &walk;
};

LogicalResult lowerExperts(Walk &walk, llm::ExpertsOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX()), idx = walk.rows(op, op.getAt());
  SmallVector<Weight> weights;
  if (failed(x) || failed(idx) || failed(checkSameRows(op, *x, *idx)) ||
      failed(stackedWeights(walk, op, op.getWeights(), weights)))
    return failure();
  FailureOr<std::optional<Rows>> inScale =
                                     factorsOf(walk, op, op.getInScale(), *x),
                                 outScale =
                                     factorsOf(walk, op, op.getOutScale(), *x);
  if (failed(inScale) || failed(outScale))
    return failure();
  if (weights.empty())
    return op.emitError("has no kernel for experts without weights");
  int64_t experts = weights.front().op.getTensorType().getDimSize(0);
  FailureOr<Groups> groups = emitGroup(walk, op, *idx, experts);
  if (failed(groups))
    return failure();
  FailureOr<Rows> gathered = emitGather(walk, op, *x, *groups, *inScale);
  if (failed(gathered))
    return failure();
  SmallVector<Lowered> arguments{*gathered};
  for (const Weight &weight : weights)
    arguments.push_back(weight);
  GroupScope scope(walk, *groups);
  FailureOr<SmallVector<Lowered>> results =
      walk.lowerRegion(op.getBody(), arguments);
  if (failed(results))
    return failure();
  const Rows *result = std::get_if<Rows>(&results->front());
  if (!result)
    return op.emitError("has a region that yields no rows");
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  return emitCombine(walk, op, *result, *groups, *outScale, std::nullopt, y);
}

// The two products of each expert; the first reads the rows through the sorted
// pairs unless they must be scaled on the way.
FailureOr<Rows> emitTwoProducts(Walk &walk, llm::FusedExpertsOp op,
                                const Rows &x, const Groups &groups,
                                const std::optional<Rows> &weight) {
  Product first;
  if (failed(stackedWeights(walk, op, op.getFirst(), first.weights)) ||
      failed(stackedWeights(walk, op, op.getFirstBias(), first.biases)))
    return failure();
  first.x = x;
  first.rows = "tokens";
  if (op.getScaleInput()) {
    FailureOr<Rows> gathered = emitGather(walk, op, x, groups, weight);
    if (failed(gathered))
      return failure();
    first.x = *gathered;
    first.rows = "pairs";
  }
  first.compute = op.getCompute();
  first.epilogue = op.epilogue();
  first.width = first.weights.front().op.getTensorType().getDimSize(1);
  FailureOr<Rows> middle = lowerProduct(walk, op, first, "expert.hidden");
  if (failed(middle))
    return failure();

  Product second;
  if (failed(stackedWeights(walk, op, op.getDown(), second.weights)))
    return failure();
  if (op.getDownBias() &&
      failed(stackedWeights(walk, op, op.getDownBias(), second.biases)))
    return failure();
  second.x = *middle;
  second.rows = "pairs";
  second.compute = op.getCompute();
  second.width = widthOf(op.getResult());
  return lowerProduct(walk, op, second, "expert.out");
}

LogicalResult lowerFusedExperts(Walk &walk, llm::FusedExpertsOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX()), idx = walk.rows(op, op.getAt());
  FailureOr<std::optional<Rows>> residual =
      optionalRows(walk, op, op.getResidual());
  FailureOr<Weight> down = walk.weight(op, op.getDown());
  if (failed(x) || failed(idx) || failed(residual) || failed(down) ||
      failed(checkSameRows(op, *x, *idx)) ||
      (*residual && failed(checkSameRows(op, *x, **residual))))
    return failure();
  FailureOr<std::optional<Rows>> weight =
      factorsOf(walk, op, op.getWeight(), *x);
  if (failed(weight))
    return failure();
  FailureOr<Groups> groups =
      emitGroup(walk, op, *idx, down->op.getTensorType().getDimSize(0));
  if (failed(groups))
    return failure();
  GroupScope scope(walk, *groups);
  FailureOr<Rows> out = emitTwoProducts(walk, op, *x, *groups, *weight);
  if (failed(out))
    return failure();
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  return emitCombine(walk, op, *out, *groups,
                     op.getScaleInput() ? std::nullopt : *weight, *residual, y);
}

LogicalResult emitRoute(Walk &walk, llm::FusedRouterOp op, const Rows &logits) {
  Rows idx = walk.result(op.getIdx(), logits.count),
       weight = walk.result(op.getWeight(), logits.count);
  walk.set(op.getIdx(), idx);
  walk.noteChoice(idx, logits.width);
  walk.set(op.getWeight(), weight);
  Config config = walk.config();
  config.word("score", llm::stringifyScore(op.getScore()))
      .word("order", llm::stringifyRouterOrder(op.getOrder()))
      .real("normalize", op.getNormalizeAttr())
      .real("scale", op.getScaleAttr())
      .flag("correction", static_cast<bool>(op.getCorrection()));
  Step step("route", config.get());
  step.operands = {
      {"x", logits.ref()}, {"idx", idx.ref()}, {"weight", weight.ref()}};
  if (op.getCorrection()) {
    FailureOr<Weight> correction = walk.weight(op, op.getCorrection());
    if (failed(correction))
      return failure();
    step.operands.push_back(
        {"correction", walk.ref(*correction, Layout::Rows, true)});
  }
  step.dims = {{"experts", logits.width}, {"top_k", idx.width}};
  step.rows = logits.count;
  return walk.emit(op, step);
}

LogicalResult lowerFusedRouter(Walk &walk, llm::FusedRouterOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  FailureOr<Weight> w = walk.weight(op, op.getW());
  if (failed(x) || failed(w))
    return failure();
  // The experts read the normalised rows as well, so they are a value.
  Rows h = *x;
  if (llm::NormAttr attr = op.getNormAttr()) {
    NormOf norm{llm::stringifyNormKind(attr.getKind()), attr.getEps(), {}, {}};
    for (auto [value, slot] : {std::pair(op.getNormWeight(), &norm.weight),
                               std::pair(op.getNormBias(), &norm.bias)}) {
      if (!value)
        continue;
      FailureOr<Weight> weight = walk.weight(op, value);
      if (failed(weight))
        return failure();
      *slot = *weight;
    }
    h = walk.temporary(op.getLoc(), "h", x->count, walk.plan.b().getF32Type(),
                       x->width);
    if (failed(emitNorm(walk, op, norm, *x, h, x->width)))
      return failure();
  }
  walk.set(op.getRows(), h);
  Product product;
  product.x = h;
  product.weights = {*w};
  if (op.getBias()) {
    FailureOr<Weight> bias = walk.weight(op, op.getBias());
    if (failed(bias))
      return failure();
    product.biases = {*bias};
  }
  product.compute = op.getCompute();
  product.width = w->op.getTensorType().getDimSize(0);
  FailureOr<Rows> logits = lowerProduct(walk, op, product, "router");
  if (failed(logits))
    return failure();
  return emitRoute(walk, op, *logits);
}

} // namespace

void addExpertLowerings(OpTable &table) {
  table.add<llm::TopKOp, lowerTopK>();
  table.add<llm::PickOp, lowerPick>();
  table.add<llm::ChosenOp, lowerChosen>();
  table.add<llm::ExpertsOp, lowerExperts>();
  table.add<llm::FusedRouterOp, lowerFusedRouter>();
  table.add<llm::FusedExpertsOp, lowerFusedExperts>();
}

} // namespace sluice::plan
