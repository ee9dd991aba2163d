// Types and checks of recurrent networks.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMRecurrenceOps.cpp.inc"

int64_t RecurrenceOp::gatesOf(Cell cell) {
  return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1;
}

LogicalResult RecurrenceOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location> where,
                                             Adaptor op,
                                             SmallVectorImpl<Type> &types) {
  auto x = tensorOf(where, op.getX(), "x", 2);
  auto w = tensorOf(where, op.getW(), "w", 2);
  if (failed(x) || failed(w))
    return failure();
  int64_t gates = gatesOf(op.getCell()), channels = w->getDimSize(1);
  if (w->getDimSize(0) != gates * channels)
    return emitOptionalError(where, "expected w of shape [", gates,
                             "*N, N] for the cell ",
                             stringifyCell(op.getCell()), ", found ", *w);
  if (x->getDimSize(1) != gates * channels)
    return emitOptionalError(where, "expected x with ", gates * channels,
                             " elements in a row for w ", *w, ", found ", *x);
  types.push_back(rowsOf(context, {channels}));
  return success();
}

LogicalResult RecurrenceOp::verify() {
  return checkShape(*this, "bias", getBias(), {getW().getType().getDimSize(0)});
}

LogicalResult RecurrenceOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookupState(*this, StateKind::fixed, symbols);
  if (failed(state))
    return failure();
  return checkStateShape(*this, *state, {kept(), channels()},
                         kept() > 1 ? "h and c of a row" : "h of a row");
}
