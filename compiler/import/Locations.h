// Locations of the spec as MLIR locations.
#pragma once

#include "compiler/spec/Model.h"

#include "mlir/IR/Location.h"

namespace sluice::import {

mlir::Location locate(mlir::MLIRContext *context, const spec::Location &at);

// The op's key, named by the node's path and wrapped in the calls around it.
mlir::Location locate(mlir::MLIRContext *context, const spec::Node &node);

} // namespace sluice::import
