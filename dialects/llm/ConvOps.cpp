// Types and checks of convolutions.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMConvOps.cpp.inc"

LogicalResult CausalConvOp::verify() {
  int64_t channels = getX().getType().getDimSize(1);
  int64_t width = getW().getType().getDimSize(1);
  if (width < 2)
    return emitOpError("expected a kernel of at least 2 rows, found w ")
           << getW().getType();
  if (getFn() == Act::swish)
    return emitOpError("'swish' needs 'beta', which a convolution has not");
  if (failed(checkShape(*this, "w", getW(), {channels, width})))
    return failure();
  return checkShape(*this, "bias", getBias(), {channels});
}

LogicalResult CausalConvOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookupState(*this, StateKind::fixed, symbols);
  if (failed(state))
    return failure();
  int64_t rows[] = {getW().getType().getDimSize(1) - 1,
                    getW().getType().getDimSize(0)};
  return checkStateShape(*this, *state, rows, "the rows in front of a step");
}
