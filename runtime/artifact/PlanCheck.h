// Checks of an artifact's plan, done once when the file is opened, so that the
// executor can follow every index without looking.
#pragma once

#include "runtime/format/artifact_generated.h"
#include "runtime/support/Status.h"

namespace sluice::artifact {

// Limits that keep all size arithmetic far from overflow.
inline constexpr int64_t kMaxColumns = int64_t(1) << 31;
inline constexpr int64_t kMaxRowScale = int64_t(1) << 16;
inline constexpr int64_t kMaxContext = int64_t(1) << 26;
inline constexpr uint64_t kMaxBytes = uint64_t(1) << 44;

// `model` must have passed the FlatBuffers verifier and its sections the bounds
// checks of the reader.
Status checkPlan(const format::Model &model);

} // namespace sluice::artifact
