// Where an evaluation takes its weights from.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/evaluate/Value.h"
#include "compiler/spec/Model.h"
#include "dialects/llm/LLMOps.h"

namespace sluice::evaluate {

// The weight that a symbol stands for in one layer (-1: it has none), as the
// graph sees it: the type's shape, values of the type's precision.
using Weights =
    std::function<llvm::FailureOr<Tensor>(llm::WeightOp weight, int64_t layer)>;

// Values that depend on the weight's name, the layer and the seed only; those
// of a checkpoint `random:SEED`.
Weights seededWeights(uint64_t seed);

// The weights of a checkpoint through the sources of the spec that is bound to
// it, as they are packed. Both must outlive the result.
Weights checkpointWeights(const checkpoint::Checkpoint &file,
                          const spec::Model &model);

} // namespace sluice::evaluate
