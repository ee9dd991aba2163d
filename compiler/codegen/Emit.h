// From the LLVM dialect to an object file, by way of LLVM's O3.
#pragma once

#include "compiler/codegen/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace sluice::codegen {

// Translates a module in the LLVM dialect. It carries the triple and the data
// layout from the start: without them LLVM's passes have no cost model.
mlir::FailureOr<std::unique_ptr<llvm::Module>>
translateToLLVM(mlir::ModuleOp module, const Target &target,
                llvm::LLVMContext &context);

// O3 without loop unrolling and vectorisation: builders choose both, and an
// unrolled step loop loses its spread of prefetches.
void optimize(llvm::Module &module, const Target &target);

// The best unit that an optimised module's instructions use, see
// CodegenStatistics.
std::string unitOf(const llvm::Module &module, const Target &target);

std::string emitAssembly(llvm::Module &module, const Target &target);
llvm::SmallVector<char, 0> emitObject(llvm::Module &module,
                                      const Target &target);

} // namespace sluice::codegen
