// Lets a step write where its dying input lies, and drops copies that this
// makes pointless.
#include "compiler/kernels/Kernels.h"
#include "compiler/lowering/Passes.h"

namespace sluice::plan {
#define GEN_PASS_DEF_REUSEINPLACEPASS
#include "compiler/lowering/Passes.h.inc"
} // namespace sluice::plan

using namespace mlir;
using namespace sluice::plan;

namespace {

// Whether a kernel of this signature may write the last operand where the one
// numbered `input` is, given equal strides of their rows.
bool mayLieThere(DispatchOp step, const sluice::kernels::Signature &signature,
                 size_t input) {
  auto apart = [&](const sluice::format::OperandT &operand) -> Attribute {
    if (operand.apart < 0)
      return {};
    return step.getDims().get(
        signature.dims[static_cast<size_t>(operand.apart)]->name);
  };
  const auto &from = *signature.operands[input];
  return from.in_place && apart(from) == apart(*signature.operands.back());
}

// Whether the kernel gives back its only input.
bool isCopy(KernelOp kernel) {
  if (kernel.getInputs().size() != 1 || kernel.getBody().empty())
    return false;
  Block &body = kernel.getBody().front();
  return body.getTerminator()->getOperand(0) == body.getArgument(0);
}

bool sameShape(Value a, Value b) {
  BufferShape x = shapeOf(a), y = shapeOf(b);
  return x.rows == y.rows && x.rowScale == y.rowScale && x.elem == y.elem &&
         x.columns == y.columns;
}

bool isUsedOutside(Value buffer, Operation *step, bool before) {
  return llvm::any_of(buffer.getUsers(), [&](Operation *user) {
    return user != step &&
           (isa<OutputOp>(user) ? !before
                                : user->isBeforeInBlock(step) == before);
  });
}

struct ReuseInPlace : sluice::plan::impl::ReuseInPlacePassBase<ReuseInPlace> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto program : getOperation().getOps<ProgramOp>())
      for (auto step :
           llvm::make_early_inc_range(program.getBody().getOps<DispatchOp>()))
        visit(step, symbols.lookup<KernelOp>(step.getKernel()));
  }

  void visit(DispatchOp step, KernelOp kernel) {
    if (!kernel)
      return;
    SmallVector<sluice::plan::Operand> operands = operandsOf(step);
    sluice::plan::Operand result = operands.back();
    if (operands.size() - step.getWrites() != 1 || !result.buffer)
      return;
    FailureOr<sluice::kernels::Signature> signature =
        sluice::kernels::signature(kernel.getKind(), kernel.getConfig(),
                                   [&] { return kernel.emitOpError(); });
    if (failed(signature) || signature->operands.size() != operands.size())
      return signalPassFailure();
    for (const auto &[i, operand] : llvm::enumerate(operands)) {
      if (operand.written || !mayLieThere(step, *signature, i) ||
          !mayTakePlace(step, operand, result))
        continue;
      result.buffer.replaceAllUsesWith(operand.buffer);
      result.buffer.getDefiningOp()->erase();
      if (isCopy(kernel))
        step.erase();
      return;
    }
  }

  static bool mayTakePlace(DispatchOp step,
                           const sluice::plan::Operand &operand,
                           const sluice::plan::Operand &result) {
    Value from = operand.buffer, to = result.buffer;
    if (!from || from == to || !from.getDefiningOp<BufferOp>() ||
        operand.index || result.index || !sameShape(from, to))
      return false;
    // The step may read it under one name only, or another worker could find
    // it overwritten.
    if (llvm::count(step.getBuffers(), from) != 1)
      return false;
    return !isUsedOutside(from, step, /*before=*/false) &&
           !isUsedOutside(to, step, /*before=*/true);
  }
};

} // namespace
