// Each fused op as the unfused ops it stands for.
#include "dialects/llm/LLMOps.h"

using namespace mlir;
using namespace sluice::llm;

using Values = FailureOr<SmallVector<Value>>;

static std::optional<float> numberOf(FloatAttr attr) {
  if (!attr)
    return std::nullopt;
  return attr.getValue().convertToFloat();
}

namespace {
// Builds unfused ops at one location; absent parts leave the value alone.
struct Parts {
  OpBuilder &builder;
  Location loc;

  Value norm(Value x, std::optional<NormAttr> norm, Value weight,
             Value bias = {}) {
    if (!norm)
      return x;
    if (norm->getKind() == NormKind::rms)
      return RmsNormOp::create(builder, loc, x.getType(), x, weight,
                               norm->getEps());
    return LayerNormOp::create(builder, loc, x.getType(), x, weight, bias,
                               norm->getEps());
  }

  Value linear(Value x, Value weight, Value bias, Compute compute) {
    return LinearOp::create(builder, loc, x, weight, bias, compute);
  }

  Value act(Value x, std::optional<Act> fn, FloatAttr beta) {
    if (!fn)
      return x;
    return ActOp::create(builder, loc, x.getType(), x,
                         ActAttr::get(builder.getContext(), *fn), beta);
  }

  Value clamp(Value x, std::optional<float> low, std::optional<float> high) {
    if (!low && !high)
      return x;
    auto attr = [&](std::optional<float> number) {
      return number ? builder.getF32FloatAttr(*number) : FloatAttr();
    };
    return ClampOp::create(builder, loc, x.getType(), x, attr(low), attr(high));
  }

  // x (kind) number
  Value scalar(BinaryKind kind, Value x, std::optional<float> number) {
    if (!number)
      return x;
    Value constant = ConstantOp::create(builder, loc, *number);
    return binary(kind, x, constant);
  }

  Value binary(BinaryKind kind, Value x, Value y) {
    return BinaryOp::create(builder, loc, kind, x, y);
  }

  Value gated(Value gate, Value up, const Epilogue &epilogue) {
    gate = clamp(gate, std::nullopt, numberOf(epilogue.gateMax));
    if (std::optional<float> limit = numberOf(epilogue.upLimit))
      up = clamp(up, -*limit, limit);
    up = scalar(BinaryKind::add, up, numberOf(epilogue.upAdd));
    return binary(BinaryKind::mul, act(gate, epilogue.act, epilogue.beta), up);
  }

  Value reshape(Value x, ArrayRef<int64_t> to) {
    return ReshapeOp::create(builder, loc, x, to);
  }
};
} // namespace

Values FusedLinearOp::decompose(OpBuilder &builder) {
  Parts parts{builder, getLoc()};
  Value x = parts.norm(getX(), getNorm(), getNormWeight(), getNormBias());
  SmallVector<Value> values;
  for (auto [i, weight] : llvm::enumerate(getWeights()))
    values.push_back(
        parts.linear(x, weight, getBiases().empty() ? Value() : getBiases()[i],
                     getCompute()));
  Epilogue after = epilogue();
  if (values.size() > 1 && !after.glu)
    return values;
  Value y = after.glu ? parts.gated(values[0], values[1], after)
                      : parts.act(values[0], after.act, after.beta);
  y = parts.scalar(BinaryKind::mul, y, numberOf(after.scale));
  if (after.cap)
    y = SoftcapOp::create(builder, getLoc(), y.getType(), y, after.cap);
  if (getResidual())
    y = parts.binary(BinaryKind::add, getResidual(), y);
  return SmallVector<Value>{y};
}

Values FusedAttentionOp::decompose(OpBuilder &builder) {
  Parts parts{builder, getLoc()};
  auto rotate = [&](Value x) -> Value {
    if (!getTable())
      return x;
    return RotateOp::create(builder, getLoc(), x.getType(), x, getTable(),
                            getPairingAttr(), getFromAttr());
  };
  auto prepare = [&](Value x, int64_t heads, Value weight) {
    x = parts.reshape(x, {heads, getHeadDim()});
    if (getNormAfterRope())
      return parts.norm(rotate(x), getQkNorm(), weight);
    return rotate(parts.norm(x, getQkNorm(), weight));
  };
  int64_t groups = getKvHeads();
  Value q = prepare(getQ(), getHeads(), getQNorm());
  Value k = prepare(getK(), groups, getKNorm());
  Value v = parts.reshape(getV(), {groups, getValueDim()});
  Value cache;
  if (getState()) {
    cache = AppendOp::create(builder, getLoc(), getStateAttr(),
                             ValueRange{k, v}, getLayer(), getBatch());
    k = v = Value();
  }
  Value a = AttentionOp::create(builder, getLoc(), q, cache, k, v, getBatch(),
                                getMaskValues(), getSinks(), getBias(),
                                getScaleAttr(), getMaskAttr(), getCapAttr(),
                                IntegerAttr());
  return SmallVector<Value>{parts.reshape(a, {getHeads() * getValueDim()})};
}

// Scores or weights from logits.
static Value score(OpBuilder &builder, Location loc, Value logits, Score kind) {
  if (kind == Score::softmax)
    return SoftmaxOp::create(builder, loc, logits.getType(), logits);
  if (kind == Score::sigmoid)
    return ActOp::create(builder, loc, logits.getType(), logits,
                         ActAttr::get(builder.getContext(), Act::sigmoid),
                         FloatAttr());
  return logits;
}

Values FusedRouterOp::decompose(OpBuilder &builder) {
  Location loc = getLoc();
  Parts parts{builder, loc};
  Value rows = parts.norm(getX(), getNorm(), getNormWeight(), getNormBias());
  Value logits = parts.linear(rows, getW(), getBias(), getCompute());
  Value index, weight;
  if (getOrder() == RouterOrder::score_first) {
    Value scores = score(builder, loc, logits, getScore());
    Value choice = scores;
    if (getCorrection())
      choice = parts.binary(BinaryKind::add, scores, getCorrection());
    index = TopKOp::create(builder, loc, choice, getKAttr());
    weight = PickOp::create(builder, loc, scores, index);
  } else {
    index = TopKOp::create(builder, loc, logits, getKAttr());
    Value chosen = PickOp::create(builder, loc, logits, index);
    weight = score(builder, loc, chosen, getScore());
  }
  if (getNormalizeAttr())
    weight = NormalizeOp::create(builder, loc, weight.getType(), weight,
                                 getNormalizeAttr());
  weight = parts.scalar(BinaryKind::mul, weight, getScale());
  return SmallVector<Value>{rows, index, weight};
}

// The two layers of one expert; `arguments` are its rows and its weights in the
// order first, down, first biases, down bias.
static Value expertBody(FusedExpertsOp op, OpBuilder &builder,
                        ValueRange arguments) {
  Parts parts{builder, op.getLoc()};
  size_t count = op.getFirst().size();
  bool biased = !op.getFirstBias().empty();
  SmallVector<Value> first;
  for (size_t i = 0; i < count; ++i)
    first.push_back(parts.linear(arguments[0], arguments[1 + i],
                                 biased ? arguments[2 + count + i] : Value(),
                                 op.getCompute()));
  Epilogue after = op.epilogue();
  Value y = after.glu ? parts.gated(first[0], first[1], after)
                      : parts.act(first[0], after.act, after.beta);
  return parts.linear(y, arguments[1 + count],
                      op.getDownBias() ? arguments.back() : Value(),
                      op.getCompute());
}

Values FusedExpertsOp::decompose(OpBuilder &builder) {
  Location loc = getLoc();
  SmallVector<Value> weights(getFirst());
  weights.push_back(getDown());
  llvm::append_range(weights, getFirstBias());
  if (getDownBias())
    weights.push_back(getDownBias());

  OperationState state(loc, ExpertsOp::getOperationName());
  Value in = getScaleInput() ? Value(getWeight()) : Value();
  Value out = getScaleInput() ? Value() : Value(getWeight());
  ExpertsOp::build(builder, state, TypeRange{getType()}, getX(), getAt(),
                   weights, in, out);
  Block *block = &state.regions.front()->emplaceBlock();
  block->addArgument(getX().getType(), loc);
  for (Value weight : weights) {
    auto type = cast<RankedTensorType>(weight.getType());
    block->addArgument(RankedTensorType::get(type.getShape().drop_front(),
                                             type.getElementType()),
                       loc);
  }
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(block);
    YieldOp::create(builder, loc,
                    expertBody(*this, builder, block->getArguments()));
  }
  Value y = builder.create(state)->getResult(0);
  if (getResidual())
    y = Parts{builder, loc}.binary(BinaryKind::add, getResidual(), y);
  return SmallVector<Value>{y};
}
