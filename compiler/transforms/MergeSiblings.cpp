// Makes products of the same rows one op with several results.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"

#include <map>

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

// Why two products of different kinds cannot be one op.
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

// Products of the same rows in one block, in program order.
using Siblings = SmallVector<LinearOp>;

// What products that become one op have in common.
struct Kind {
  const void *compute = nullptr, *storage = nullptr;
  Packing weight;
  std::optional<Packing> bias;
  auto operator<=>(const Kind &) const = default;

  explicit Kind(LinearOp op)
      : compute(op.getComputeAttr().getAsOpaquePointer()),
        storage(getElementTypeOrSelf(op.getW()).getAsOpaquePointer()),
        weight(packingOf(op.getW())) {
    if (op.getBias())
      bias = packingOf(op.getBias());
  }
};

class Merger {
public:
  Merger(const Fusion &fusion, MLIRContext *context)
      : fusion(fusion), rewriter(context) {}

  // The two halves of a gated unit go together, and products that run into
  // neither a gated unit nor an activation.
  void run(ArrayRef<LinearOp> all) {
    llvm::MapVector<Operation *, Siblings> byUnit;
    llvm::DenseMap<Operation *, int> acts;
    for (LinearOp op : all) {
      auto [unit, act] = destiny(op);
      if (!unit && act)
        continue;
      byUnit[unit].push_back(op);
      acts[unit] += act;
    }
    for (auto &[unit, ops] : byUnit)
      if (ops.size() > 1 && (!unit || (ops.size() == 2 && acts[unit] == 1)))
        mergeAlike(ops);
  }

private:
  void mergeAlike(ArrayRef<LinearOp> ops) {
    llvm::MapVector<Kind, Siblings, std::map<Kind, unsigned>> groups;
    for (LinearOp op : ops)
      groups[Kind(op)].push_back(op);
    // Before the first one is merged and gone.
    for (auto &[kind, group] : groups)
      if (group.front() != ops.front())
        (void)fusion.miss(rewriter, ops.front(), group.front(),
                          whyNotAlike(ops.front(), group.front()));
    for (auto &[kind, group] : groups)
      if (group.size() > 1)
        (void)merge(group);
  }

  LogicalResult merge(ArrayRef<LinearOp> group) {
    LinearOp first = group.front();
    for (LinearOp op : group.drop_back())
      if (op.getType().getDimSize(1) % 16)
        return fusion.miss(rewriter, first, op,
                           "a width that is not a multiple of 16 would leave "
                           "the next result unaligned");
    for (LinearOp op : group)
      if (!makeAvailable(rewriter, op.getW(), first) ||
          (op.getBias() && !makeAvailable(rewriter, op.getBias(), first)))
        return fusion.miss(rewriter, first, op,
                           "a weight is computed after the first product");
    LinearForm product = LinearForm::of(first);
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
    return success();
  }

  const Fusion &fusion;
  IRRewriter rewriter;
};

struct MergeSiblingsPass
    : FusionPassBase<sluice::impl::MergeSiblingsBase<MergeSiblingsPass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    llvm::MapVector<std::pair<Block *, Value>, Siblings> siblings;
    getOperation()->walk([&](LinearOp op) {
      siblings[{op->getBlock(), op.getX()}].push_back(op);
    });
    Merger merger(fusion, &getContext());
    for (auto &[rows, all] : siblings)
      merger.run(all);
    return success();
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createMergeSiblings(FusionReport *report) {
  return std::make_unique<MergeSiblingsPass>(report);
}
