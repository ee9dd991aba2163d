#include "runtime/support/Temporary.h"

#include <filesystem>
#include <mutex>
#include <set>

namespace sluice {

// The process may end while a thread, even this one, is in here.
static std::recursive_mutex mutex;
static std::set<std::string> &paths() {
  static std::set<std::string> all;
  return all;
}

void addTemporary(const std::string &path) {
  std::lock_guard lock(mutex);
  paths().insert(path);
}

void dropTemporary(const std::string &path) {
  std::lock_guard lock(mutex);
  paths().erase(path);
}

void removeTemporaries() noexcept {
  std::unique_lock lock(mutex, std::try_to_lock);
  if (!lock)
    return;
  std::error_code ignored;
  for (const std::string &path : paths())
    std::filesystem::remove_all(path, ignored);
}

} // namespace sluice
