// The function that a region of scalar ops stands for.
#pragma once

#include "compiler/formula/Formula.h"

#include "mlir/IR/Region.h"

namespace sluice::formula {

// The region takes f32 arguments and yields one f32, computed by arith and math
// ops; an error is emitted at an op that has no place in a formula.
mlir::FailureOr<Formula> fromRegion(mlir::Region &region);

} // namespace sluice::formula
