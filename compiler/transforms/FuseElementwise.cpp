// Joins chains of elementwise ops into one `map`.
#include "compiler/transforms/Fusion.h"
#include "compiler/transforms/Passes.h"
#include "dialects/llm/Broadcast.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "llvm/ADT/SetVector.h"

namespace sluice {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

// The elementwise op with rows that makes the value, if there is one.
static Operation *makerOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !isa<ScalarInterface>(op) ||
      !hasRows(cast<RankedTensorType>(value.getType())))
    return nullptr;
  return op;
}

namespace {
// f(g(x), y) -> map {f . g}
struct FusePair : RewritePattern {
  FusePair(MLIRContext *context, const Fusion &fusion)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context), fusion(fusion) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa<ScalarInterface>(op) || !makerOf(op->getResult(0)))
      return rewriter.notifyMatchFailure(op, "not elementwise on rows");
    for (Value operand : op->getOperands()) {
      Operation *maker = makerOf(operand);
      if (!maker)
        continue;
      if (Operation *other = otherUser(operand, op)) {
        (void)fusion.miss(rewriter, op, other,
                          "the value between is also read here");
        continue;
      }
      if (operand.getType() != op->getResult(0).getType()) {
        (void)fusion.miss(rewriter, op, maker,
                          "the value between is broadcast");
        continue;
      }
      ::llvm::SetVector<Value> inputs = inputsOf(op, operand, maker);
      if (!isOneKernel(op, inputs.getArrayRef())) {
        (void)fusion.miss(rewriter, op, maker,
                          "together they read too many values, or repeat them "
                          "along too many axes");
        continue;
      }
      join(op, operand, maker, inputs, rewriter);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no elementwise op in front");
  }

private:
  // What both read, numbers aside.
  static ::llvm::SetVector<Value> inputsOf(Operation *op, Value between,
                                           Operation *maker) {
    ::llvm::SetVector<Value> inputs;
    auto add = [&](Value value) {
      if (value != between && !numberOf(value))
        inputs.insert(value);
    };
    ::llvm::for_each(maker->getOperands(), add);
    ::llvm::for_each(op->getOperands(), add);
    return inputs;
  }

  static bool isOneKernel(Operation *op, ArrayRef<Value> inputs) {
    auto shapeOf = [](Value value) {
      return SmallVector<int64_t>(
          rowShape(cast<RankedTensorType>(value.getType())));
    };
    SmallVector<SmallVector<int64_t>> shapes = map_to_vector(inputs, shapeOf);
    return inputs.size() <= maxElementwiseOperands &&
           Broadcast(shapeOf(op->getResult(0)), shapes).fits();
  }

  void join(Operation *op, Value between, Operation *maker,
            const ::llvm::SetVector<Value> &inputs,
            PatternRewriter &rewriter) const {
    Location where = fusion.locate({maker, op});
    OperationState state(where, MapOp::getOperationName());
    state.addOperands(inputs.getArrayRef());
    state.addTypes(op->getResultTypes());
    Block *body = &state.addRegion()->emplaceBlock();
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(body);
      ImplicitLocOpBuilder builder(where, rewriter);
      DenseMap<Value, Value> scalars;
      for (Value input : inputs)
        scalars[input] = body->addArgument(builder.getF32Type(), where);
      scalars[between] = emit(builder, maker, scalars);
      YieldOp::create(builder, emit(builder, op, scalars));
    }
    fusion.fired(op, "elementwise chain");
    Operation *map = rewriter.create(state);
    dropTaps(rewriter, between);
    rewriter.replaceOp(op, map->getResults());
    rewriter.eraseOp(maker);
  }

  // The op on scalars; numbers become constants.
  static Value emit(ImplicitLocOpBuilder &builder, Operation *op,
                    const DenseMap<Value, Value> &scalars) {
    SmallVector<expr::Expr> in;
    for (Value operand : op->getOperands()) {
      if (std::optional<float> number = numberOf(operand))
        in.emplace_back(builder,
                        arith::ConstantOp::create(
                            builder, builder.getF32FloatAttr(*number)));
      else
        in.emplace_back(builder, scalars.lookup(operand));
    }
    return cast<ScalarInterface>(op).scalar(builder, in);
  }

  const Fusion &fusion;
};

struct FuseElementwisePass
    : FusionPassBase<sluice::impl::FuseElementwiseBase<FuseElementwisePass>> {
  using FusionPassBase::FusionPassBase;
  LogicalResult fuse(const Fusion &fusion) override {
    return runFusion(getOperation(), fusion,
                     [](RewritePatternSet &patterns, const Fusion &fusion) {
                       patterns.add<FusePair>(patterns.getContext(), fusion);
                     });
  }
};
} // namespace

std::unique_ptr<Pass> sluice::createFuseElementwise(FusionReport *report) {
  return std::make_unique<FuseElementwisePass>(report);
}
