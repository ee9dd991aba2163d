// What a kernel may not contain, whoever wrote its builder.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace mlir {
class Pass;
}

namespace sluice::codegen {

// Fails, with an error at each offender, when the module is not exactly one
// public function `(!llvm.ptr) -> i32`, or when it
//  - allocates memory (memref.alloc; all memory comes from the arena or from
//    slc_call::scratch) or takes stack inside a loop,
//  - calls anything: kernels have no runtime of their own,
//  - holds a global.
mlir::LogicalResult verifyKernel(mlir::ModuleOp module);

// The same as a pass ("verify-kernel").
std::unique_ptr<mlir::Pass> createVerifyKernelPass();

} // namespace sluice::codegen
