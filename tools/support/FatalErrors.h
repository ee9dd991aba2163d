// For the tools that use LLVM, which aborts where it can go no further.
#pragma once

#include "runtime/support/Temporary.h"
#include "tools/support/OutOfMemory.h"

#include "llvm/Support/ErrorHandling.h"

#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace sluice::tools {

// Such ends become an error message and exit code 1, with nothing left behind.
inline void endOnFatalErrors(const char *doing) {
  nowDoing(doing);
  endWhenOutOfMemory();
  llvm::install_bad_alloc_error_handler(
      [](void *, const char *, bool) { endOutOfMemory(); });
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) {
    // No room for a thread's stack.
    if (std::strstr(reason, "pthread_create failed"))
      endOutOfMemory();
    std::fprintf(stderr, "error: internal: %s\n", reason);
    removeTemporaries();
    _exit(1);
  });
}

} // namespace sluice::tools
