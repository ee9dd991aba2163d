// From a resolved spec to the `llm` dialect: one op per node, one function per
// distinct block, one public function per entry.
#pragma once

#include "compiler/import/WeightFormats.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace sluice::import {

struct ImportOptions {
  // Storage of matrices: what the checkpoint holds if there is a format with
  // exactly its numbers (runtime/format/Packing.h; anything else becomes f32,
  // which is exact), or another one where the spec allows it.
  WeightFormats weights;
  // Type of products: bf16 for those with bf16 weights, but with F32, and i8
  // for those with weights in blocks, with I8, or Auto if their numbers are
  // whole; all others are f32.
  enum class Compute { Auto, F32, BF16, I8 } compute = Compute::Auto;
};

// Builds the module of stage "model". Errors are reported at the locations of
// the spec. Blocks with the same structure become one function, however many
// layers call it.
mlir::OwningOpRef<mlir::ModuleOp> importModel(const spec::Model &model,
                                              mlir::MLIRContext *context,
                                              const ImportOptions &options);

} // namespace sluice::import
