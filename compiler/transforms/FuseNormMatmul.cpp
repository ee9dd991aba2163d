// Moves a norm into the product that reads it.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

namespace sluice {
#define GEN_PASS_DEF_FUSENORMMATMUL
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
// fused_linear(norm(x)) -> fused_linear norm(x)
template <typename Op> struct FuseNorm : FusionPattern<Op> {
  using FusionPattern<Op>::FusionPattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    LinearForm product = LinearForm::of(op);
    Operation *norm = product.x.getDefiningOp();
    if (product.norm || !isa_and_present<RmsNormOp, LayerNormOp>(norm))
      return rewriter.notifyMatchFailure(op, "no norm in front");
    if (Operation *other = otherUser(product.x, op))
      return this->fusion.miss(rewriter, op, other,
                               "the normalised rows are also read here");
    Value rows = product.x;
    if (auto rms = dyn_cast<RmsNormOp>(norm)) {
      product.norm =
          NormAttr::get(op.getContext(), NormKind::rms, rms.getEpsAttr());
      product.normWeight = rms.getW();
      product.x = rms.getX();
    } else {
      auto layer = cast<LayerNormOp>(norm);
      if (layer.getBias() && !layer.getW())
        return this->fusion.miss(rewriter, op, norm,
                                 "the norm has a bias but no weight");
      product.norm =
          NormAttr::get(op.getContext(), NormKind::layer, layer.getEpsAttr());
      product.normWeight = layer.getW();
      product.normBias = layer.getBias();
      product.x = layer.getX();
    }
    FusedLinearOp fused =
        product.build(rewriter, this->fusion.locate({norm, op}));
    this->fusion.fired(
        op, "norm into " + Twine(product.weights.size()) +
                (product.weights.size() == 1 ? " product" : " products"));
    rewriter.replaceOp(op, fused.getResults());
    dropTaps(rewriter, rows);
    rewriter.eraseOp(norm);
    return success();
  }
};

struct FuseNormMatmulPass
    : FusionPassBase<sluice::impl::FuseNormMatmulBase<FuseNormMatmulPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(
        getOperation(), fusion,
        [](RewritePatternSet &patterns, const Fusion &fusion) {
          patterns.add<FuseNorm<LinearOp>, FuseNorm<FusedLinearOp>>(
              patterns.getContext(), fusion);
        });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createFuseNormMatmul(FusionReport *report) {
  return std::make_unique<FuseNormMatmulPass>(report);
}
