#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

#include "mlir/IR/TypeUtilities.h"

namespace sluice {
#define GEN_PASS_DEF_MERGESIBLINGS
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

// Follows a product's result through what may stand between it and the
// multiplication of a gated unit; `act` is set when an activation was passed.
static Operation *follow(Value value, bool &act) {
  Operation *user = onlyUser(value);
  while (user && user->getNumResults() == 1) {
    auto binary = dyn_cast<BinaryOp>(user);
    bool number =
        binary && (numberOf(binary.getX()) || numberOf(binary.getY()));
    if (!isa<ActOp, ClampOp>(user) && !number)
      break;
    act |= isa<ActOp>(user);
    user = onlyUser(user->getResult(0));
  }
  return user;
}

// What a product's result runs into: the multiplication of a gated unit, an
// activation of its own, or something else (null op).
static std::pair<Operation *, bool> destiny(LinearOp op) {
  bool act = false;
  Operation *end = follow(op.getResult(), act);
  auto product = dyn_cast_if_present<BinaryOp>(end);
  return {product && product.getKind() == BinaryKind::mul ? end : nullptr, act};
}

// Whether two products can be one op, and if not, why.
static const char *whyNotAlike(LinearOp a, LinearOp b) {
  if (a.getCompute() != b.getCompute())
    return "compute types differ";
  if (getElementTypeOrSelf(a.getW()) != getElementTypeOrSelf(b.getW()))
    return "storage types differ";
  if (static_cast<bool>(a.getBias()) != static_cast<bool>(b.getBias()))
    return "only one of them has a bias";
  if (const char *why = whyNotPacked({a.getW(), b.getW()}))
    return why;
  return a.getBias() ? whyNotPacked({a.getBias(), b.getBias()}) : nullptr;
}

namespace {
struct Merge : FusionPattern<LinearOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(LinearOp first,
                                PatternRewriter &rewriter) const override {
    SmallVector<LinearOp> all = siblings(first);
    if (all.size() < 2 || all.front() != first)
      return rewriter.notifyMatchFailure(first, "no later sibling");
    SmallVector<LinearOp> group = groupOf(first, all, rewriter);
    if (group.size() < 2)
      return rewriter.notifyMatchFailure(first, "no sibling of its kind");
    for (LinearOp op : ArrayRef(group).drop_back())
      if (op.getType().getDimSize(1) % 16)
        return fusion.miss(rewriter, first, op,
                           "a width that is not a multiple of 16 would leave "
                           "the next result unaligned");
    for (LinearOp op : group)
      if (!makeAvailable(rewriter, op.getW(), first) ||
          (op.getBias() && !makeAvailable(rewriter, op.getBias(), first)))
        return fusion.miss(rewriter, first, op,
                           "a weight is computed after the first product");
    merge(group, rewriter);
    return success();
  }

private:
  // Products of the same rows in the same block, in program order.
  static SmallVector<LinearOp> siblings(LinearOp op) {
    SmallVector<LinearOp> all;
    for (Operation *user : op.getX().getUsers())
      if (auto linear = dyn_cast<LinearOp>(user))
        if (linear->getBlock() == op->getBlock() && linear.getX() == op.getX())
          all.push_back(linear);
    llvm::sort(all,
               [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b); });
    return all;
  }

  // Those that `first` merges with: the other half of its gated unit, or all
  // that run into neither a gated unit nor an activation.
  SmallVector<LinearOp> groupOf(LinearOp first, ArrayRef<LinearOp> all,
                                PatternRewriter &rewriter) const {
    auto [product, act] = destiny(first);
    SmallVector<LinearOp> group{first};
    for (LinearOp other : all.drop_front()) {
      auto [otherProduct, otherAct] = destiny(other);
      bool pair = product && product == otherProduct && act != otherAct;
      bool free = !product && !act && !otherProduct && !otherAct;
      if (!pair && !free)
        continue;
      if (const char *why = whyNotAlike(first, other))
        (void)fusion.miss(rewriter, first, other, why);
      else
        group.push_back(other);
      if (pair)
        break;
    }
    return group;
  }

  void merge(ArrayRef<LinearOp> group, PatternRewriter &rewriter) const {
    LinearOp first = group.front();
    Product product = Product::of(first);
    SmallVector<Operation *> parts{first};
    for (LinearOp op : group.drop_front()) {
      product.weights.push_back(op.getW());
      if (op.getBias())
        product.biases.push_back(op.getBias());
      parts.push_back(op);
    }
    rewriter.setInsertionPoint(first);
    FusedLinearOp fused = product.build(rewriter, fusion.locate(parts));
    fusion.fired(first, Twine(group.size()) + " products of the same rows");
    for (auto [op, result] : llvm::zip(group, fused.getResults()))
      rewriter.replaceOp(op, result);
  }
};

struct MergeSiblingsPass
    : FusionPassBase<sluice::impl::MergeSiblingsBase<MergeSiblingsPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(getOperation(), fusion,
                     [](RewritePatternSet &patterns, const Fusion &fusion) {
                       patterns.add<Merge>(patterns.getContext(), fusion);
                     });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createMergeSiblings(FusionReport *report) {
  return std::make_unique<MergeSiblingsPass>(report);
}
