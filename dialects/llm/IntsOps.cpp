// Arithmetic on the ints of rows.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMIntsOps.cpp.inc"

LogicalResult NumberOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> where,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  auto x = tensorOf(where, op.getX(), "x");
  if (failed(x))
    return failure();
  SmallVector<int64_t> shape(rowShape(*x));
  types.push_back(
      rowsOf(context, shape.empty() ? ArrayRef<int64_t>(1) : shape));
  return success();
}

LogicalResult OffsetOp::verify() {
  constexpr int64_t most = 1 << 24;
  int64_t by = getBy();
  if (by >= 0 && by <= most)
    return success();
  return emitOpError("expected 'by' from 0 to ") << most << ", found " << by;
}

LogicalResult EqualsOp::verify() {
  if (llvm::isUInt<31>(static_cast<uint64_t>(getValue())))
    return success();
  return emitOpError("expected 'value' from 0 to 2147483647, found ")
         << getValue();
}

LogicalResult PositiveOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location> where,
                                           Adaptor op,
                                           SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get({ShapedType::kDynamic},
                                        IntegerType::get(context, 32)));
  return success();
}

LogicalResult PositiveOp::verify() {
  if (getX().getType().getDimSize(1) == 1)
    return success();
  return emitOpError("expected one number per row, found ") << getX().getType();
}

LogicalResult StartAfterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookupState(*this, StateKind::fixed, symbols);
  if (failed(state))
    return failure();
  auto begins = [&]() {
    return emitOpError("expected '@")
           << getState() << "' to begin with 0, found ";
  };
  if (FlatSymbolRefAttr weight = state->getInitWeight())
    return begins() << weight;
  if (!llvm::APFloat(state->getInitNumber()).isPosZero())
    return begins() << state->getInitNumber();
  return checkStateShape(*this, *state, {2}, "two ints");
}
