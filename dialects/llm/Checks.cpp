#include "dialects/llm/Checks.h"

#include "dialects/llm/Symbols.h"

#include "mlir/IR/Diagnostics.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;

namespace sluice::llm {

FailureOr<int64_t> checkLinear(std::optional<Location> where, Value x, Value w,
                               Value bias) {
  auto rows = tensorOf(where, x, "x", 2);
  auto matrix = tensorOf(where, w, "w", 2);
  if (failed(rows) || failed(matrix))
    return failure();
  int64_t width = matrix->getDimSize(0);
  if (rows->getDimSize(1) != matrix->getDimSize(1))
    return emitOptionalError(where, "expected w of shape [N, ",
                             rows->getDimSize(1), "] for x ", *rows, ", found ",
                             *matrix);
  if (!bias)
    return width;
  auto vector = tensorOf(where, bias, "bias", 1);
  if (failed(vector))
    return failure();
  if (vector->getDimSize(0) != width)
    return emitOptionalError(where, "expected a bias of ", width,
                             " elements for w ", *matrix, ", found ", *vector);
  return width;
}

LogicalResult checkNormWeight(Operation *op, StringRef name, RankedTensorType x,
                              Value weight) {
  if (!weight)
    return success();
  ArrayRef<int64_t> row = x.getShape().drop_front();
  ArrayRef<int64_t> have = cast<RankedTensorType>(weight.getType()).getShape();
  if (!have.empty() && have.size() <= row.size() && have.size() <= 2 &&
      have == row.take_back(have.size()))
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected '")
                                  << name << "' of shape [";
  if (!row.empty())
    diagnostic << row.take_back(1);
  diagnostic << "]";
  if (row.size() > 1)
    diagnostic << " or [" << row.take_back(2) << "]";
  return diagnostic << " for x " << x << ", found " << weight.getType();
}

LogicalResult checkBias(Operation *op, Value bias, int64_t heads) {
  if (!bias || cast<BiasType>(bias.getType()).getHeads() == heads)
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expected a bias of ")
      << heads << " heads, as many as the queries have, found one of "
      << cast<BiasType>(bias.getType()).getHeads();
  if (Operation *from = bias.getDefiningOp())
    diagnostic.attachNote(from->getLoc()) << "the bias is made here";
  return diagnostic;
}

LogicalResult checkCap(Operation *op, std::optional<float> cap) {
  if (!cap || *cap > 0)
    return success();
  return op->emitOpError("expected a positive cap, found ") << *cap;
}

LogicalResult checkMask(Operation *op, ArrayAttr mask, ValueRange values,
                        bool cache) {
  if (mask.empty())
    return op->emitOpError("expected a mask; #llm.mask<all> lets every key of "
                           "the sequence be seen");
  llvm::SmallBitVector named(values.size());
  LogicalResult result = success();
  auto visit = [&](MaskAttr term) {
    if (failed(result) || !term.hasValue())
      return;
    if (term.readsKeys() && cache)
      result = op->emitOpError("mask '")
               << stringifyMaskKind(term.getKind())
               << "' tells keys by what their rows hold, which a cache does "
                  "not keep";
    else if (term.getSize() >= static_cast<int64_t>(values.size()))
      result = op->emitOpError("mask '")
               << stringifyMaskKind(term.getKind()) << "' names value "
               << term.getSize() << " of " << values.size();
    else
      named.set(static_cast<unsigned>(term.getSize()));
  };
  for (auto term : mask.getAsRange<MaskAttr>())
    term.walk(visit);
  if (succeeded(result) && !named.all())
    return op->emitOpError("has a value of its mask that no term names");
  return result;
}

FailureOr<StateOp> lookupState(StateInterface op, StateKind kind,
                               SymbolTableCollection &symbols) {
  FailureOr<StateOp> state = lookup<StateOp>(op, op.getStateAttr(), symbols);
  if (failed(state) ||
      failed(checkLayer(op, *state, state->getLayers().has_value(),
                        static_cast<bool>(op.getLayer()))))
    return failure();
  if (state->getKind() == kind)
    return state;
  return op->emitOpError("expected '@")
         << op.getStateAttr().getValue() << "' to be a "
         << stringifyStateKind(kind)
         << (kind == StateKind::fixed ? " state" : "") << ", found a "
         << stringifyStateKind(state->getKind())
         << (state->getKind() == StateKind::fixed ? " state" : "");
}

LogicalResult checkStateShape(StateInterface op, StateOp state,
                              ArrayRef<int64_t> shape, StringRef why) {
  ArrayRef<int64_t> found = state.getFieldList().front().getShape();
  if (found == shape)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected '@")
                                  << op.getStateAttr().getValue()
                                  << "' to be of shape [" << shape << "], "
                                  << why << ", found [" << found << "]";
  diagnostic.attachNote(state.getLoc()) << "the state is declared here";
  return diagnostic;
}

LogicalResult checkShape(Operation *op, StringRef name, Value value,
                         ArrayRef<int64_t> shape) {
  if (!value)
    return success();
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected '")
                                  << name << "' of shape [";
  llvm::interleaveComma(shape, diagnostic, [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      diagnostic << "?";
    else
      diagnostic << size;
  });
  return diagnostic << "], found " << type;
}

} // namespace sluice::llm
