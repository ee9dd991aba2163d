// Where values come from (weights, embeddings) and which rows go on.
#include "compiler/lowering/Common.h"

#include "dialects/llm/Taps.h"

using namespace mlir;

namespace sluice::plan {

namespace {

LogicalResult lowerUse(Walk &walk, llm::UseOp op) {
  auto weight = walk.model.lookup<llm::WeightOp>(op.getWeight());
  if (!weight)
    return op.emitError() << "no weight '" << op.getWeight() << "'";
  walk.set(op.getResult(), Weight{weight, walk.layerOf(op.getLayer()), false});
  return success();
}

// The rows become an output of the program.
LogicalResult lowerTap(Walk &walk, llm::TapOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  if (failed(x))
    return failure();
  if (!x->buffer.getDefiningOp<BufferOp>()) // one of the inputs
    return success();
  auto program = cast<ProgramOp>(walk.plan.b().getBlock()->getParentOp());
  std::string first = llm::tapName(op.getName(), 0);
  first.pop_back();
  int64_t time = llvm::count_if(
      program.getBody().getOps<OutputOp>(),
      [&](OutputOp output) { return output.getName().starts_with(first); });
  OutputOp::create(walk.plan.b(), op.getLoc(), llm::tapName(op.getName(), time),
                   x->buffer, x->count.kind, x->count.scale, x->width,
                   x->column);
  return success();
}

LogicalResult lowerEmbedding(Walk &walk, llm::EmbeddingOp op) {
  FailureOr<Rows> ids = walk.rows(op, op.getIds());
  FailureOr<Weight> table = walk.weight(op, op.getW());
  if (failed(ids) || failed(table))
    return failure();
  RankedTensorType type = table->op.getTensorType();
  int64_t all = op.getOf().value_or(type.getDimSize(0));
  if (failed(walk.noteLimit(op, *ids, all)))
    return failure();
  // One copy serves a tied head and the embedding.
  Layout layout = isPackedForProduct(table->op) ? Layout::Panel : Layout::Rows;
  Rows y = walk.result(op.getResult(), ids->count);
  walk.set(op.getResult(), y);
  Step step(
      "embedding",
      walk.config()
          .word("weight", format::infoOf(elemOf(type.getElementType())).name)
          .word("layout", stringifyLayout(layout))
          .flag("part", op.getFrom().has_value())
          .get());
  step.operands = {{"ids", ids->ref()},
                   {"w", walk.ref(*table, layout, false)},
                   {"y", y.ref()}};
  step.dims = {{"N", y.width}, {"V", type.getDimSize(0)}};
  if (op.getFrom())
    step.dims.push_back({"from", *op.getFrom()});
  step.rows = ids->count;
  return walk.emit(op, step);
}

// One row out of some: `kind` chooses, `config` says which.
LogicalResult lowerRowChoice(Walk &walk, Operation *op, Value x, Value result,
                             StringRef kind, DictionaryAttr config,
                             RowKind to) {
  FailureOr<Rows> from = walk.tokenRows(op, x);
  if (failed(from))
    return failure();
  Rows y = walk.result(result, RowCount{to, 1});
  walk.set(result, y);
  Step step(kind, config);
  step.operands = {{"x", from->ref()}, {"y", y.ref()}};
  step.dims = {{"N", y.width}};
  step.rows = y.count;
  return walk.emit(op, step);
}

LogicalResult lowerWantedRows(Walk &walk, llm::WantedRowsOp op) {
  return lowerRowChoice(walk, op, op.getX(), op.getResult(), "gather_rows",
                        walk.config().word("which", "wanted").get(),
                        RowKind::Wanted);
}

LogicalResult lowerPickRows(Walk &walk, llm::PickRowsOp op) {
  return lowerRowChoice(
      walk, op, op.getX(), op.getResult(), "gather_rows",
      walk.config().word("which", llm::stringifyWhich(op.getWhich())).get(),
      RowKind::Sequences);
}

LogicalResult lowerPoolRows(Walk &walk, llm::PoolRowsOp op) {
  return lowerRowChoice(
      walk, op, op.getX(), op.getResult(), "pool_rows",
      walk.config().word("by", llm::stringifyPool(op.getBy())).get(),
      RowKind::Sequences);
}

} // namespace

void addRowLowerings(OpTable &table) {
  table.add<llm::UseOp, lowerUse>();
  table.add<llm::TapOp, lowerTap>();
  table.add<llm::EmbeddingOp, lowerEmbedding>();
  table.add<llm::WantedRowsOp, lowerWantedRows>();
  table.add<llm::PickRowsOp, lowerPickRows>();
  table.add<llm::PoolRowsOp, lowerPoolRows>();
}

} // namespace sluice::plan
