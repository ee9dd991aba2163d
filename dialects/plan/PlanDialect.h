// The plan dialect; see PlanDialect.td for what a plan is.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/plan/PlanDialect.h.inc"
#include "dialects/plan/PlanEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/plan/PlanTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttributes.h.inc"

#include "dialects/plan/PlanInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

namespace sluice::plan {

// What a buffer or an input declares about its rows.
struct BufferShape {
  RowKind rows;
  int64_t rowScale;
  mlir::Type elem;
  int64_t columns;
};
BufferShape shapeOf(mlir::Value buffer);

int64_t elementBytes(mlir::Type elem);

// Elements from one row of a buffer to the next. Inputs come from the caller
// and are dense.
int64_t rowStride(mlir::Value buffer);

// One operand of a step.
struct Operand {
  llvm::StringRef name;
  mlir::Value buffer;             // null for weights and states
  mlir::FlatSymbolRefAttr symbol; // null for buffers
  int64_t index;                  // first column, or layer
  bool written;
};
llvm::SmallVector<Operand> operandsOf(StepOpInterface step);

} // namespace sluice::plan
