#include "compiler/lowering/Passes.h"

namespace sluice::plan {
#define GEN_PASS_DEF_REUSEINPLACEPASS
#include "compiler/lowering/Passes.h.inc"
} // namespace sluice::plan

using namespace mlir;
using namespace sluice::plan;

namespace {

// Whether the kernel reads `input` only at the element that it writes next,
// given equal strides of their rows.
bool isElementwise(DispatchOp step, KernelOp kernel, StringRef input) {
  if (kernel.getKind() == "linear" || kernel.getKind() == "post" ||
      kernel.getKind() == "combine")
    return input == "residual";
  auto splat = kernel.getConfig().getAs<StringAttr>("splat");
  size_t number = 0;
  if (kernel.getKind() != "map" || !splat ||
      input.drop_front().getAsInteger(10, number) ||
      splat.getValue().drop_front(number).starts_with("1"))
    return false;
  // The input may be a view of other runs of columns.
  auto dim = [&](const Twine &name) {
    return step.getDims().getAs<IntegerAttr>(name.str());
  };
  IntegerAttr outer = dim("outer"), from = dim(input + ".outer"),
              to = dim("y.outer");
  return outer && (outer.getInt() == 1 || from == to);
}

// Whether the kernel gives back its only input.
bool isCopy(KernelOp kernel) {
  if (kernel.getKind() != "map" || kernel.getInputs().size() != 1 ||
      kernel.getBody().empty())
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
    for (const sluice::plan::Operand &operand : operands) {
      if (operand.written || !isElementwise(step, kernel, operand.name) ||
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
