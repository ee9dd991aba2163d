#include "runtime/executor/Barrier.h"

#include <chrono>
#include <immintrin.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::executor {

// Yields longer than the usual imbalance of steps before it sleeps: waking up
// costs tens of microseconds.
static constexpr std::chrono::microseconds kYieldTime(1000);

static void futex(std::atomic<uint32_t> &word, int operation, uint32_t value) {
  static_assert(sizeof(word) == sizeof(uint32_t));
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr,
          nullptr, 0);
}

std::chrono::nanoseconds Barrier::wait(uint32_t workers) {
  if (workers == 1)
    return {};
  uint32_t generation = generation_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < workers)
    return waitFor(generation);
  arrived_.store(0, std::memory_order_relaxed);
  // Sequentially consistent against sleepers_: either this sees the sleeper, or
  // the sleeper's futex call sees the new generation.
  generation_.store(generation + 1);
  if (sleepers_.load() > 0)
    futex(generation_, FUTEX_WAKE, INT32_MAX);
  return {};
}

std::chrono::nanoseconds Barrier::waitFor(uint32_t generation) {
  auto passed = [&] {
    return generation_.load(std::memory_order_acquire) != generation;
  };
  for (int i = 0; i < pauses_; ++i) {
    if (passed())
      return {};
    _mm_pause();
  }
  auto start = std::chrono::steady_clock::now(), now = start;
  do {
    for (int i = 0; i < 8; ++i) {
      if (passed())
        return std::chrono::steady_clock::now() - start;
      sched_yield();
    }
    now = std::chrono::steady_clock::now();
  } while (now < start + kYieldTime);
  sleepers_.fetch_add(1);
  while (!passed())
    futex(generation_, FUTEX_WAIT, generation);
  sleepers_.fetch_sub(1);
  return std::chrono::steady_clock::now() - start;
}

} // namespace sluice::executor
