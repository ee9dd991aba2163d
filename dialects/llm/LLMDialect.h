// The dialect, its types, attributes and words.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "runtime/format/Packing.h"

#include "dialects/llm/Epilogue.h"
#include "dialects/llm/LLMDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/llm/LLMAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/llm/LLMTypes.h.inc"

namespace sluice::llm {

// What `append` writes and attention reads: the blocks of all sequences.
struct StateResource : mlir::SideEffects::Resource::Base<StateResource> {
  llvm::StringRef getName() final { return "llm state"; }
};

// How a weight with elements of this type (f32, bf16, i32 or blocks) is stored,
// and back.
format::Elem elemOf(mlir::Type type);
mlir::Type typeOf(format::Elem elem, mlir::MLIRContext *context);

// A result's row depends only on the same row of the operands.
template <typename ConcreteType>
struct RowWise : mlir::OpTrait::TraitBase<ConcreteType, RowWise> {};

// Attributes that give functions their part in a model.
inline constexpr llvm::StringLiteral entryAttr = "llm.entry";
inline constexpr llvm::StringLiteral nameAttr = "llm.name";
inline constexpr llvm::StringLiteral inputAttr = "llm.input";
inline constexpr llvm::StringLiteral optionalAttr = "llm.optional";
// Unit: rows of ints that are 0 or 1, which the caller gives as bool.
inline constexpr llvm::StringLiteral flagsAttr = "llm.flags";

} // namespace sluice::llm
