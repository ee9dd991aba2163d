// operator new of a program whose memory can run out.
#pragma once

#include <cstdint>

namespace sluice::test {

// Allocations that this thread may still make; below 0: any number.
extern thread_local int64_t allowed;

} // namespace sluice::test
