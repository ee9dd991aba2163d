// Linked into the tools that use LLVM: MLIR puts some of malloc's results to
// use without a look. An allocation that fails ends them like one of operator
// new.
#include "tools/support/OutOfMemory.h"

#include <cstddef>

// glibc's own, under the name that it keeps for those who define malloc.
extern "C" void *__libc_malloc(size_t bytes) noexcept;

extern "C" void *malloc(size_t bytes) noexcept {
  void *memory = __libc_malloc(bytes);
  if (!memory && sluice::tools::endsWhenOutOfMemory())
    sluice::tools::endOutOfMemory();
  return memory;
}
