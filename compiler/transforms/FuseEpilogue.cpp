// Moves what happens to a product's result into the product.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

namespace sluice {
#define GEN_PASS_DEF_FUSEEPILOGUE
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

// Activations that a product's epilogue may have.
static bool isEpilogue(Act fn) {
  switch (fn) {
  case Act::silu:
  case Act::swish:
  case Act::gelu_erf:
  case Act::gelu_tanh:
  case Act::relu:
  case Act::relu2:
  case Act::sigmoid:
  case Act::tanh:
    return true;
  default:
    return false;
  }
}

namespace {
// op(product) -> product with one more step; subclasses say which.
template <typename Op> struct EpiloguePattern : FusionPattern<Op> {
  using FusionPattern<Op>::FusionPattern;

  // Replaces `op`, which reads `value`, by `product` with `added` in it.
  LogicalResult finish(Op op, Value value, const LinearForm &product,
                       const char *added, PatternRewriter &rewriter) const {
    FusedLinearOp fused =
        product.build(rewriter, this->fusion.locate({product.op, op}));
    this->fusion.fired(op, Twine(added) + " into the product");
    rewriter.replaceOp(op, fused.getResults());
    dropTaps(rewriter, value);
    rewriter.eraseOp(product.op);
    return success();
  }

  // The product that makes `value`, if it has one result that only `op` reads.
  LinearForm sourceOf(Op op, Value value, PatternRewriter &rewriter) const {
    LinearForm product = LinearForm::of(value.getDefiningOp());
    if (!product)
      return {};
    if (product.op->getNumResults() != 1)
      return (void)this->fusion.miss(rewriter, op, product.op,
                                     "the product has several results"),
             LinearForm();
    if (Operation *other = otherUser(value, op))
      return (void)this->fusion.miss(rewriter, op, other,
                                     "the product's result is also read here"),
             LinearForm();
    return product;
  }

  LogicalResult wrongOrder(Op op, const LinearForm &product,
                           PatternRewriter &rewriter) const {
    return this->fusion.miss(rewriter, op, product.op,
                             "the product's epilogue already has a later step");
  }
};

struct FuseAct : EpiloguePattern<ActOp> {
  using EpiloguePattern::EpiloguePattern;
  LogicalResult matchAndRewrite(ActOp op,
                                PatternRewriter &rewriter) const override {
    LinearForm product = sourceOf(op, op.getX(), rewriter);
    if (!product)
      return rewriter.notifyMatchFailure(op, "no product of its own in front");
    if (!isEpilogue(op.getFn()))
      return fusion.miss(rewriter, op, product.op,
                         "this function is not an epilogue");
    if (product.epilogue || product.residual)
      return wrongOrder(op, product, rewriter);
    product.epilogue.act = op.getFn();
    product.epilogue.beta = op.getBetaAttr();
    return finish(op, op.getX(), product, "activation", rewriter);
  }
};

struct FuseCap : EpiloguePattern<SoftcapOp> {
  using EpiloguePattern::EpiloguePattern;
  LogicalResult matchAndRewrite(SoftcapOp op,
                                PatternRewriter &rewriter) const override {
    LinearForm product = sourceOf(op, op.getX(), rewriter);
    if (!product)
      return rewriter.notifyMatchFailure(op, "no product of its own in front");
    if (product.epilogue.cap || product.residual)
      return wrongOrder(op, product, rewriter);
    product.epilogue.cap = op.getLimitAttr();
    return finish(op, op.getX(), product, "soft cap", rewriter);
  }
};

struct FuseBinary : EpiloguePattern<BinaryOp> {
  using EpiloguePattern::EpiloguePattern;
  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [value, other] :
         {std::pair{op.getY(), op.getX()}, std::pair{op.getX(), op.getY()}}) {
      if (!LinearForm::of(value.getDefiningOp()))
        continue;
      if (op.getKind() == BinaryKind::mul && numberOf(other))
        return fuseScale(op, value, other, rewriter);
      if (op.getKind() == BinaryKind::add && other.getType() == op.getType() &&
          value.getType() == op.getType() &&
          succeeded(fuseResidual(op, value, other, rewriter)))
        return success();
    }
    return rewriter.notifyMatchFailure(op,
                                       "not a factor or residual of a product");
  }

private:
  LogicalResult fuseScale(BinaryOp op, Value value, Value factor,
                          PatternRewriter &rewriter) const {
    LinearForm product = sourceOf(op, value, rewriter);
    if (!product)
      return failure();
    if (product.epilogue.scale || product.epilogue.cap || product.residual)
      return wrongOrder(op, product, rewriter);
    product.epilogue.scale = factor.getDefiningOp<ConstantOp>().getValueAttr();
    return finish(op, value, product, "factor", rewriter);
  }

  LogicalResult fuseResidual(BinaryOp op, Value value, Value residual,
                             PatternRewriter &rewriter) const {
    if (value == residual)
      return rewriter.notifyMatchFailure(op, "a product added to itself");
    LinearForm product = sourceOf(op, value, rewriter);
    if (!product)
      return failure();
    if (product.residual)
      return wrongOrder(op, product, rewriter);
    product.residual = residual;
    return finish(op, value, product, "residual", rewriter);
  }
};

struct FuseEpiloguePass
    : FusionPassBase<sluice::impl::FuseEpilogueBase<FuseEpiloguePass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(getOperation(), fusion,
                     [](RewritePatternSet &patterns, const Fusion &fusion) {
                       patterns.add<FuseAct, FuseCap, FuseBinary>(
                           patterns.getContext(), fusion);
                     });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createFuseEpilogue(FusionReport *report) {
  return std::make_unique<FuseEpiloguePass>(report);
}
