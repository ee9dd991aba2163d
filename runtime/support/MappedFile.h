// Read-only memory mapping of a whole file.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

class MappedFile {
public:
  // Maps `path`; Io when it can't be opened or mapped, or isn't a regular file.
  // An empty file maps to an empty span. The bytes of a file that is cut short
  // while it is mapped are gone: touching them raises SIGBUS.
  static Result<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const std::string &path() const { return path_; }

private:
  MappedFile() = default;

  const uint8_t *data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
};

} // namespace sluice
