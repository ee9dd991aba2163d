// Finds two-layer experts and the router in front of them, and makes an op of
// each.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

namespace sluice {
#define GEN_PASS_DEF_FUSEMOEDISPATCH
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
// experts { fused_linear act or glu; linear } -> fused_experts
struct FuseExperts : FusionPattern<ExpertsOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(ExpertsOp op,
                                PatternRewriter &rewriter) const override {
    Block &body = op.getBody().front();
    Value result = cast<YieldOp>(body.getTerminator()).getValue();
    LinearForm down = LinearForm::of(result.getDefiningOp());
    if (!down || !down.isPlain() || down.weights.size() != 1)
      return fusion.miss(rewriter, op, result.getDefiningOp(),
                         "the body does not end in a plain product");
    LinearForm first = LinearForm::of(down.x.getDefiningOp());
    if (const char *why = whyNotFirst(first, down, body))
      return fusion.miss(rewriter, op, first.op ? first.op : down.op, why);
    if (op.getInScale() && op.getOutScale())
      return fusion.miss(rewriter, op, nullptr,
                         "rows are scaled before and after the experts");
    for (const LinearForm *product : {&first, &down})
      for (ValueRange values :
           {ValueRange(product->weights), ValueRange(product->biases)})
        for (Value value : values)
          if (!isa<BlockArgument>(value))
            return fusion.miss(rewriter, op, value.getDefiningOp(),
                               "a weight is not one of the experts'");
    rewrite(op, first, down, rewriter);
    return success();
  }

private:
  static const char *whyNotFirst(const LinearForm &first,
                                 const LinearForm &down, Block &body) {
    if (!first || first.op->getNumResults() != 1 || !first.epilogue.act)
      return "the body does not begin with a product and its activation";
    if (first.norm || first.residual || first.epilogue.scale ||
        first.epilogue.cap)
      return "the first product has a norm, factor, cap or residual";
    if (first.x != body.getArgument(0))
      return "the first product does not read the experts' rows";
    if (first.compute != down.compute)
      return "compute types of the two products differ";
    if (otherUser(down.x, down.op))
      return "the first product's result is read twice";
    return nullptr;
  }

  void rewrite(ExpertsOp op, const LinearForm &first, const LinearForm &down,
               PatternRewriter &rewriter) const {
    // The stacked weight that a body's argument is a slice of.
    auto stacked = [&](Value slice) -> Value {
      return op.getWeights()[cast<BlockArgument>(slice).getArgNumber() - 1];
    };
    SmallVector<Value> weights = map_to_vector(first.weights, stacked);
    SmallVector<Value> biases = map_to_vector(first.biases, stacked);
    Value downBias = down.biases.empty() ? Value() : stacked(down.biases[0]);
    bool scaleInput = static_cast<bool>(op.getInScale());
    auto fused = FusedExpertsOp::create(
        rewriter, fusion.locate({first.op, down.op, op}), op.getX(), op.getAt(),
        scaleInput ? op.getInScale() : op.getOutScale(), weights,
        stacked(down.weights[0]), biases, downBias, Value(), first.compute,
        EpilogueAttr::get(rewriter.getContext(), first.epilogue),
        scaleInput ? rewriter.getUnitAttr() : UnitAttr());
    fusion.fired(op, "experts");
    rewriter.replaceOp(op, fused.getResult());
  }
};

// x + fused_experts -> fused_experts residual
struct FuseExpertsResidual : FusionPattern<BinaryOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != BinaryKind::add)
      return rewriter.notifyMatchFailure(op, "not a sum");
    for (auto [value, residual] :
         {std::pair{op.getY(), op.getX()}, std::pair{op.getX(), op.getY()}}) {
      auto experts = value.getDefiningOp<FusedExpertsOp>();
      if (!experts || experts.getResidual() || value == residual ||
          residual.getType() != op.getType())
        continue;
      if (Operation *other = otherUser(value, op))
        return fusion.miss(rewriter, op, other,
                           "the experts' result is also read here");
      Operation *fused = rewriter.clone(*experts);
      rewriter.modifyOpInPlace(fused, [&, residual = residual] {
        cast<FusedExpertsOp>(fused).getResidualMutable().assign(residual);
        fused->setLoc(fusion.locate({experts, op}));
      });
      fusion.fired(op, "residual into the experts");
      dropTaps(rewriter, value);
      rewriter.replaceOp(op, fused->getResults());
      rewriter.eraseOp(experts);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no experts to add to");
  }
};

// A router read back from the experts' weights.
struct Router {
  SmallVector<Operation *> links; // readers before what they read
  BinaryOp scale;
  NormalizeOp normalize;
  Operation *score = nullptr;
  PickOp pick;
  TopKOp top;
  BinaryOp correct;
  LinearOp logits;
  RouterOrder order = RouterOrder::score_first;
  Operation *stuck = nullptr;
};
} // namespace

static bool isScore(Operation *op) {
  auto act = dyn_cast_if_present<ActOp>(op);
  return isa_and_present<SoftmaxOp>(op) || (act && act.getFn() == Act::sigmoid);
}

// The optional factor, normalize and score in front of the pick.
static Value readWeights(Value value, Router &router) {
  auto take = [&](Operation *op, Value next) {
    router.links.push_back(op);
    value = next;
  };
  if (auto scale = value.getDefiningOp<BinaryOp>();
      scale && scale.getKind() == BinaryKind::mul && numberOf(scale.getY())) {
    router.scale = scale;
    take(scale, scale.getX());
  }
  if (auto normalize = value.getDefiningOp<NormalizeOp>()) {
    router.normalize = normalize;
    take(normalize, normalize.getX());
  }
  if (Operation *score = value.getDefiningOp(); isScore(score)) {
    router.score = score;
    router.order = RouterOrder::top_first;
    take(score, score->getOperand(0));
  }
  return value;
}

// The whole router, or `stuck` where it is not one.
static Router readRouter(FusedExpertsOp experts) {
  Router router;
  Value picked = readWeights(experts.getWeight(), router);
  router.pick = picked.getDefiningOp<PickOp>();
  router.top = experts.getAt().getDefiningOp<TopKOp>();
  if (!router.pick || !router.top || router.pick.getAt() != experts.getAt()) {
    router.stuck =
        router.pick ? router.top.getOperation() : picked.getDefiningOp();
    return router;
  }
  router.links.push_back(router.pick);
  router.links.push_back(router.top);
  Value scores = router.pick.getX(), choice = router.top.getScores();
  if (choice != scores) {
    router.correct = choice.getDefiningOp<BinaryOp>();
    if (!router.correct || router.correct.getKind() != BinaryKind::add ||
        router.correct.getX() != scores ||
        router.order == RouterOrder::top_first) {
      router.stuck = choice.getDefiningOp();
      return router;
    }
    router.links.push_back(router.correct);
    // One number of the checkpoint for each expert.
    Value numbers = router.correct.getY();
    auto type = cast<RankedTensorType>(numbers.getType());
    if (!numbers.getDefiningOp<UseOp>() || type.getRank() != 1 ||
        type.getDimSize(0) !=
            cast<RankedTensorType>(scores.getType()).getShape().back()) {
      router.stuck = router.correct;
      return router;
    }
  }
  if (router.order == RouterOrder::score_first &&
      isScore(scores.getDefiningOp())) {
    router.score = scores.getDefiningOp();
    router.links.push_back(router.score);
    scores = router.score->getOperand(0);
  }
  router.logits = scores.getDefiningOp<LinearOp>();
  router.stuck = router.logits ? nullptr : scores.getDefiningOp();
  if (router.logits)
    router.links.push_back(router.logits);
  return router;
}

namespace {
// norm, product, score, top_k, pick, ... in front of experts -> fused_router
struct FuseRouter : FusionPattern<FusedExpertsOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(FusedExpertsOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getWeight() || op.getAt().getDefiningOp<FusedRouterOp>())
      return rewriter.notifyMatchFailure(op, "no router to fuse");
    Router router = readRouter(op);
    if (!router.logits)
      return fusion.miss(rewriter, op, router.stuck,
                         "this op is not part of a router that can be fused");
    if (router.logits.getX() != op.getX())
      return fusion.miss(rewriter, op, router.logits,
                         "router and experts read different rows");
    for (Operation *link : router.links)
      for (Operation *user : link->getUsers())
        if (user != op && !is_contained(router.links, user) &&
            !isa<TapOp>(user))
          return fusion.miss(rewriter, op, user,
                             "a value of the router is also read here");
    return rewrite(op, router, rewriter);
  }

private:
  LogicalResult rewrite(FusedExpertsOp op, Router &router,
                        PatternRewriter &rewriter) const {
    LinearForm product = LinearForm::of(router.logits);
    Operation *norm = router.logits.getX().getDefiningOp();
    bool normed = readNorm(norm, product);
    Operation *place = normed ? norm : router.logits;
    Value bias = product.biases.empty() ? Value() : product.biases[0];
    Value correction = router.correct ? router.correct.getY() : Value();
    for (Value weight : {product.weights[0], bias, correction})
      if (weight && !makeAvailable(rewriter, weight, place))
        return fusion.miss(rewriter, op, weight.getDefiningOp(),
                           "a weight of the router is computed after the norm");

    SmallVector<Operation *> places(::llvm::reverse(router.links));
    if (normed)
      places.insert(places.begin(), norm);
    rewriter.setInsertionPoint(place);
    auto fused = FusedRouterOp::create(
        rewriter, fusion.locate(places), product.x, product.normWeight,
        product.normBias, product.weights[0], bias, correction, product.norm,
        product.compute, scoreOf(router), orderOf(router),
        router.top.getKAttr(),
        router.normalize ? router.normalize.getEpsAttr() : FloatAttr(),
        router.scale
            ? router.scale.getY().getDefiningOp<ConstantOp>().getValueAttr()
            : FloatAttr());
    fusion.fired(op, normed ? "norm and router" : "router");
    Value rows = router.logits.getX(), weight = op.getWeight();
    for (Operation *link : router.links)
      dropTaps(rewriter, link->getResult(0));
    rewriter.replaceAllUsesWith(weight, fused.getWeight());
    rewriter.replaceAllUsesWith(router.top.getResult(), fused.getIdx());
    for (Operation *link : router.links)
      rewriter.eraseOp(link);
    if (normed)
      rewriter.replaceOp(norm, fused.getRows());
    else
      rewriter.replaceUsesWithIf(rows, fused.getRows(), [&](OpOperand &use) {
        return use.getOwner() == op;
      });
    return success();
  }

  // Takes the norm in front of the product into it.
  static bool readNorm(Operation *norm, LinearForm &product) {
    if (auto rms = dyn_cast_if_present<RmsNormOp>(norm)) {
      product.norm =
          NormAttr::get(norm->getContext(), NormKind::rms, rms.getEpsAttr());
      product.normWeight = rms.getW();
      product.x = rms.getX();
      return true;
    }
    auto layer = dyn_cast_if_present<LayerNormOp>(norm);
    if (!layer || (layer.getBias() && !layer.getW()))
      return false;
    product.norm =
        NormAttr::get(norm->getContext(), NormKind::layer, layer.getEpsAttr());
    product.normWeight = layer.getW();
    product.normBias = layer.getBias();
    product.x = layer.getX();
    return true;
  }

  static ScoreAttr scoreOf(const Router &router) {
    MLIRContext *context = router.top->getContext();
    if (!router.score)
      return ScoreAttr::get(context, Score::none);
    return ScoreAttr::get(context, isa<SoftmaxOp>(router.score)
                                       ? Score::softmax
                                       : Score::sigmoid);
  }

  static RouterOrderAttr orderOf(const Router &router) {
    return RouterOrderAttr::get(router.top->getContext(), router.order);
  }
};

struct FuseMoeDispatchPass
    : FusionPassBase<sluice::impl::FuseMoeDispatchBase<FuseMoeDispatchPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(
        getOperation(), fusion,
        [](RewritePatternSet &patterns, const Fusion &fusion) {
          patterns.add<FuseExperts, FuseExpertsResidual, FuseRouter>(
              patterns.getContext(), fusion);
        });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createFuseMoeDispatch(FusionReport *report) {
  return std::make_unique<FuseMoeDispatchPass>(report);
}
