#include "runtime/support/Caught.h"

#include <exception>
#include <new>

namespace sluice {

// Short enough to need no memory.
static Status outOfMemory() { return Status(Code::Resource, "out of memory"); }

Status caught() {
  try {
    throw;
  } catch (const std::bad_alloc &) {
    return outOfMemory();
  } catch (const std::exception &error) {
    try {
      return Status(Code::Internal, error.what());
    } catch (const std::bad_alloc &) {
      return outOfMemory();
    }
  }
}

} // namespace sluice
