// A file that appears under its name only when it is complete.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

// Writes to a file without a name in the folder of `path` (or, where the file
// system has none, to a temporary file); commit() flushes it and puts it in the
// place of `path`. A file that is not committed leaves nothing behind.
class AtomicFile {
public:
  static Result<AtomicFile> create(const std::string &path);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) noexcept;
  ~AtomicFile();

  // Bytes reach the file in large blocks.
  Status write(const void *data, size_t size);
  // Zero bytes up to the next multiple of `alignment`.
  Status pad(size_t alignment);
  // Overwrites bytes that were written before.
  Status writeAt(uint64_t offset, const void *data, size_t size);
  uint64_t size() const { return size_; }
  Status commit();

private:
  AtomicFile() = default;
  Status fail(const char *what) const;
  Status link();
  Status writeOut(uint64_t offset, const void *data, size_t size);
  Status flush();

  int fd_ = -1;
  uint64_t size_ = 0;
  std::vector<char> waiting_; // the last bytes of size_
  std::string path_, temporary_;
};

} // namespace sluice
