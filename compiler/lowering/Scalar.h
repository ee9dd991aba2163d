// The scalar function of an elementwise op, as arith and math ops. The lowering
// of single ops and their fusion into llm.map both use it, and its activations
// are those of the kernels' epilogues, so all forms give the same bits.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace sluice::plan {

// Emits the function of `op` (an op of the llm dialect with the Elementwise
// trait, not llm.map) on one f32 per operand. Null when the op has none.
mlir::Value emitScalar(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Operation *op, mlir::ValueRange arguments);

} // namespace sluice::plan
