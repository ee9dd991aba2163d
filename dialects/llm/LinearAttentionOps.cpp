// Types and checks of linear attention.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMLinearAttentionOps.cpp.inc"

// A factor for each head, or for each key of each head; may be null.
static LogicalResult checkFactor(LinearAttentionOp op, StringRef name,
                                 Value value, bool mayHaveRows) {
  if (!value)
    return success();
  auto type = cast<RankedTensorType>(value.getType());
  ArrayRef<int64_t> shape = type.getShape();
  if (mayHaveRows && hasRows(type))
    shape = shape.drop_front();
  ArrayRef<int64_t> keys = op.getQ().getType().getShape().drop_front();
  if (shape == keys || shape == ArrayRef<int64_t>{keys[0], 1})
    return success();
  return op.emitOpError("expected '")
         << name << "' of shape [" << keys << "] or [" << keys[0] << ", 1]"
         << (mayHaveRows ? ", with rows or without" : ", without rows")
         << ", found " << type;
}

LogicalResult LinearAttentionOp::verify() {
  if (!getRead() != !getWrite())
    return emitOpError("'read' and 'write' come together");
  ArrayRef<int64_t> keys = getQ().getType().getShape();
  if (getV().getType().getDimSize(1) != keys[1])
    return emitOpError("expected as many heads of values as of keys, found ")
           << getV().getType() << " and " << getQ().getType();
  for (auto [name, value] :
       {std::pair("read", getRead()), std::pair("write", getWrite())})
    if (failed(checkShape(*this, name, value, keys)))
      return failure();
  return failure(
      failed(checkFactor(*this, "decay", getDecay(), /*mayHaveRows=*/true)) ||
      failed(checkFactor(*this, "bonus", getBonus(), /*mayHaveRows=*/false)));
}

LogicalResult
LinearAttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookupState(*this, StateKind::fixed, symbols);
  if (failed(state))
    return failure();
  ArrayRef<int64_t> q = getQ().getType().getShape();
  int64_t shape[] = {q[1], q[2], getV().getType().getDimSize(2)};
  return checkStateShape(*this, *state, shape, "heads, keys and values");
}

LogicalResult DecayingMeanOp::verify() {
  int64_t channels = getV().getType().getDimSize(1);
  if (failed(checkShape(*this, "decay", getDecay(), {channels})))
    return failure();
  return checkShape(*this, "bonus", getBonus(), {channels});
}

// Before the first token nothing may weigh anything, however small its key.
LogicalResult DecayingMeanOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookupState(*this, StateKind::fixed, symbols);
  if (failed(state))
    return failure();
  int64_t shape[] = {3, getV().getType().getDimSize(1)};
  if (failed(checkStateShape(*this, *state, shape,
                             "two sums and an exponent for each channel")))
    return failure();
  constexpr float below = -1e9f;
  if (state->getInitWeight() ||
      (state->getInitNumber() <= below && state->getInitNumber() >= -1e38f))
    return success();
  InFlightDiagnostic diagnostic =
      emitOpError("expected '@")
      << getState()
      << "' to begin at a number far below every key, as -1.0e+30";
  diagnostic.attachNote(state->getLoc()) << "the state is declared here";
  return diagnostic;
}
