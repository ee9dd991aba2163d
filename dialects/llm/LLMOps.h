// Every op of the dialect.
#pragma once

#include "dialects/expr/Expr.h"
#include "dialects/llm/LLMDialect.h"
#include "dialects/llm/Shapes.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

#include "dialects/llm/LLMInterfaces.h.inc"

namespace sluice::llm {
class ExpertsOp; // a parent of YieldOp
} // namespace sluice::llm

#include "dialects/llm/LLMOpClasses.inc"
