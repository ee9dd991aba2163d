// Every op of the dialect.
#pragma once

#include "dialects/llm/LLMDialect.h"
#include "dialects/llm/Shapes.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

#include "dialects/llm/LLMInterfaces.h.inc"

namespace sluice::llm {
class ExpertsOp; // a parent of YieldOp
} // namespace sluice::llm

#define GET_OP_CLASSES
#include "dialects/llm/LLMWeightOps.h.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMElementwiseOps.h.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMLinearOps.h.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMAttentionOps.h.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMRoutingOps.h.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMRowsOps.h.inc"
#define GET_OP_CLASSES
#include "dialects/llm/LLMFusedOps.h.inc"
