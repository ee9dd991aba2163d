// Blocks as they lie in an artifact (runtime/format/Packing.h).
#pragma once

#include "compiler/pack/View.h"

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::pack {

// Writes the blocks of `rows` rows, `step` apart, side by side as those of
// `together` rows, into together * blockBytes bytes; rows that are missing
// become zeros.
void layBlocks(format::Elem elem, const checkpoint::Block *blocks, int64_t rows,
               int64_t step, int64_t together, uint8_t *out);

// The tile, of whole blocks, in blocks of `elem`: those of the file if it has
// them, else the nearest, where columns count for what `importance` says (see
// PackOptions).
Status readBlocks(format::Elem elem, const View &view, const Tile &tile,
                  std::vector<checkpoint::Block> &blocks,
                  std::span<const float> importance = {});

// The block of `elem` whose values are nearest to the given ones, in the sum of
// squares, each times its weight if there are any, as far as a search over
// scales finds it. None where a value is not
// finite, or so large that no f16 is its scale.
std::optional<checkpoint::Block> nearestBlock(format::Elem elem,
                                              const float *values,
                                              const float *weights = nullptr);

} // namespace sluice::pack
