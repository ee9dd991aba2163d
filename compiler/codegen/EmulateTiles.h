// Tiles without a tile unit.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace sluice::codegen {

// Replaces the ops of the amx dialect by vector code with the same results to
// the bit, so that kernels for AMX can be checked on any machine. Handles what
// kernels use: tiles of bf16 and f32, loads and stores with a stride, zeros and
// products of bf16.
std::unique_ptr<mlir::Pass> createEmulateTilesPass();

} // namespace sluice::codegen
