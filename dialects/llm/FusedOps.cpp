// Types and checks of the fused ops.
#include "dialects/llm/Checks.h"
#include "dialects/llm/LLMOps.h"
#include "dialects/llm/Symbols.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace sluice::llm;

static OptionalParseResult parseEpilogue(OpAsmParser &parser,
                                         EpilogueAttr &attr) {
  Epilogue epilogue;
  if (parseEpilogueWords(parser, epilogue))
    return ParseResult::failure();
  if (!epilogue)
    return std::nullopt;
  attr = EpilogueAttr::get(parser.getContext(), epilogue);
  return ParseResult::success();
}

static void printEpilogue(OpAsmPrinter &printer, Operation *,
                          EpilogueAttr attr) {
  printEpilogueWords(printer, attr.getValue());
}

#define GET_OP_CLASSES
#include "dialects/llm/LLMFusedOps.cpp.inc"

using Where = std::optional<Location>;
using Types = SmallVectorImpl<Type>;

// The norm in front of a product: its parameters come with the norm.
static LogicalResult checkNorm(Operation *op, std::optional<NormAttr> norm,
                               RankedTensorType x, Value weight, Value bias) {
  if (!norm && (weight || bias))
    return op->emitOpError("has the parameters of a norm but no norm");
  if (norm && norm->getKind() == NormKind::rms && bias)
    return op->emitOpError("expected a bias only with a layer norm, found it "
                           "with an rms norm");
  if (failed(checkNormWeight(op, "norm_weight", x, weight)))
    return failure();
  return checkNormWeight(op, "norm_bias", x, bias);
}

static LogicalResult checkEpilogue(Operation *op, const Epilogue &epilogue) {
  if ((epilogue.act == Act::swish) != bool(epilogue.beta))
    return op->emitOpError(epilogue.beta ? "'beta' is for 'swish' only"
                                         : "'swish' needs 'beta'");
  if (epilogue.glu && !epilogue.act)
    return op->emitOpError("'glu' needs an activation ('act')");
  if (!epilogue.glu && (epilogue.gateMax || epilogue.upLimit || epilogue.upAdd))
    return op->emitOpError("'gate_max', 'up_limit' and 'up_add' need 'glu'");
  if (epilogue.cap && epilogue.cap.getValueAsDouble() <= 0)
    return op->emitOpError("expected a positive cap, found ")
           << epilogue.cap.getValueAsDouble();
  return success();
}

LogicalResult FusedLinearOp::inferReturnTypes(MLIRContext *context, Where where,
                                              Adaptor op, Types &types) {
  ValueRange biases = op.getBiases();
  if (!biases.empty() && biases.size() != op.getWeights().size())
    return emitOptionalError(where, "expected no bias or one per weight (",
                             op.getWeights().size(), "), found ",
                             biases.size());
  for (auto [i, weight] : llvm::enumerate(op.getWeights())) {
    FailureOr<int64_t> width = checkLinear(
        where, op.getX(), weight, biases.empty() ? Value() : biases[i]);
    if (failed(width))
      return failure();
    types.push_back(rowsOf(context, {*width}));
  }
  if (types.empty())
    return emitOptionalError(where, "expected at least one weight");
  EpilogueAttr epilogue = op.getEpilogueAttr();
  if (!epilogue || !epilogue.getValue().glu)
    return success();
  if (types.size() != 2 || types[0] != types[1])
    return emitOptionalError(
        where, "expected two weights of one shape (gate, up) with 'glu'");
  types.pop_back();
  return success();
}

LogicalResult FusedLinearOp::verify() {
  if (getWeights().empty())
    return emitOpError("expected at least one weight");
  if (failed(checkNorm(*this, getNorm(), getX().getType(), getNormWeight(),
                       getNormBias())) ||
      failed(checkEpilogue(*this, epilogue())))
    return failure();
  if (getNumResults() > 1 && (epilogue() || getResidual()))
    return emitOpError("expected one result with an epilogue, found ")
           << getNumResults();
  Value first = getWeights().front();
  for (Value weight : getWeights())
    if (getElementTypeOrSelf(weight) != getElementTypeOrSelf(first))
      return emitOpError("expected weights of one storage type, found ")
             << first.getType() << " and " << weight.getType();
  return checkShape(*this, "residual", getResidual(),
                    cast<RankedTensorType>(getResult(0).getType()).getShape());
}

LogicalResult FusedAttentionOp::inferReturnTypes(MLIRContext *context,
                                                 Where where, Adaptor op,
                                                 Types &types) {
  auto v = tensorOf(where, op.getV(), "v", 2);
  if (failed(v))
    return failure();
  int64_t groups = op.getKvHeads();
  if (groups <= 0 || v->getDimSize(1) % groups)
    return emitOptionalError(where,
                             "expected v of a multiple of kv_heads = ", groups,
                             " columns, found ", *v);
  types.push_back(
      rowsOf(context, {op.getHeads() * (v->getDimSize(1) / groups)}));
  return success();
}

LogicalResult FusedAttentionOp::verify() {
  int64_t heads = getHeads(), groups = getKvHeads();
  int64_t width = getQ().getType().getDimSize(1);
  if (heads <= 0 || groups <= 0 || heads % groups)
    return emitOpError("expected heads to be a multiple of kv_heads, found ")
           << heads << " and " << groups;
  if (width % heads ||
      getK().getType().getDimSize(1) != groups * (width / heads))
    return emitOpError("expected heads of one width in q and k, found ")
           << getQ().getType() << " for " << heads << " heads and "
           << getK().getType() << " for " << groups;
  if (getTable() && !getPairing())
    return emitOpError("has a rotary table but no pairing");
  if (static_cast<int64_t>(getFrom()) < 0)
    return emitOpError("expected 'from' of 0 or more, found ") << getFrom();
  if (!getTable() && getPairing())
    return emitOpError("has a pairing but no rotary table");
  int64_t dim = getHeadDim();
  if (getTable() && (getTable().getType().getDimSize(1) != 2 ||
                     static_cast<int64_t>(getFrom()) +
                             2 * getTable().getType().getDimSize(2) >
                         dim))
    return emitOpError("expected a table of shape [?, 2, pairs] that rotates "
                       "at most the ")
           << dim << " channels of a head, found " << getTable().getType();
  if (!getQkNorm() && (getQNorm() || getKNorm()))
    return emitOpError("has weights of a norm of q or k but no 'qk_norm'");
  if (failed(checkNormWeight(*this, "q_norm",
                             rowsOf(getContext(), {heads, dim}), getQNorm())) ||
      failed(checkNormWeight(*this, "k_norm",
                             rowsOf(getContext(), {groups, dim}), getKNorm())))
    return failure();
  auto rankOf = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank();
  };
  if (getQNorm() && getKNorm() && rankOf(getQNorm()) != rankOf(getKNorm()))
    return emitOpError("expected the norms of q and k both with a weight for "
                       "each head or both with one for all, found ")
           << getQNorm().getType() << " and " << getKNorm().getType();
  if (failed(checkMask(*this, getMask(), getMaskValues(),
                       getState().has_value())) ||
      failed(checkCap(*this, getCap())) ||
      failed(checkBias(*this, getBias(), heads)))
    return failure();
  return checkShape(*this, "sinks", getSinks(), {heads});
}

LogicalResult
FusedAttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getState()) {
    if (getLayer())
      return emitOpError("has a layer index but no state");
    return success();
  }
  auto state = lookupState(*this, StateKind::cache, symbols);
  if (failed(state))
    return failure();
  SmallVector<FieldAttr> fields = state->getFieldList();
  int64_t k[] = {getKvHeads(), getHeadDim()},
          v[] = {getKvHeads(), getValueDim()};
  if (fields.size() != 2 || fields[0].getShape() != ArrayRef<int64_t>(k) ||
      fields[1].getShape() != ArrayRef<int64_t>(v)) {
    InFlightDiagnostic diagnostic = emitOpError("expected '@")
                                    << *getState() << "' to be a cache of ["
                                    << k << "] and [" << v << "]";
    diagnostic.attachNote(state->getLoc()) << "the state is declared here";
    return diagnostic;
  }
  return success();
}

LogicalResult FusedRouterOp::inferReturnTypes(MLIRContext *context, Where where,
                                              Adaptor op, Types &types) {
  FailureOr<int64_t> experts =
      checkLinear(where, op.getX(), op.getW(), op.getBias());
  if (failed(experts))
    return failure();
  if (op.getK() <= 0 || op.getK() > *experts)
    return emitOptionalError(where, "expected k between 1 and ", *experts,
                             ", found ", op.getK());
  types.push_back(op.getX().getType());
  types.push_back(RankedTensorType::get({ShapedType::kDynamic, op.getK()},
                                        IntegerType::get(context, 32)));
  types.push_back(rowsOf(context, {op.getK()}));
  return success();
}

LogicalResult FusedRouterOp::verify() {
  if (getCorrection() && getOrder() != RouterOrder::score_first)
    return emitOpError("'correction' needs the order score_first");
  if (failed(checkShape(*this, "correction", getCorrection(),
                        {getW().getType().getDimSize(0)})))
    return failure();
  return checkNorm(*this, getNorm(), getX().getType(), getNormWeight(),
                   getNormBias());
}

LogicalResult FusedExpertsOp::inferReturnTypes(MLIRContext *context,
                                               Where where, Adaptor op,
                                               Types &types) {
  auto down = tensorOf(where, op.getDown(), "down", 3);
  if (failed(down))
    return failure();
  types.push_back(rowsOf(context, {down->getDimSize(1)}));
  return success();
}

LogicalResult FusedExpertsOp::verify() {
  if (failed(checkEpilogue(*this, epilogue())))
    return failure();
  if (!epilogue().act || epilogue().scale || epilogue().cap)
    return emitOpError("expected an activation ('act') without factor or cap");
  size_t parts = epilogue().glu ? 2 : 1;
  if (getFirst().size() != parts)
    return emitOpError("expected ")
           << parts << " weights in the first layer, found "
           << getFirst().size();
  if (!getFirstBias().empty() && getFirstBias().size() != parts)
    return emitOpError("expected no bias or one per weight (")
           << parts << "), found " << getFirstBias().size();
  if (getScaleInput() && !getWeight())
    return emitOpError("'scale_input' needs 'weight'");
  auto down = cast<RankedTensorType>(getDown().getType());
  if (down.getRank() != 3)
    return emitOpError("expected 'down' of shape [experts, N, I], found ")
           << down;
  for (Value weight : getFirst())
    if (getElementTypeOrSelf(weight) != getElementTypeOrSelf(getFirst()[0]))
      return emitOpError("expected weights of one storage type, found ")
             << getFirst()[0].getType() << " and " << weight.getType();
  int64_t experts = down.getDimSize(0), inner = down.getDimSize(2);
  for (Value weight : getFirst())
    if (failed(checkShape(*this, "first", weight,
                          {experts, inner, getX().getType().getDimSize(1)})))
      return failure();
  for (Value bias : getFirstBias())
    if (failed(checkShape(*this, "bias", bias, {experts, inner})))
      return failure();
  if (failed(checkShape(*this, "down_bias", getDownBias(),
                        {experts, down.getDimSize(1)})) ||
      failed(checkShape(*this, "weight", getWeight(),
                        getAt().getType().getShape())))
    return failure();
  return checkShape(*this, "residual", getResidual(), getType().getShape());
}
