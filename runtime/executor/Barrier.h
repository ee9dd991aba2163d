// Barrier between the steps of a parallel region. It spins first, because steps
// are microseconds long, but gives the core away soon when another process or
// an oversubscribed team wants it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sluice::executor {

class Barrier {
public:
  // `mayShare`: more workers than usable CPUs, so spinning only wastes time.
  explicit Barrier(bool mayShare) : pauses_(mayShare ? 0 : 500) {}

  // Returns when all `workers` have arrived. Everything written before by any
  // of them is visible after. Gives the time it waited beyond the spinning.
  std::chrono::nanoseconds wait(uint32_t workers);

private:
  std::chrono::nanoseconds waitFor(uint32_t generation);

  const int pauses_;
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> generation_{0};
  std::atomic<uint32_t> sleepers_{0};
};

} // namespace sluice::executor
