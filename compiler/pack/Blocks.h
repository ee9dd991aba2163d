// Block formats (runtime/format/Packing.h), written exactly or not at all.
#pragma once

#include "runtime/format/Packing.h"
#include "runtime/support/Status.h"

#include <cstdint>

namespace sluice::pack {

// A scale (the bits of an f16) and whole numbers whose products with it are the
// `group` values of a block, exactly. Unsupported when there are none.
struct Block {
  uint16_t scale = 0;
  int8_t numbers[32] = {};
};
Result<Block> blockOf(format::Elem elem, const float *values);

} // namespace sluice::pack
