// Work in pieces on several threads, whose bytes leave in order.
#pragma once

#include "compiler/pack/Pack.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace sluice::pack {

// Makes the bytes of piece i, in a buffer that it may find full of others.
// Each thread has one of its own.
using PieceMaker = std::function<Status(int64_t i, std::vector<uint8_t> &out)>;

// Gives pieces 0 to count-1 to the sink, one call for each, on the calling
// thread, while `threads` others make those behind them; at most two for each
// of these wait. The first error, in the order of pieces, ends it.
Status makeInOrder(int64_t count, int64_t threads,
                   const std::function<PieceMaker()> &makerFor,
                   const Sink &sink);

} // namespace sluice::pack
