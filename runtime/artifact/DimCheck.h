// Relates the dims of a step to its operands, by the names that kernels of all
// kinds share: heads side by side, K and N elements, NAME.stride. What a kind
// alone knows (scratch, what lies behind an index that a kernel computes) is
// left to the compiler's own checks.
#pragma once

#include "runtime/format/artifact_generated.h"
#include "runtime/support/Status.h"

namespace sluice::artifact {

// `dispatch` must have as many dims and operands as its kernel, and no operand
// that does not exist.
Status checkDims(const format::Model &model, const format::Dispatch &dispatch);

// A cache's block has room for the heads that its fields name.
Status checkBlock(const format::State &state);

// A packed weight has the bytes that its shape and layout take.
Status checkPacked(const format::Weight &weight);

} // namespace sluice::artifact
