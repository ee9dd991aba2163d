// Joins gate and up products with act(gate) * up.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

#include "mlir/IR/TypeUtilities.h"

namespace sluice {
#define GEN_PASS_DEF_FUSESWIGLU
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
// One side of the multiplication, read back to its product.
struct Side {
  OpResult source;
  ActOp act;
  ClampOp clamp;
  FloatAttr added;
  SmallVector<Operation *> chain; // from the multiplication to the product

  // The op in which the walk back ended, if not in a product.
  Operation *stuck = nullptr;
};
} // namespace

// `value + number`, as the other operand and the number.
static std::pair<Value, FloatAttr> plusNumber(BinaryOp op) {
  if (!op || op.getKind() != BinaryKind::add)
    return {};
  for (auto [value, number] :
       {std::pair{op.getX(), op.getY()}, std::pair{op.getY(), op.getX()}})
    if (auto constant = number.getDefiningOp<ConstantOp>())
      return {value, constant.getValueAttr()};
  return {};
}

// act(clamp(product)) or clamp(product) + number: outermost first.
static Side readSide(Value value) {
  Side side;
  auto step = [&](Operation *op, Value next) {
    side.chain.push_back(op);
    value = next;
  };
  if (auto act = value.getDefiningOp<ActOp>()) {
    side.act = act;
    step(act, act.getX());
  } else if (auto [next, number] = plusNumber(value.getDefiningOp<BinaryOp>());
             next) {
    side.added = number;
    step(value.getDefiningOp(), next);
  }
  if (auto clamp = value.getDefiningOp<ClampOp>()) {
    side.clamp = clamp;
    step(clamp, clamp.getX());
  }
  if (isa_and_present<LinearOp, FusedLinearOp>(value.getDefiningOp()))
    side.source = cast<OpResult>(value);
  else
    side.stuck = value.getDefiningOp();
  return side;
}

// Gate and up as one product with two weights; null op with the reason.
static LinearForm joined(const Side &gate, const Side &up, const char *&why) {
  Operation *a = gate.source.getOwner(), *b = up.source.getOwner();
  if (a == b) {
    LinearForm product = LinearForm::of(a);
    if (product.weights.size() != 2 || product.epilogue)
      return why = "the product has other results", LinearForm();
    if (gate.source.getResultNumber() == 1) {
      std::swap(product.weights[0], product.weights[1]);
      if (!product.biases.empty())
        std::swap(product.biases[0], product.biases[1]);
    }
    return product;
  }
  LinearForm product = LinearForm::of(a), other = LinearForm::of(b);
  if (product.x != other.x)
    return why = "gate and up are products of different rows", LinearForm();
  if (!product.isPlain() || !other.isPlain() || product.weights.size() != 1 ||
      other.weights.size() != 1 || product.compute != other.compute ||
      product.biases.size() != other.biases.size() ||
      getElementTypeOrSelf(product.weights[0]) !=
          getElementTypeOrSelf(other.weights[0]))
    return why = "the products of gate and up are not alike", LinearForm();
  product.weights.push_back(other.weights[0]);
  llvm::append_range(product.biases, other.biases);
  why = whyNotPacked(product.weights);
  if (!why)
    why = whyNotPacked(product.biases);
  return why ? LinearForm() : product;
}

// Puts the clamps, the number and the activation into the product.
static const char *addNumbers(LinearForm &product, const Side &gate,
                              const Side &up) {
  if (ClampOp clamp = gate.clamp) {
    if (clamp.getLow())
      return "the gate is clamped from below";
    product.epilogue.gateMax = clamp.getHighAttr();
  }
  if (ClampOp clamp = up.clamp) {
    if (!clamp.getLow() || !clamp.getHigh() ||
        *clamp.getLow() != -*clamp.getHigh())
      return "up is not clamped alike on both sides";
    product.epilogue.upLimit = clamp.getHighAttr();
  }
  product.epilogue.upAdd = up.added;
  product.epilogue.glu = true;
  ActOp act = gate.act;
  product.epilogue.act = act.getFn();
  product.epilogue.beta = act.getBetaAttr();
  return nullptr;
}

namespace {
// act(g) * u -> fused_linear glu
struct FuseGlu : FusionPattern<BinaryOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != BinaryKind::mul)
      return rewriter.notifyMatchFailure(op, "not a multiplication");
    Side gate = readSide(op.getX()), up = readSide(op.getY());
    if (!gate.act)
      std::swap(gate, up);
    if (!gate.act)
      return rewriter.notifyMatchFailure(op, "no activation on either side");
    if (up.act)
      return fusion.miss(rewriter, op, up.act, "both sides have an activation");
    if (!gate.source || !up.source)
      return fusion.miss(rewriter, op, gate.source ? up.stuck : gate.stuck,
                         "gate and up are not both products");
    SmallVector<Operation *> parts;
    for (const Side *side : {&gate, &up}) {
      for (Operation *link : side->chain)
        parts.push_back(link);
      if (failed(onlyRead(op, *side, rewriter)))
        return failure();
    }
    const char *why = nullptr;
    LinearForm product = joined(gate, up, why);
    if (product)
      why = addNumbers(product, gate, up);
    if (why)
      return fusion.miss(rewriter, op, gate.source.getOwner(), why);
    return rewrite(op, product, gate, up, parts, rewriter);
  }

private:
  // Every value between product and multiplication has one reader.
  LogicalResult onlyRead(BinaryOp op, const Side &side,
                         PatternRewriter &rewriter) const {
    Operation *reader = op;
    SmallVector<Value> values;
    for (Operation *link : side.chain)
      values.push_back(link->getResult(0));
    values.push_back(side.source);
    for (Value value : values) {
      if (Operation *other = otherUser(value, reader))
        return fusion.miss(rewriter, op, other,
                           "a value of the gated unit is also read here");
      reader = value.getDefiningOp();
    }
    return success();
  }

  LogicalResult rewrite(BinaryOp op, const LinearForm &product,
                        const Side &gate, const Side &up,
                        SmallVector<Operation *> &parts,
                        PatternRewriter &rewriter) const {
    parts.insert(parts.begin(), gate.source.getOwner());
    if (up.source.getOwner() != gate.source.getOwner())
      parts.insert(parts.begin() + 1, up.source.getOwner());
    SmallVector<Operation *> places(parts);
    places.push_back(op);
    FusedLinearOp fused = product.build(rewriter, fusion.locate(places));
    fusion.fired(op, "gated unit into its product");
    rewriter.replaceOp(op, fused.getResults());
    for (Operation *part : llvm::reverse(parts)) {
      for (Value result : part->getResults())
        dropTaps(rewriter, result);
    }
    // Links first, then the products they read.
    for (const Side *side : {&gate, &up})
      for (Operation *link : side->chain)
        rewriter.eraseOp(link);
    Operation *a = gate.source.getOwner(), *b = up.source.getOwner();
    rewriter.eraseOp(a);
    if (a != b)
      rewriter.eraseOp(b);
    return success();
  }
};

struct FuseSwigluPass
    : FusionPassBase<sluice::impl::FuseSwigluBase<FuseSwigluPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(getOperation(), fusion,
                     [](RewritePatternSet &patterns, const Fusion &fusion) {
                       patterns.add<FuseGlu>(patterns.getContext(), fusion);
                     });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createFuseSwiglu(FusionReport *report) {
  return std::make_unique<FuseSwigluPass>(report);
}
