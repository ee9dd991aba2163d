// Whether an engine computes a product with the bits of the generated kernel.
#pragma once

#include "runtime/executor/Program.h"

namespace sluice::executor {

// Multiplies a few random rows with the first panels of the step's own weight,
// by the engine and by the step's fallback kernel.
bool sameBits(Engine &engine, const format::Model &model,
              const format::Matmul &source, const ReadyMatmul &matmul,
              const ReadyDispatch &fallback);

} // namespace sluice::executor
