// Kernel modules to one shared object: the last stage of the compiler.
#pragma once

#include "compiler/codegen/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::codegen {

// What of a kernel can be looked at on the way.
enum class DumpStage {
  Dialect, // the LLVM dialect, before translation
  LLVM,    // LLVM IR after O3
  Assembly
};

struct CodegenOptions {
  unsigned threads = 0; // that compile at a time; 0: one for each core
  // Called once per distinct kernel and stage in `dumpStages`, one call at a
  // time, from any thread.
  std::function<void(std::string_view symbol, DumpStage stage,
                     std::string_view text)>
      dump;
  std::vector<DumpStage> dumpStages;
};

struct CodegenStatistics {
  size_t kernels = 0;  // asked for
  size_t distinct = 0; // compiled
  // For each that was asked for: the best unit that its instructions use, by
  // LLVM's name of the feature: "amx-bf16", "avx512bf16", "avx512" or "avx2".
  std::vector<std::string> units;
};

// Compiles modules of one public function each (see verifyKernel) and links
// them. The functions' names become the exported symbols; kernels that differ
// in their name only are compiled once. Errors are reported at the modules.
mlir::FailureOr<std::vector<char>>
compileKernels(llvm::ArrayRef<mlir::ModuleOp> kernels, const Target &target,
               const CodegenOptions &options = {},
               CodegenStatistics *statistics = nullptr);

} // namespace sluice::codegen
