// Elementwise ops as functions of scalars: one definition for `map`, for the
// lowering of single ops and for products' epilogues, so that all give the
// same bits.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace sluice {

// Whether `emitScalar` knows the op.
bool hasScalarForm(mlir::Operation *op);

// Emits the op's function on f32 scalars, one per operand of the op; null if it
// has none.
mlir::Value emitScalar(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Operation *op, mlir::ValueRange arguments);

} // namespace sluice
