// From kernel IR to the LLVM dialect.
#pragma once

#include "compiler/codegen/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace sluice::codegen {

// Dialects that kernels are written in (func, scf, vector, memref, arith, math,
// x86vector, amx, llvm) and what is needed to translate them.
void registerKernelDialects(mlir::DialectRegistry &registry);

// Replaces math functions by polynomials, so that no libm symbol is left, and
// spells out what the target has no instruction for.
// Accuracy in f32, relative, measured over the whole range: exp 8e-8, log 9e-8,
// log1p 1.8e-7, tanh 2.6e-7, erf 2.3e-7; sin and cos 1.7e-7 absolute for |x| up
// to pi: larger angles are reduced by the caller, in f64.
std::unique_ptr<mlir::Pass> createExpandMathPass();

// The whole way: verify-kernel, emulate tiles where the target says so, expand
// math, then scf, memref, vector, arith, func to the LLVM dialect.
void buildLoweringPipeline(mlir::OpPassManager &passes, const Target &target);

} // namespace sluice::codegen
