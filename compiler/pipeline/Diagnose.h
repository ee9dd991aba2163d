// MLIR diagnostics as the compiler prints them.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"

namespace sluice::pipeline {

// While it lives, diagnostics go to `errors` as `file:line:col: error: ...`; a
// location that was fused or called shows where its parts come from.
class DiagnosticPrinter {
public:
  DiagnosticPrinter(mlir::MLIRContext *context, llvm::raw_ostream &errors);

  int errorCount() const { return errors; }

private:
  int errors = 0;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace sluice::pipeline
