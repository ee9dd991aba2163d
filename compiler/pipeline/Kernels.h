// From the kernels of a plan to machine code.
#pragma once

#include "compiler/codegen/Target.h"
#include "compiler/pipeline/Dumps.h"

#include "mlir/IR/OwningOpRef.h"

namespace sluice::pipeline {

struct TargetCode {
  codegen::Target target;
  std::vector<char> object; // an ELF shared object
  size_t kernels = 0, distinct = 0;
  std::vector<std::string> units; // of the plan's kernels, see Codegen.h
};

// Builds and compiles every kernel of the plan for one target; the texts of the
// stages kernels, llvm and asm go to `dumps` if `first` is set.
Result<TargetCode> generateCode(mlir::ModuleOp plan,
                                const codegen::Target &target, Dumps &dumps,
                                bool first, const Options &options);

} // namespace sluice::pipeline
