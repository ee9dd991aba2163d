// Looking up weights and states from the ops that name them.
#pragma once

#include "mlir/IR/Operation.h"
#include "mlir/IR/SymbolTable.h"

namespace sluice::llm {

// The symbol as an op of type T, or an error on the user.
template <typename T>
llvm::FailureOr<T> lookup(mlir::Operation *user, mlir::FlatSymbolRefAttr name,
                          mlir::SymbolTableCollection &symbols) {
  mlir::Operation *found = symbols.lookupNearestSymbolFrom(user, name);
  if (!found)
    return user->emitOpError("no symbol is named '@") << name.getValue() << "'";
  if (auto op = llvm::dyn_cast<T>(found))
    return op;
  return user->emitOpError("expected '@")
         << name.getValue() << "' to be an " << T::getOperationName()
         << ", found '" << found->getName() << "'";
}

// A layer index is written exactly when the symbol has layers.
inline llvm::LogicalResult checkLayer(mlir::Operation *user,
                                      mlir::Operation *symbol, bool hasLayers,
                                      bool hasIndex) {
  if (hasLayers == hasIndex)
    return llvm::success();
  mlir::InFlightDiagnostic diagnostic = user->emitOpError(
      hasLayers ? "expected a layer index, the symbol has layers"
                : "expected no layer index, the symbol has no layers");
  diagnostic.attachNote(symbol->getLoc()) << "declared here";
  return diagnostic;
}

} // namespace sluice::llm
