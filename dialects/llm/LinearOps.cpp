// Embedding, products, norms, and the ops that change the number of rows.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

#include <limits>

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMLinearOps.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMRowsOps.cpp.inc"

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> where,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  auto table = tensorOf(where, op.getW(), "w", 2);
  if (failed(table))
    return failure();
  if (op.getFrom().has_value() != op.getOf().has_value())
    return emitOptionalError(where, "'from' goes with 'of'");
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  int64_t rows = table->getDimSize(0), all = op.getOf().value_or(rows);
  int64_t from = op.getFrom().value_or(0);
  if (from < 0 || all > most || from > all - rows)
    return emitOptionalError(where, "expected a part of a table: rows ", from,
                             " to ", from + rows - 1, " of ", all);
  types.push_back(rowsOf(context, {table->getDimSize(1)}));
  return success();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> where,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  FailureOr<int64_t> width =
      checkLinear(where, op.getX(), op.getW(), op.getBias());
  if (failed(width))
    return failure();
  types.push_back(rowsOf(context, {*width}));
  return success();
}

LogicalResult HeadLinearOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location> where,
                                             Adaptor op,
                                             SmallVectorImpl<Type> &types) {
  auto rows = tensorOf(where, op.getX(), "x", 3);
  auto matrices = tensorOf(where, op.getW(), "w", 3);
  if (failed(rows) || failed(matrices))
    return failure();
  int64_t heads = rows->getDimSize(1), width = matrices->getDimSize(1);
  if (matrices->getDimSize(0) != heads ||
      matrices->getDimSize(2) != rows->getDimSize(2))
    return emitOptionalError(where, "expected w of shape [", heads, ", N, ",
                             rows->getDimSize(2), "] for x ", *rows, ", found ",
                             *matrices);
  if (Value bias = op.getBias()) {
    auto vectors = tensorOf(where, bias, "bias", 2);
    if (failed(vectors))
      return failure();
    if (vectors->getShape() != ArrayRef<int64_t>({heads, width}))
      return emitOptionalError(where, "expected a bias of shape [", heads, ", ",
                               width, "] for w ", *matrices, ", found ",
                               *vectors);
  }
  types.push_back(rowsOf(context, {heads, width}));
  return success();
}

LogicalResult RmsNormOp::verify() {
  return checkNormWeight(*this, "w", getX().getType(), getW());
}

LogicalResult LayerNormOp::verify() {
  if (failed(checkNormWeight(*this, "w", getX().getType(), getW())))
    return failure();
  if (!getW() || !getBias())
    return checkNormWeight(*this, "bias", getX().getType(), getBias());
  return checkShape(*this, "bias", getBias(),
                    cast<RankedTensorType>(getW().getType()).getShape());
}
