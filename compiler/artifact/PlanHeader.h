// A plan as the tables of an artifact's header.
#pragma once

#include "compiler/artifact/ArtifactWriter.h"

#include "runtime/format/artifact_generated.h"

namespace sluice::artifact {

struct PlanHeader {
  format::ModelT model; // without sections
  // The weights section in file order, each instance at its offset.
  std::vector<std::pair<uint64_t, WeightInstance>> weights;
  uint64_t weightBytes = 0;
  // The constants section.
  std::string constants;
};

// `specs`: the folder from which places name the files below it.
Result<PlanHeader> makePlanHeader(mlir::ModuleOp plan, llvm::StringRef specs);

} // namespace sluice::artifact
