// Types and checks of rotary positions, caches, attention and score biases.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"
#include "dialects/llm/Symbols.h"

using namespace mlir;
using namespace sluice::llm;

#define GET_OP_CLASSES
#include "dialects/llm/LLMAttentionOps.cpp.inc"

using Where = std::optional<Location>;
using Types = SmallVectorImpl<Type>;

// Entries of a table that is made while compiling.
static constexpr int64_t maxTable = 1 << 16;

LogicalResult RopeFreqsOp::inferReturnTypes(MLIRContext *context, Where where,
                                            Adaptor op, Types &types) {
  if (op.getDims() <= 0 || op.getDims() % 2 || op.getDims() > maxTable)
    return emitOptionalError(where, "expected an even number of dims, at most ",
                             maxTable, ", found ", op.getDims());
  types.push_back(
      RankedTensorType::get({op.getDims() / 2}, Float32Type::get(context)));
  return success();
}

LogicalResult FreqsNtkOp::inferReturnTypes(MLIRContext *context, Where where,
                                           Adaptor op, Types &types) {
  auto x = tensorOf(where, op.getX(), "x", 2);
  if (failed(x))
    return failure();
  if (x->getDimSize(1) != 1)
    return emitOptionalError(where, "expected one number for each row, found ",
                             *x);
  if (op.getDims() < 4 || op.getDims() % 2 || op.getDims() > maxTable)
    return emitOptionalError(where,
                             "expected an even number of dims from 4 to ",
                             maxTable, ", found ", op.getDims());
  types.push_back(rowsOf(context, {op.getDims() / 2}));
  return success();
}

// Of a vector or of rows of them.
static int64_t pairsOf(Value freqs) {
  return cast<RankedTensorType>(freqs.getType()).getShape().back();
}

LogicalResult RopeTableOp::inferReturnTypes(MLIRContext *context, Where,
                                            Adaptor op, Types &types) {
  auto freqs = dyn_cast<RankedTensorType>(op.getFreqs().getType());
  if (!freqs || freqs.getRank() < 1)
    return failure();
  types.push_back(rowsOf(context, {2, freqs.getShape().back()}));
  return success();
}

// Channels [from, from + 2 * pairs) must lie in a head.
static LogicalResult checkRotation(Operation *op, RankedTensorType x,
                                   int64_t from, int64_t pairs) {
  int64_t width = x.getDimSize(2);
  if (from >= 0 && from + 2 * pairs <= width)
    return success();
  return op->emitOpError("rotates ")
         << 2 * pairs << " channels from " << from << ", but a head of " << x
         << " has " << width;
}

LogicalResult RopeOp::verify() {
  return checkRotation(*this, getX().getType(), getFrom(), pairsOf(getFreqs()));
}

LogicalResult RotateOp::verify() {
  RankedTensorType table = getTable().getType();
  if (table.getDimSize(1) != 2)
    return emitOpError("expected a table of shape [?, 2, pairs], found ")
           << table;
  return checkRotation(*this, getX().getType(), getFrom(), table.getDimSize(2));
}

LogicalResult AppendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto state = lookupState(*this, StateKind::cache, symbols);
  if (failed(state))
    return failure();
  SmallVector<FieldAttr> fields = state->getFieldList();
  if (fields.size() != getFields().size())
    return emitOpError("expected ")
           << fields.size() << " values, one per field of '@" << getState()
           << "', found " << getFields().size();
  for (auto [field, value] : llvm::zip(fields, getFields())) {
    Type expected = rowsOf(getContext(), field.getShape());
    if (value.getType() != expected)
      return emitOpError("expected ")
             << expected << " for field '" << field.getName() << "', found "
             << value.getType();
  }
  return success();
}

LogicalResult CachedOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return lookupState(*this, StateKind::cache, symbols);
}

// The shape of the values that a cache's handle gives: as they are appended, or
// as the state has them; empty if neither is known here.
static ArrayRef<int64_t> valuesOf(Value cache) {
  if (auto append = cache.getDefiningOp<AppendOp>();
      append && append.getFields().size() == 2)
    return rowShape(cast<RankedTensorType>(append.getFields()[1].getType()));
  auto handle = cache.getDefiningOp<CachedOp>();
  auto state = handle ? SymbolTable::lookupNearestSymbolFrom<StateOp>(
                            handle, handle.getStateAttr())
                      : StateOp();
  if (state)
    for (FieldAttr field : state.getFieldList())
      if (field.getName() == "v")
        return field.getShape();
  return {};
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *context, Where where,
                                            Adaptor op, Types &types) {
  auto q = tensorOf(where, op.getQ(), "q", 3);
  if (failed(q))
    return failure();
  int64_t width = q->getDimSize(2);
  if (op.getValues()) {
    width = *op.getValues();
    if (width < 1 || width > q->getDimSize(2))
      return emitOptionalError(where, "expected 1 to ", q->getDimSize(2),
                               " channels of the keys as values, found ",
                               width);
  } else if (op.getV()) {
    auto v = tensorOf(where, op.getV(), "v", 3);
    if (failed(v))
      return failure();
    width = v->getDimSize(2);
  } else if (op.getKv()) {
    ArrayRef<int64_t> values = valuesOf(op.getKv());
    width = values.empty() ? width : values.back();
  }
  types.push_back(rowsOf(context, {q->getDimSize(1), width}));
  return success();
}

// Keys and values as rows, whether given or appended to the cache; no values
// where they are channels of the keys.
static std::pair<Value, Value> keysAndValues(AttentionOp op) {
  if (op.getK())
    return {op.getK(), op.getV()};
  auto append = op.getKv().getDefiningOp<AppendOp>();
  if (!append || append.getFields().empty() || append.getFields().size() > 2)
    return {};
  ValueRange fields = append.getFields();
  return {fields[0], fields.size() == 2 ? fields[1] : Value()};
}

LogicalResult AttentionOp::verify() {
  if (static_cast<bool>(getKv()) == static_cast<bool>(getK()) ||
      (getV() && !getK()))
    return emitOpError("expected either a cache ('in') or keys and values "
                       "('over')");
  int64_t heads = getQ().getType().getDimSize(1);
  if (failed(checkMask(*this, getMask(), getMaskValues(), bool(getKv()))) ||
      failed(checkCap(*this, getCap())) ||
      failed(checkShape(*this, "sinks", getSinks(), {heads})) ||
      failed(checkBias(*this, getBias(), heads)))
    return failure();
  auto [k, v] = keysAndValues(*this);
  if (!k)
    return success();
  if (static_cast<bool>(v) == getValues().has_value())
    return emitOpError(v ? "has values besides the channels of the keys that "
                           "are to be the values"
                         : "has keys alone, so 'values' must say how many of "
                           "their channels are the values");
  auto keys = cast<RankedTensorType>(k.getType());
  auto values = v ? cast<RankedTensorType>(v.getType()) : keys;
  if (keys.getRank() != 3 || values.getRank() != 3)
    return emitOpError(
               "expected keys and values of shape [?, heads, width], found ")
           << keys << " and " << values;
  if (heads % keys.getDimSize(1) || keys.getDimSize(1) != values.getDimSize(1))
    return emitOpError("expected the ")
           << heads << " query heads to be a multiple of the key heads, and as "
           << "many value heads, found " << keys << " and " << values;
  if (keys.getDimSize(2) != getQ().getType().getDimSize(2))
    return emitOpError("expected keys as wide as queries (")
           << getQ().getType().getDimSize(2) << "), found " << keys;
  if (v && values.getDimSize(2) != getType().getDimSize(2))
    return emitOpError("expected values as wide as the result (")
           << getType().getDimSize(2) << "), found " << values;
  return success();
}

LogicalResult AlibiOp::inferReturnTypes(MLIRContext *context, Where where,
                                        Adaptor op, Types &types) {
  if (op.getHeads() <= 0 || op.getHeads() > maxTable)
    return emitOptionalError(where, "expected 1 to ", maxTable,
                             " heads, found ", op.getHeads());
  if (op.getSlopes() && op.getMaximum())
    return emitOptionalError(where, "takes slopes or their maximum, not both");
  if (op.getSlopes() &&
      static_cast<int64_t>(op.getSlopes()->size()) != op.getHeads())
    return emitOptionalError(where, "expected ", op.getHeads(),
                             " slopes, one per head, found ",
                             op.getSlopes()->size());
  types.push_back(BiasType::get(context, op.getHeads()));
  return success();
}

LogicalResult DistanceBiasOp::inferReturnTypes(MLIRContext *context,
                                               Where where, Adaptor op,
                                               Types &types) {
  auto x = tensorOf(where, op.getX(), "x", 3);
  if (failed(x))
    return failure();
  types.push_back(BiasType::get(context, x->getDimSize(1)));
  return success();
}

LogicalResult BucketBiasOp::inferReturnTypes(MLIRContext *context, Where where,
                                             Adaptor op, Types &types) {
  auto w = tensorOf(where, op.getW(), "w", 2);
  if (failed(w))
    return failure();
  int64_t least = op.getBothWays() ? 4 : 2;
  if (w->getDimSize(0) < least)
    return emitOptionalError(where, "expected at least ", least,
                             " buckets, found ", w->getDimSize(0));
  if (w->getDimSize(1) <= 0)
    return emitOptionalError(where, "expected w of [buckets, heads], found ",
                             *w);
  types.push_back(BiasType::get(context, w->getDimSize(1)));
  return success();
}

LogicalResult BucketBiasOp::verify() {
  int64_t buckets = getW().getType().getDimSize(0) / (getBothWays() ? 2 : 1);
  int64_t exact = buckets / 2; // distances with a bucket of their own
  if (getMaxDistance() > exact && getMaxDistance() <= maxTable)
    return success();
  return emitOpError("expected a max_distance above ")
         << exact << ", up to which distances have a bucket each, and at most "
         << maxTable << ", found " << getMaxDistance();
}
