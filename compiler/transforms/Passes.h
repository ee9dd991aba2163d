// The passes on `llm` modules; see Passes.td for what each does.
#pragma once

#include "compiler/transforms/FusionReport.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace sluice {

#define GEN_PASS_DECL
#include "compiler/transforms/Passes.h.inc"

// The same passes, writing what they did to `report` (which may be null).
std::unique_ptr<mlir::Pass> createShareRope(FusionReport *report);
std::unique_ptr<mlir::Pass> createWantedRows(FusionReport *report);
std::unique_ptr<mlir::Pass> createMergeSiblings(FusionReport *report);
std::unique_ptr<mlir::Pass> createFuseNormMatmul(FusionReport *report);
std::unique_ptr<mlir::Pass> createFuseSwiglu(FusionReport *report);
std::unique_ptr<mlir::Pass> createFuseEpilogue(FusionReport *report);
std::unique_ptr<mlir::Pass> createFuseRopeAttention(FusionReport *report);
std::unique_ptr<mlir::Pass> createFuseMoeDispatch(FusionReport *report);
std::unique_ptr<mlir::Pass> createFuseElementwise(FusionReport *report);

#define GEN_PASS_REGISTRATION
#include "compiler/transforms/Passes.h.inc"

} // namespace sluice
