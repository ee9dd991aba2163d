// Checks of an artifact's plan, done once when the file is opened, so that the
// executor can follow every index without looking.
#pragma once

#include "runtime/format/artifact_generated.h"
#include "runtime/support/Status.h"

namespace sluice::artifact {

// `model` must have passed the FlatBuffers verifier and its sections the bounds
// checks of the reader.
Status checkPlan(const format::Model &model);

} // namespace sluice::artifact
