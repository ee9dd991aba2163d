// CPU features by LLVM's names, as code sections list them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::format {

// Whether this process can use the feature: the CPU has it, and the operating
// system saves its registers. For the tiles of AMX, which it gives only to
// processes that ask, the first call asks. False also for a name that this
// runtime does not know.
bool cpuHas(std::string_view feature);

// Whether products of pairs of bf16 (vdpbf16ps) take longer than f32 fma of the
// same numbers: half as fast on Intel's processors, twice as fast on AMD's.
bool hasSlowBf16Dot();

// The members of `features` that this process cannot use.
std::vector<std::string>
missingFeatures(const std::vector<std::string> &features);

} // namespace sluice::format
