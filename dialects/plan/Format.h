// What the plan and the artifact both say, in the artifact's words.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "runtime/format/Packing.h"

namespace sluice::plan {

format::RowKind asFormat(RowKind kind);
format::StateKind asFormat(StateKind kind);
format::Layout asFormat(Layout layout);

// An element type that checkElement() has let through.
format::Elem elemOf(mlir::Type type);

format::Packing packingOf(WeightOp weight);

} // namespace sluice::plan
