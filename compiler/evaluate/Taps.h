// Results of ops as outputs: in what an evaluation records and in what a
// compiled entry gives they have the same names, so that the two can be
// compared op by op.
#pragma once

#include "compiler/evaluate/Evaluate.h"
#include "runtime/support/Status.h"

namespace sluice::evaluate {

// Puts an `llm.tap` behind every op whose result is f32 rows that it has
// computed, and not only another shape or part of. Its name is
// "NUMBER OP PATH PLACE", as "3 llm.linear layer/q models/a.yaml:53:40" (with
// `-` for what is not known), the number counting the taps of the module.
void tapResults(mlir::ModuleOp module);

// Runs the steps and gives of the last one per sequence, as `sluice-run
// --compare` reads them, the inputs ("ids.0"), those of a step before it
// ("source_ids.0"), and what was tapped ("NAME.0", see dialects/llm/Taps.h) and
// the outputs: [rows, columns].
using Named = std::pair<std::string, Value>;
Result<std::vector<Named>> referenceOf(mlir::ModuleOp module,
                                       const Weights &weights,
                                       llvm::ArrayRef<Step> steps);

} // namespace sluice::evaluate
