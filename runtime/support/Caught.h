// Exceptions of the standard library and of others become errors as values.
#pragma once

#include "runtime/support/Status.h"

namespace sluice {

// Inside of `catch (...)`: the Status of what was thrown. What is no
// std::exception (a thread that is being cancelled) is thrown on.
Status caught();

} // namespace sluice
