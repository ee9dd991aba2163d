// Runs passes on a module: `sluice-opt --merge-siblings=report model.mlir`.
#include "compiler/lowering/Passes.h"
#include "compiler/transforms/Pipeline.h"
#include "dialects/Register.h"
#include "tools/sluice-opt/EvaluatePass.h"
#include "tools/support/FatalErrors.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  sluice::tools::endOnFatalErrors("running the passes");
  mlir::DialectRegistry registry;
  sluice::registerAllDialects(registry);
  sluice::registerFusionPassesAndPipeline();
  sluice::plan::registerPlanPasses();
  sluice::tools::registerEvaluatePasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Sluice pass driver\n", registry));
}
