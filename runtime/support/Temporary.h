// Files and folders that must not outlive the process, even where it ends
// without unwinding the stack.
#pragma once

#include <string>

namespace sluice {

void addTemporary(const std::string &path);
void dropTemporary(const std::string &path);

// Removes all that were added and not dropped; for the last moments of a
// process.
void removeTemporaries() noexcept;

} // namespace sluice
