// Checks of rows moved along their sequence.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMShiftOps.cpp.inc"

LogicalResult ShiftOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookupState(*this, StateKind::fixed, symbols);
  if (failed(state))
    return failure();
  return checkStateShape(
      *this, *state, getX().getType().getShape().drop_front(), "that of a row");
}
