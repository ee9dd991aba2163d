// Types and checks of routers and experts.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMRoutingOps.cpp.inc"

// Elements of a row of `chosen`.
static constexpr int64_t maxChoice = 1 << 16;

using Where = std::optional<Location>;
using Types = SmallVectorImpl<Type>;

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context, Where where,
                                       Adaptor op, Types &types) {
  auto scores = tensorOf(where, op.getScores(), "scores");
  if (failed(scores))
    return failure();
  SmallVector<int64_t> shape(scores->getShape());
  if (shape.size() < 2)
    return emitOptionalError(
        where, "expected scores to have an axis to choose from, found ",
        *scores);
  if (op.getK() <= 0 || op.getK() > shape.back())
    return emitOptionalError(where, "expected k between 1 and ", shape.back(),
                             ", found ", op.getK());
  shape.back() = op.getK();
  types.push_back(RankedTensorType::get(shape, IntegerType::get(context, 32)));
  return success();
}

LogicalResult ChosenOp::inferReturnTypes(MLIRContext *context, Where where,
                                         Adaptor op, Types &types) {
  if (op.getOf() <= 0 || op.getOf() > maxChoice)
    return emitOptionalError(where, "expected a row of 1 to ", maxChoice,
                             " elements, found ", op.getOf());
  types.push_back(rowsOf(context, {op.getOf()}));
  return success();
}

LogicalResult PickOp::inferReturnTypes(MLIRContext *context, Where where,
                                       Adaptor op, Types &types) {
  auto at = tensorOf(where, op.getAt(), "at");
  if (failed(at))
    return failure();
  types.push_back(rowsOf(context, at->getShape().drop_front()));
  return success();
}

LogicalResult PickOp::verify() {
  ArrayRef<int64_t> x = getX().getType().getShape(),
                    at = getAt().getType().getShape();
  if (x.drop_back() == at.drop_back())
    return success();
  return emitOpError("expected x and at to agree except in the last axis, "
                     "found ")
         << getX().getType() << " and " << getAt().getType();
}

LogicalResult ExpertsOp::inferReturnTypes(MLIRContext *, Where where,
                                          Adaptor op, Types &types) {
  Region &body = op.getBody();
  if (body.empty() || body.front().empty() ||
      !isa<YieldOp>(body.front().back()))
    return emitOptionalError(where, "expected a region that ends in llm.yield");
  types.push_back(cast<YieldOp>(body.front().back()).getValue().getType());
  return success();
}

LogicalResult ExpertsOp::verifyRegions() {
  Block *block = &getBody().front();
  if (block->getNumArguments() != 1 + getWeights().size())
    return emitOpError("expected ")
           << 1 + getWeights().size()
           << " region arguments (rows, then one per weight), found "
           << block->getNumArguments();
  if (block->getArgument(0).getType() != getX().getType())
    return emitOpError("expected the region's rows to be ")
           << getX().getType() << ", found " << block->getArgument(0).getType();
  int64_t experts = -1;
  for (auto [weight, argument] :
       llvm::zip(getWeights(), block->getArguments().drop_front())) {
    auto type = cast<RankedTensorType>(weight.getType());
    if (type.getRank() < 2)
      return emitOpError("expected weights with a leading expert axis, found ")
             << type;
    experts = experts < 0 ? type.getDimSize(0) : experts;
    if (type.getDimSize(0) != experts)
      return emitOpError("expected ")
             << experts << " experts in every weight, found " << type;
    auto slice = RankedTensorType::get(type.getShape().drop_front(),
                                       type.getElementType());
    if (argument.getType() != slice)
      return emitOpError("expected region argument ")
             << argument.getArgNumber() << " to be " << slice << ", found "
             << argument.getType();
  }
  ArrayRef<int64_t> choice = getAt().getType().getShape();
  if (failed(checkShape(*this, "in_scale", getInScale(), choice)))
    return failure();
  return checkShape(*this, "out_scale", getOutScale(), choice);
}
