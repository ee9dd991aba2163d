// Types, checks and formulas of elementwise ops, and the types of reductions
// and changes of shape.
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace sluice::llm;

using Where = std::optional<Location>;
using Types = SmallVectorImpl<Type>;

// What the formulas of several kinds are made of.
using sluice::expr::Expr;

static Expr binary(BinaryKind kind, Expr x, Expr y) {
  switch (kind) {
  case BinaryKind::add:
    return x + y;
  case BinaryKind::sub:
    return x - y;
  case BinaryKind::mul:
    return x * y;
  case BinaryKind::div:
    return x / y;
  case BinaryKind::min:
    return min(x, y);
  case BinaryKind::max:
    return max(x, y);
  }
  llvm_unreachable("covered");
}

static Expr clamp(Expr x, std::optional<float> low, std::optional<float> high) {
  if (high)
    x = min(x, x.like(*high));
  return low ? max(x, x.like(*low)) : x;
}

static Expr round(Expr x, RoundTo to) {
  ImplicitLocOpBuilder &b = x.b();
  Type narrow = to == RoundTo::f16 ? Type(b.getF16Type()) : b.getBF16Type();
  Value rounded = arith::TruncFOp::create(b, narrow, static_cast<Value>(x));
  return {b, arith::ExtFOp::create(b, b.getF32Type(), rounded)};
}

static Expr inlined(ImplicitLocOpBuilder &builder, Block &body,
                    ArrayRef<Expr> arguments) {
  IRMapping mapping;
  for (auto [from, to] : llvm::zip_equal(body.getArguments(), arguments))
    mapping.map(from, static_cast<Value>(to));
  for (Operation &inner : body.without_terminator())
    builder.clone(inner, mapping);
  return {builder,
          mapping.lookup(cast<YieldOp>(body.getTerminator()).getValue())};
}

static LogicalResult inferBroadcast(Where where, ValueRange operands,
                                    Types &types) {
  FailureOr<RankedTensorType> type = broadcast(where, operands);
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

#define GET_OP_CLASSES
#include "dialects/llm/LLMElementwiseOps.cpp.inc"

// The operand's type with another last axis.
static Type withLast(RankedTensorType type, int64_t size) {
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = size;
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult MapOp::inferReturnTypes(MLIRContext *, Where where, Adaptor op,
                                      Types &types) {
  return inferBroadcast(where, op.getInputs(), types);
}

LogicalResult ActOp::verify() {
  bool swish = getFn() == Act::swish;
  if (swish == getBeta().has_value())
    return success();
  return emitOpError(swish ? "'swish' needs 'beta'"
                           : "'beta' is for 'swish', found function '")
         << (swish ? StringRef() : stringifyAct(getFn())) << (swish ? "" : "'");
}

LogicalResult ClampOp::verify() {
  if (!getLow() && !getHigh())
    return emitOpError("needs 'low', 'high' or both");
  if (getLow() && getHigh() && *getLow() > *getHigh())
    return emitOpError("expected low <= high, found ")
           << *getLow() << " > " << *getHigh();
  return success();
}

LogicalResult SoftcapOp::verify() {
  if (getLimit() > 0)
    return success();
  return emitOpError("expected a positive limit, found ") << getLimit();
}

LogicalResult SumOp::inferReturnTypes(MLIRContext *, Where where, Adaptor op,
                                      Types &types) {
  auto x = tensorOf(where, op.getX(), "x");
  if (failed(x))
    return failure();
  if (x->getRank() < 2)
    return emitOptionalError(
        where, "expected x to have a last axis to sum, found ", *x);
  types.push_back(withLast(*x, 1));
  return success();
}

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *context, Where where,
                                          Adaptor op, Types &types) {
  auto x = tensorOf(where, op.getX(), "x");
  if (failed(x))
    return failure();
  int64_t to = 1;
  bool wrong = false;
  for (int64_t size : op.getTo())
    wrong |= size <= 0 || llvm::MulOverflow(to, size, to);
  if (wrong || to != rowElements(*x))
    return emitOptionalError(where, "expected a shape of ", rowElements(*x),
                             " elements per row, found [", op.getTo(), "]");
  types.push_back(rowsOf(context, op.getTo()));
  return success();
}

// reshape(x) of x's own shape is x; reshape(reshape(x)) is one reshape.
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  auto inner = getX().getDefiningOp<ReshapeOp>();
  if (!inner)
    return {};
  if (inner.getX().getType() == getType())
    return inner.getX();
  getXMutable().assign(inner.getX());
  return getResult();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, Where where, Adaptor op,
                                        Types &types) {
  auto x = tensorOf(where, op.getX(), "x");
  if (failed(x))
    return failure();
  if (rowShape(*x).empty())
    return emitOptionalError(where, "expected x to have an axis to cut, found ",
                             *x);
  int64_t width = rowShape(*x).back();
  int64_t from = op.getFrom(), size = op.getSize();
  if (from < 0 || size <= 0 || from > width || size > width - from)
    return emitOptionalError(where, "slice of ", size, " elements from ", from,
                             " leaves the last axis of ", width);
  types.push_back(withLast(*x, size));
  return success();
}

LogicalResult SplitOp::inferReturnTypes(MLIRContext *, Where where, Adaptor op,
                                        Types &types) {
  auto x = tensorOf(where, op.getX(), "x");
  if (failed(x))
    return failure();
  if (rowShape(*x).empty())
    return emitOptionalError(where, "expected x to have an axis to cut, found ",
                             *x);
  ArrayRef<int64_t> sizes = op.getSizes();
  int64_t width = rowShape(*x).back();
  bool fits = llvm::all_of(
      sizes, [&](int64_t size) { return size > 0 && size <= width; });
  if (!fits || std::accumulate(sizes.begin(), sizes.end(), int64_t(0)) != width)
    return emitOptionalError(where, "expected positive sizes that add up to ",
                             width, ", found [", sizes, "]");
  for (int64_t size : sizes)
    types.push_back(withLast(*x, size));
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, Where where, Adaptor op,
                                         Types &types) {
  if (op.getParts().empty())
    return emitOptionalError(where, "expected at least one part");
  int64_t width = 0;
  RankedTensorType first;
  for (Value part : op.getParts()) {
    auto type = tensorOf(where, part, "part");
    if (failed(type))
      return failure();
    first = first ? first : *type;
    if (type->getRank() < 2 || type->getRank() != first.getRank() ||
        type->getShape().drop_back() != first.getShape().drop_back())
      return emitOptionalError(
          where, "parts must agree except in the last axis: ", first, " and ",
          *type);
    width += type->getShape().back();
  }
  types.push_back(withLast(first, width));
  return success();
}

LogicalResult RepeatHeadsOp::inferReturnTypes(MLIRContext *context, Where where,
                                              Adaptor op, Types &types) {
  auto x = tensorOf(where, op.getX(), "x", 3);
  if (failed(x))
    return failure();
  constexpr int64_t most = 4096;
  if (op.getTimes() <= 0 || op.getTimes() > most)
    return emitOptionalError(where, "expected times from 1 to ", most,
                             ", found ", op.getTimes());
  types.push_back(
      rowsOf(context, {x->getDimSize(1) * op.getTimes(), x->getDimSize(2)}));
  return success();
}

LogicalResult MapOp::verifyRegions() {
  Block *block = &getBody().front();
  if (block->getNumArguments() != getInputs().size())
    return emitOpError("expected one region argument per operand (")
           << getInputs().size() << "), found " << block->getNumArguments();
  for (BlockArgument argument : block->getArguments())
    if (!argument.getType().isF32())
      return emitOpError("expected region argument ")
             << argument.getArgNumber() << " to be f32, found "
             << argument.getType();
  for (Operation &op : block->without_terminator())
    if (!isa<arith::ArithDialect, math::MathDialect>(op.getDialect()))
      return op.emitOpError("may not stand in llm.map, which takes arith and "
                            "math ops");
  auto yield = dyn_cast<YieldOp>(block->getTerminator());
  if (!yield || !yield.getValue().getType().isF32())
    return emitOpError("expected the region to yield an f32");
  return success();
}
