// Moves the choice of wanted rows up, so that other rows are not computed.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

namespace sluice {
#define GEN_PASS_DEF_WANTEDROWS
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

// Ops whose result row depends only on the same row of their operands.
static bool treatsRowsAlone(Operation *op) {
  return isa<ScalarInterface>(op) || op->hasTrait<RowWise>();
}

static bool isRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && hasRows(type);
}

namespace {
// wanted_rows(op(x)) -> op(wanted_rows(x))
struct MoveUp : FusionPattern<WantedRowsOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(WantedRowsOp op,
                                PatternRewriter &rewriter) const override {
    Operation *maker = op.getX().getDefiningOp();
    if (!maker || !treatsRowsAlone(maker) || maker->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "rows are not made one by one");
    if (Operation *other = otherUser(op.getX(), op))
      return fusion.miss(rewriter, op, other, "all rows are also read here");
    for (Value operand : maker->getOperands())
      if (isRows(operand) && !getElementTypeOrSelf(operand).isF32())
        return fusion.miss(rewriter, op, maker, "reads rows of ids");

    rewriter.setInsertionPoint(maker);
    if (!makeAvailable(rewriter, op.getBatch(), maker))
      return fusion.miss(rewriter, op, maker, "the batch is not known there");
    IRMapping wanted;
    for (Value operand : maker->getOperands())
      if (isRows(operand) && !wanted.contains(operand))
        wanted.map(operand, WantedRowsOp::create(rewriter, op.getLoc(),
                                                 operand.getType(), operand,
                                                 op.getBatch())
                                .getResult());
    Operation *moved = rewriter.clone(*maker, wanted);
    fusion.fired(op, "rows selected before " + maker->getName().getStringRef());
    dropTaps(rewriter, op.getX());
    rewriter.replaceOp(op, moved->getResults());
    rewriter.eraseOp(maker);
    return success();
  }
};

struct WantedRowsPass
    : FusionPassBase<sluice::impl::WantedRowsBase<WantedRowsPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(getOperation(), fusion,
                     [](RewritePatternSet &patterns, const Fusion &fusion) {
                       patterns.add<MoveUp>(patterns.getContext(), fusion);
                     });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createWantedRows(FusionReport *report) {
  return std::make_unique<WantedRowsPass>(report);
}
