// Which pass changes what a module computes.
#pragma once

#include "compiler/evaluate/Trace.h"
#include "compiler/pipeline/Pipeline.h"

#include "mlir/Pass/PassManager.h"

namespace sluice::pipeline {

// The steps that try a module: of an encoder-decoder the sources; of a
// `generate` entry all but the last of each sequence's ids and then the last
// one, of any other entry all at once. The last row of a sequence is wanted.
Result<std::vector<evaluate::Step>> trialSteps(mlir::ModuleOp module,
                                               const Trial &trial);

// Runs the passes and, before the first and after each, the steps on the
// module with the evaluator. Prints how far each pass moves the outputs, and
// of the first that moves them by more than the tolerance the op, with its
// place in the YAML; that is an error, too.
Status bisect(mlir::ModuleOp module, mlir::PassManager &passes,
              const evaluate::Weights &weights,
              llvm::ArrayRef<evaluate::Step> steps, double tolerance,
              llvm::raw_ostream &out);

} // namespace sluice::pipeline
