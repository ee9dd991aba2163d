#include "tests/unit/executor/LimitedMemory.h"

#include <cstdlib>
#include <new>

namespace sluice::test {
thread_local int64_t allowed = -1;
} // namespace sluice::test

using sluice::test::allowed;

void *operator new(size_t bytes) {
  if (allowed == 0)
    throw std::bad_alloc();
  if (allowed > 0)
    --allowed;
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
void *operator new(size_t bytes, const std::nothrow_t &) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc &) {
    return nullptr;
  }
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
