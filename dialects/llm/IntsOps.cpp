#include "dialects/llm/LLMOps.h"

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
