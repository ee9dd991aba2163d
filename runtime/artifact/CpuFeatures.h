// CPU features by LLVM's names, as code sections list them.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::artifact {

// False also for a name that this runtime does not know.
bool cpuHas(std::string_view feature);

// The members of `features` that this CPU (or its operating system) lacks.
std::vector<std::string>
missingFeatures(const std::vector<std::string> &features);

// Asks the operating system for what it gives only to processes that ask: the
// registers of AMX, if `features` names it. Must come before the threads that
// use them; Unsupported when it refuses.
Status requestFeatures(const std::vector<std::string> &features);

} // namespace sluice::artifact
