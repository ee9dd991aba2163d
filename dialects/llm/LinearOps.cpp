// Embedding, products, norms, and the ops that change the number of rows.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

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
