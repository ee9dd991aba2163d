// Shapes of values: rows (first axis dynamic) and what is the same for every
// row (no dynamic axis).
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ValueRange.h"

#include <optional>

namespace sluice::llm {

// Whether the first axis, and only the first, is dynamic; whether none is. The
// other axes have at least one element.
bool hasRows(mlir::RankedTensorType type);
bool hasNoRows(mlir::RankedTensorType type);

// The shape of one row; the whole shape when there are no rows.
llvm::ArrayRef<int64_t> rowShape(mlir::RankedTensorType type);

// Product of `rowShape`.
int64_t rowElements(mlir::RankedTensorType type);

// f32 rows of the given shape.
mlir::RankedTensorType rowsOf(mlir::MLIRContext *context,
                              llvm::ArrayRef<int64_t> shape);

// `llm.binary`'s rule: row shapes aligned at the right, axes of size 1 or
// missing ones repeated; rows if an operand has them; f32.
llvm::FailureOr<mlir::RankedTensorType>
broadcast(std::optional<mlir::Location> location, mlir::ValueRange operands);

// The value's tensor type with the given rank (-1: any); says what was found
// otherwise. For use before operands are verified.
llvm::FailureOr<mlir::RankedTensorType>
tensorOf(std::optional<mlir::Location> location, mlir::Value value,
         llvm::StringRef name, int64_t rank = -1);

} // namespace sluice::llm
