// Rewrites fused ops into what they stand for, by their own interface.
#include "compiler/transforms/Passes.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/IR/PatternMatch.h"

namespace sluice {
#define GEN_PASS_DEF_DECOMPOSEFUSED
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
struct DecomposeFusedPass
    : sluice::impl::DecomposeFusedBase<DecomposeFusedPass> {
  void runOnOperation() override {
    SmallVector<DecomposeInterface> fused;
    getOperation().walk([&](DecomposeInterface op) { fused.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (DecomposeInterface op : fused) {
      rewriter.setInsertionPoint(op);
      FailureOr<SmallVector<Value>> values = op.decompose(rewriter);
      if (failed(values)) {
        op.emitError("cannot be decomposed");
        return signalPassFailure();
      }
      rewriter.replaceOp(op, *values);
    }
  }
};
} // namespace
