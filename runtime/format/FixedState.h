// What a slot of a fixed state takes: f32 of its fields, one after the other.
#pragma once

#include "runtime/format/CacheLayout.h"

namespace sluice::format {

// Bytes of a slot of one layer, whole lines of the memory and at most 2^62. The
// axes of fields are at least 0.
int64_t fixedSlotBytes(std::span<const NamedShape> fields);

} // namespace sluice::format
