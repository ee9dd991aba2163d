// The fusions in their order, as a library call.
#pragma once

#include "compiler/transforms/FusionReport.h"

#include "mlir/Pass/PassManager.h"

#include <set>

namespace sluice {

struct FusionOptions {
  // Names of fusions to leave out. With all of them left out the module is the
  // unfused twin: the same bits, more slowly.
  std::set<std::string> disabled;
  // Receives what fired and what nearly did; may be null.
  FusionReport *report = nullptr;
};

// The names that `disabled` may hold, in the order of the pipeline.
llvm::ArrayRef<llvm::StringRef> fusionNames();

// verify-model, the fusions, verify-fused.
void buildFusionPipeline(mlir::OpPassManager &manager,
                         const FusionOptions &options);

// Makes the passes and `fusion-pipeline` known to command lines.
void registerFusionPassesAndPipeline();

} // namespace sluice
