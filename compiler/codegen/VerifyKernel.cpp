#include "compiler/codegen/VerifyKernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace sluice::codegen {
namespace {

LogicalResult verifySignature(func::FuncOp kernel) {
  Type pointer = LLVM::LLVMPointerType::get(kernel.getContext());
  Type status = IntegerType::get(kernel.getContext(), 32);
  FunctionType expected =
      FunctionType::get(kernel.getContext(), {pointer}, {status});
  if (kernel.isExternal())
    return kernel.emitError("kernel has no body");
  if (kernel.getFunctionType() != expected)
    return kernel.emitError("kernel has type ")
           << kernel.getFunctionType() << ", expected " << expected;
  return success();
}

// The reason why `op` has no place in a kernel, or an empty string.
StringRef objection(Operation *op) {
  if (isa<memref::AllocOp, memref::ReallocOp, memref::DeallocOp>(op))
    return "allocates memory; use the call's scratch";
  if (isa<memref::AllocaOp, LLVM::AllocaOp>(op) &&
      op->getParentOfType<LoopLikeOpInterface>())
    return "takes stack in a loop; hoist it to the function's start";
  if (isa<CallOpInterface>(op))
    return "calls a function; kernels have no runtime of their own";
  if (isa<memref::GlobalOp, memref::GetGlobalOp, LLVM::GlobalOp>(op))
    return "uses a global; constants are operands";
  return "";
}

struct VerifyKernelPass
    : public PassWrapper<VerifyKernelPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyKernelPass)

  StringRef getArgument() const override { return "verify-kernel"; }
  StringRef getDescription() const override {
    return "Check that a kernel neither allocates nor calls";
  }
  void runOnOperation() override {
    if (failed(verifyKernel(getOperation())))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

LogicalResult verifyKernel(ModuleOp module) {
  auto functions = module.getOps<func::FuncOp>();
  if (!llvm::hasSingleElement(functions))
    return module.emitError("kernel module has ")
           << llvm::range_size(functions) << " functions, expected one";
  if (failed(verifySignature(*functions.begin())))
    return failure();

  bool ok = true;
  module.walk([&](Operation *op) {
    StringRef reason = objection(op);
    if (reason.empty())
      return;
    op->emitError("not allowed in a kernel: ") << reason;
    ok = false;
  });
  return success(ok);
}

std::unique_ptr<Pass> createVerifyKernelPass() {
  return std::make_unique<VerifyKernelPass>();
}

} // namespace sluice::codegen
