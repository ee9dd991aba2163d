// Language server for .mlir files with the dialects of this project.
#include "dialects/Register.h"
#include "tools/support/FatalErrors.h"

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  sluice::tools::endOnFatalErrors("serving");
  mlir::DialectRegistry registry;
  sluice::registerAllDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
