// Limits of what is in an artifact; they keep all size arithmetic far from
// overflow.
#pragma once

#include <cstdint>

namespace sluice::format {

inline constexpr int64_t kMaxColumns = int64_t(1) << 31;  // of a row
inline constexpr int64_t kMaxRowScale = int64_t(1) << 16; // rows per token
inline constexpr int64_t kMaxContext = int64_t(1) << 26;  // positions
inline constexpr uint64_t kMaxBytes = uint64_t(1) << 44;  // of one thing

} // namespace sluice::format
