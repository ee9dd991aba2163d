// Every dialect that a module of this project may hold.
#pragma once

#include "dialects/llm/LLMDialect.h"
#include "dialects/plan/PlanDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace sluice {

inline void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<llm::LLMDialect, plan::PlanDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect>();
}

} // namespace sluice
