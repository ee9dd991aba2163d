// Generated kernels, by kind. The lowering asks for the operands and dims of a
// kind, the code generator for its function; what a kind computes is written in
// the file of the kind (Linear.cpp, Attend.cpp, ...), the list of kinds is in
// Kinds.cpp.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Support/LLVM.h"
#include "runtime/format/artifact_generated.h"

namespace sluice::codegen {
struct Target;
}

namespace sluice::kernels {

using ErrorFn = llvm::function_ref<mlir::InFlightDiagnostic()>;

// What a kernel takes: see runtime/format/artifact.fbs. The operands of a call
// are the inputs, then the outputs.
using Signature = format::SignatureT;

std::optional<size_t> operandNamed(const Signature &, llvm::StringRef name);
std::optional<size_t> dimNamed(const Signature &, llvm::StringRef name);

// Fails when the kind is unknown or an attribute is unknown or has a bad value.
mlir::FailureOr<Signature> signature(llvm::StringRef kind,
                                     mlir::DictionaryAttr attrs, ErrorFn error);

// Scratch that one worker needs, given upper bounds of the dims in the order of
// the signature. The attributes must be valid.
int64_t scratchBytes(llvm::StringRef kind, mlir::DictionaryAttr attrs,
                     llvm::ArrayRef<int64_t> dims);

// Emits `func.func @symbol(%call: !llvm.ptr) -> i32` where `builder` points.
// `body` is the region of kinds that have one (map), else null.
mlir::LogicalResult build(llvm::StringRef kind, mlir::DictionaryAttr attrs,
                          mlir::Region *body, const codegen::Target &target,
                          mlir::OpBuilder &builder, llvm::StringRef symbol);

} // namespace sluice::kernels
