// The limits of this machine, measured in the same process and minutes as the
// model: on shared machines they change by the minute.
#pragma once

#include "runtime/executor/Team.h"
#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace sluice::bench {

class Machine {
public:
  // Allocates and touches the memory that bandwidth() reads.
  static Result<Machine> create(int threads);

  // Bytes a second that all threads together read from memory: one slice of
  // `bytes`, the next one at every call, so that caches do not help.
  double bandwidth(size_t bytes);
  // Operations a second of f32 fused multiply-adds and of bf16 products (in
  // tiles, else dot products; 0 where the CPU has neither), in registers.
  double peakF32() const;
  double peakBf16() const;

private:
  explicit Machine(int threads) : team_(threads) {}

  executor::Team team_;
  struct Free {
    void operator()(char *memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory_;
  size_t at_ = 0;
};

} // namespace sluice::bench
