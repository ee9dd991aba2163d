// The order of the passes from a model to a finished plan.
#include "compiler/lowering/Passes.h"

namespace sluice::plan {

void buildPlanPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createReuseInPlacePass());
  // Before the arena, which must keep apart what runs at the same time.
  manager.addPass(createRelaxBarriersPass());
  manager.addPass(createAssignArenaPass());
  manager.addPass(createVerifyPlanPass());
}

} // namespace sluice::plan
