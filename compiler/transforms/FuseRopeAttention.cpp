// Joins norms and rotation of q and k, append and attention.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

#include "mlir/Interfaces/CallInterfaces.h"

namespace sluice {
#define GEN_PASS_DEF_FUSEROPEATTENTION
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
// How q or k comes from the rows of its projection.
struct Heads {
  Value rows; // [rows, heads * d]
  NormAttr norm;
  Value normWeight;
  RotateOp rotate;
  bool normAfterRope = false;
  SmallVector<Operation *> chain; // from attention back to the reshape

  Operation *stuck = nullptr; // where the walk back ended otherwise
};
} // namespace

// A norm without bias, as an attribute and its weight.
static bool readNorm(Operation *op, Heads &heads) {
  if (auto rms = dyn_cast<RmsNormOp>(op)) {
    heads.norm =
        NormAttr::get(op->getContext(), NormKind::rms, rms.getEpsAttr());
    heads.normWeight = rms.getW();
    return true;
  }
  auto layer = dyn_cast<LayerNormOp>(op);
  if (!layer || layer.getBias())
    return false;
  heads.norm =
      NormAttr::get(op->getContext(), NormKind::layer, layer.getEpsAttr());
  heads.normWeight = layer.getW();
  return true;
}

// [rotate] [norm] reshape, or [norm] [rotate] reshape, outermost first.
static Heads readHeads(Value value) {
  Heads heads;
  Operation *op = value.getDefiningOp();
  while (op) {
    if (auto rotate = dyn_cast<RotateOp>(op); rotate && !heads.rotate) {
      heads.normAfterRope = static_cast<bool>(heads.norm);
      heads.rotate = rotate;
    } else if (heads.norm || !readNorm(op, heads)) {
      break;
    }
    heads.chain.push_back(op);
    op = op->getOperand(0).getDefiningOp();
  }
  auto reshape = dyn_cast_if_present<ReshapeOp>(op);
  if (reshape && reshape.getX().getType().getRank() == 2) {
    heads.chain.push_back(reshape);
    heads.rows = reshape.getX();
  } else {
    heads.stuck = op;
  }
  return heads;
}

static const char *whyNotAlike(const Heads &q, const Heads &k) {
  if (static_cast<bool>(q.rotate) != static_cast<bool>(k.rotate))
    return "only one of q and k is rotated";
  RotateOp a = q.rotate, b = k.rotate;
  if (a && (a.getTable() != b.getTable() || a.getPairing() != b.getPairing() ||
            a.getFrom() != b.getFrom()))
    return "q and k are rotated differently";
  if (q.norm != k.norm)
    return "q and k are normalised differently";
  if (static_cast<bool>(q.normWeight) != static_cast<bool>(k.normWeight))
    return "only one of the norms of q and k has a weight";
  auto rankOf = [](Value weight) {
    return cast<RankedTensorType>(weight.getType()).getRank();
  };
  if (q.normWeight && rankOf(q.normWeight) != rankOf(k.normWeight))
    return "only one of the norms of q and k has a weight for each head";
  if (q.norm && q.normAfterRope != k.normAfterRope)
    return "q and k are normalised and rotated in another order";
  return nullptr;
}

namespace {
// attention(heads(q), append(heads(k), reshape(v))) -> fused_attention
struct FuseAttention : FusionPattern<AttentionOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getValues())
      return fusion.miss(rewriter, op, op,
                         "its values are channels of its keys");
    Value keys = op.getK(), values = op.getV();
    AppendOp append;
    if (op.getKv()) {
      append = op.getKv().getDefiningOp<AppendOp>();
      if (!append || append.getFields().size() != 2)
        return fusion.miss(rewriter, op, op.getKv().getDefiningOp(),
                           "the cache is not written here by keys and values");
      keys = append.getFields()[0];
      values = append.getFields()[1];
    }
    if (Operation *other = append ? touchedBetween(append, op) : nullptr)
      return fusion.miss(rewriter, op, other,
                         "between append and attention the cache may be read");
    Heads q = readHeads(op.getQ()), k = readHeads(keys), v = readHeads(values);
    for (const Heads *part : {&q, &k, &v})
      if (!part->rows)
        return fusion.miss(rewriter, op, part->stuck,
                           isa_and_present<RopeOp>(part->stuck)
                               ? "rotated without a shared table"
                               : "q, k or v is not reshaped from rows");
    if (v.chain.size() != 1)
      return fusion.miss(rewriter, op, v.chain.front(),
                         "v is normalised or rotated");
    if (const char *why = whyNotAlike(q, k))
      return fusion.miss(rewriter, op, k.chain.front(), why);
    auto flat = dyn_cast_if_present<ReshapeOp>(onlyUser(op.getResult()));
    if (!flat || flat.getType().getRank() != 2)
      return fusion.miss(rewriter, op, onlyUser(op.getResult()),
                         "the result is not reshaped to rows");
    SmallVector<Operation *> links{op};
    if (append)
      links.push_back(append);
    for (const Heads *part : {&q, &k, &v})
      for (Operation *link : part->chain)
        if (!is_contained(links, link)) // keys may be the values too
          links.push_back(link);
    if (failed(onlyReadHere(op, links, rewriter)))
      return failure();
    rewrite(op, append, flat, q, k, v, links, rewriter);
    return success();
  }

private:
  // What may touch the cache after it was written: the fused op writes it where
  // attention stands.
  static Operation *touchedBetween(AppendOp append, AttentionOp op) {
    if (append->getBlock() != op->getBlock())
      return append;
    for (Operation *it = append->getNextNode(); it && it != op;
         it = it->getNextNode()) {
      auto user = dyn_cast<StateInterface>(it);
      if (isa<CallOpInterface>(it) ||
          (user && user.getStateAttr() == append.getStateAttr()))
        return it;
    }
    return nullptr;
  }

  // Each link's value is read by other links only.
  LogicalResult onlyReadHere(AttentionOp op, ArrayRef<Operation *> links,
                             PatternRewriter &rewriter) const {
    for (Operation *link : links) {
      if (link == op)
        continue;
      for (Operation *user : link->getResult(0).getUsers())
        if (!is_contained(links, user) && !isa<TapOp>(user))
          return fusion.miss(rewriter, op, user,
                             "a value between product and attention is also "
                             "read here");
    }
    return success();
  }

  void rewrite(AttentionOp op, AppendOp append, ReshapeOp flat, const Heads &q,
               const Heads &k, const Heads &v, ArrayRef<Operation *> links,
               PatternRewriter &rewriter) const {
    auto heads = cast<RankedTensorType>(op.getQ().getType()).getDimSize(1);
    Value keys = append ? append.getFields()[0] : Value(op.getK());
    auto groups = cast<RankedTensorType>(keys.getType()).getDimSize(1);
    SmallVector<Operation *> places(::llvm::reverse(links));
    RotateOp rotate = q.rotate;
    rewriter.setInsertionPoint(op);
    auto fused = FusedAttentionOp::create(
        rewriter, fusion.locate(places), q.rows, k.rows, v.rows, op.getBatch(),
        append ? append.getLayer() : Value(),
        rotate ? Value(rotate.getTable()) : Value(), q.normWeight, k.normWeight,
        op.getMaskValues(), op.getSinks(), op.getBias(),
        rewriter.getI64IntegerAttr(heads), rewriter.getI64IntegerAttr(groups),
        append ? append.getStateAttr() : FlatSymbolRefAttr(), op.getScaleAttr(),
        op.getMaskAttr(), op.getCapAttr(),
        rotate ? rotate.getPairingAttr() : PairingAttr(),
        rotate ? rotate.getFromAttr() : rewriter.getI64IntegerAttr(0), q.norm,
        q.normAfterRope ? rewriter.getUnitAttr() : UnitAttr());
    fusion.fired(op, append ? "append and attention" : "attention");
    rewriter.replaceOp(flat, fused.getResult());
    for (Operation *link : links)
      dropTaps(rewriter, link->getResult(0));
    erase(links, rewriter);
  }

  // Readers before what they read; q and k may share nothing but operands.
  static void erase(ArrayRef<Operation *> links, PatternRewriter &rewriter) {
    for (Operation *link : links)
      rewriter.eraseOp(link);
  }
};

struct FuseRopeAttentionPass
    : FusionPassBase<
          sluice::impl::FuseRopeAttentionBase<FuseRopeAttentionPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(getOperation(), fusion,
                     [](RewritePatternSet &patterns, const Fusion &fusion) {
                       patterns.add<FuseAttention>(patterns.getContext(),
                                                   fusion);
                     });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createFuseRopeAttention(FusionReport *report) {
  return std::make_unique<FuseRopeAttentionPass>(report);
}
