// Checks that single and fused ops share.
#pragma once

#include "dialects/llm/LLMOps.h"

#include "mlir/IR/Operation.h"

namespace sluice::llm {

// x [rows, K], w [N, K], bias [N] or null. Returns N.
llvm::FailureOr<int64_t> checkLinear(std::optional<mlir::Location> where,
                                     mlir::Value x, mlir::Value w,
                                     mlir::Value bias);

// A norm's parameter: the last axis of x, or its last two; may be null.
llvm::LogicalResult checkNormWeight(mlir::Operation *op, llvm::StringRef name,
                                    mlir::RankedTensorType x,
                                    mlir::Value weight);

// A score bias has the heads of the queries that it is added to; may be null.
llvm::LogicalResult checkBias(mlir::Operation *op, mlir::Value bias,
                              int64_t heads);

// The limit of a soft cap, if there is one.
llvm::LogicalResult checkCap(mlir::Operation *op, std::optional<float> cap);

// A mask has terms, which name each of `values` and nothing beyond them. What
// keys hold is known of this step's rows only, so of no `cache`.
llvm::LogicalResult checkMask(mlir::Operation *op, mlir::ArrayAttr mask,
                              mlir::ValueRange values, bool cache);

// The state that the op names, which is of this kind and has layers exactly
// when the op has a layer index.
llvm::FailureOr<StateOp> lookupState(StateInterface op, StateKind kind,
                                     mlir::SymbolTableCollection &symbols);

// A fixed state of exactly this shape; `why` ends "expected shape, ...".
llvm::LogicalResult checkStateShape(StateInterface op, StateOp state,
                                    llvm::ArrayRef<int64_t> shape,
                                    llvm::StringRef why);

// A tensor operand of exactly this shape; may be null.
llvm::LogicalResult checkShape(mlir::Operation *op, llvm::StringRef name,
                               mlir::Value value,
                               llvm::ArrayRef<int64_t> shape);

} // namespace sluice::llm
