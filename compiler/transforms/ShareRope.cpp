// Computes cos and sin of positions once, in front of the layers that use them.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/MapVector.h"

namespace sluice {
#define GEN_PASS_DEF_SHAREROPE
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
// Ropes with the same angles.
using Angles = std::tuple<Value, Value, Attribute>;
using RopeGroups = ::llvm::MapVector<Angles, SmallVector<RopeOp>>;

struct ShareRopePass
    : FusionPassBase<sluice::impl::ShareRopeBase<ShareRopePass>> {
  using FusionPassBase::FusionPassBase;

  LogicalResult fuse(const Fusion &fusion) override {
    collectCalls();
    IRRewriter rewriter(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      RopeGroups groups;
      function.walk([&](RopeOp op) {
        groups[{op.getPos(), op.getFreqs(), op.getAmplitudeAttr()}].push_back(
            op);
      });
      for (auto &[angles, ropes] : groups)
        share(function, ropes, fusion, rewriter);
      if (!groups.empty())
        dropUnreadArguments(function);
    }
    return success();
  }

private:
  void collectCalls() {
    calls.clear();
    getOperation().walk(
        [&](func::CallOp call) { calls[call.getCallee()].push_back(call); });
  }

  // An argument of a block that every caller can supply.
  bool isHoistable(func::FuncOp function, Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == &function.front() &&
           function.isPrivate() && calls.contains(function.getName());
  }

  void share(func::FuncOp function, ArrayRef<RopeOp> ropes,
             const Fusion &fusion, IRRewriter &rewriter) {
    RopeOp first = ropes.front();
    SmallVector<Operation *> parts(ropes.begin(), ropes.end());
    Location where = fusion.locate(parts);
    Value table;
    if (isHoistable(function, first.getPos()) &&
        isHoistable(function, first.getFreqs())) {
      table = hoist(function, first, where, rewriter);
      fusion.fired(first, Twine(ropes.size()) +
                              " rotations by a table of the callers");
    } else {
      Operation *before = function.front().findAncestorOpInBlock(*first);
      table = makeTable(rewriter, where, before, first.getPos(),
                        first.getFreqs(), first.getAmplitudeAttr());
      fusion.fired(first,
                   Twine(ropes.size()) +
                       (function.isPrivate()
                            ? " rotations by a table per call: positions "
                              "or frequencies are made in the block"
                            : " rotations by one table"));
    }
    for (RopeOp rope : ropes) {
      rewriter.setInsertionPoint(rope);
      rewriter.replaceOpWithNewOp<RotateOp>(rope, rope.getType(), rope.getX(),
                                            table, rope.getPairingAttr(),
                                            rope.getFromAttr());
    }
  }

  static Value makeTable(IRRewriter &rewriter, Location where,
                         Operation *before, Value pos, Value freqs,
                         FloatAttr amplitude) {
    rewriter.setInsertionPoint(before);
    return RopeTableOp::create(rewriter, where, pos, freqs, amplitude);
  }

  // Gives the block a table argument and every caller a table. Calls of one
  // caller with the same operands share it: the first call makes it.
  Value hoist(func::FuncOp function, RopeOp rope, Location where,
              IRRewriter &rewriter) {
    unsigned pos = cast<BlockArgument>(rope.getPos()).getArgNumber();
    unsigned freqs = cast<BlockArgument>(rope.getFreqs()).getArgNumber();
    RankedTensorType type =
        rowsOf(&getContext(), {2, rope.getFreqs().getType().getShape().back()});
    unsigned at = function.getNumArguments();
    (void)function.insertArgument(at, type, DictionaryAttr(), where);
    for (func::CallOp call : calls[function.getName()]) {
      Value &table = tables[{call->getBlock(), call.getOperand(pos),
                             call.getOperand(freqs), rope.getAmplitudeAttr()}];
      if (!table)
        table = makeTable(rewriter, where, call, call.getOperand(pos),
                          call.getOperand(freqs), rope.getAmplitudeAttr());
      // Blocks are met in another order than they are called.
      if (Operation *made = table.getDefiningOp(); !made->isBeforeInBlock(call))
        rewriter.moveOpBefore(made, call);
      call->insertOperands(call->getNumOperands(), table);
    }
    return function.getArgument(at);
  }

  // Positions and frequencies that only the table needed.
  void dropUnreadArguments(func::FuncOp function) {
    auto found = calls.find(function.getName());
    if (!function.isPrivate() || found == calls.end())
      return;
    ::llvm::BitVector unread(function.getNumArguments());
    for (BlockArgument argument : function.getArguments())
      if (argument.use_empty() && isa<RankedTensorType>(argument.getType()))
        unread.set(argument.getArgNumber());
    if (unread.none() || failed(function.eraseArguments(unread)))
      return;
    for (func::CallOp call : found->second)
      call->eraseOperands(unread);
  }

  ::llvm::StringMap<SmallVector<func::CallOp>> calls;
  ::llvm::MapVector<std::tuple<Block *, Value, Value, Attribute>, Value> tables;
};
} // namespace

std::unique_ptr<Pass> sluice::createShareRope(FusionReport *report) {
  return std::make_unique<ShareRopePass>(report);
}
