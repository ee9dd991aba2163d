// Creating ops from their names, for the importer.
#pragma once

#include "mlir/IR/Builders.h"

#include <string_view>

namespace sluice::llm {

// Creates the op that `state` describes (name, operands, attributes, regions)
// with inferred result types. On failure the reason has been reported at the
// state's location and null is returned.
mlir::Operation *create(mlir::OpBuilder &builder, mlir::OperationState &state);

// The attribute for a legal word of an op's slot ("silu" in slot "fn" of
// "llm.act"); null if the slot takes no word or not this one.
mlir::Attribute wordAttr(mlir::MLIRContext *context, std::string_view op,
                         std::string_view slot, std::string_view word);

} // namespace sluice::llm
