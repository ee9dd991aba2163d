// From the llm dialect to plans: blocks are unrolled over their layers, values
// become places in buffers, ops become kernel dispatches.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/LLVM.h"

namespace sluice::plan {

struct LoweringOptions {
  // Steps of at most this many tokens have a program of their own, made for
  // few rows. 0: one program for all.
  int64_t decodeTokens = 8;
  // Leave large matrix products to the engine where it may do them.
  bool engine = true;
};

// Lowers a module of the llm dialect, fused or not. The result holds entries,
// programs and all that they refer to; buffers have no offsets yet (see
// buildPlanPipeline). The context must have the plan dialect loaded. Errors are
// reported at the op that has no kernel.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
lowerToPlan(mlir::ModuleOp module, const LoweringOptions &options);

} // namespace sluice::plan
