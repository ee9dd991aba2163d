#include "runtime/executor/Library.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sluice::executor {

static Status writeAll(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return Status(Code::Resource, std::string("cannot copy the kernels: ") +
                                        std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Library::Library(void *handle)
    : handle_(handle, [](void *library) { dlclose(library); }) {}

Result<Library> Library::load(std::span<const uint8_t> elf) {
  int fd = memfd_create("sluice-kernels", MFD_CLOEXEC);
  if (fd < 0)
    return Status(Code::Resource,
                  std::string("cannot make room for the kernels: ") +
                      std::strerror(errno));
  Status status = writeAll(fd, elf);
  void *handle = nullptr;
  if (status.ok()) {
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      status =
          Status(Code::Corrupt,
                 std::string("the kernels cannot be loaded: ") + dlerror());
  }
  close(fd);
  if (!status.ok())
    return status;
  return Library(handle);
}

Result<slc_kernel_fn> Library::kernel(const std::string &symbol) const {
  void *address = dlsym(handle_.get(), symbol.c_str());
  if (!address)
    return Status(Code::NotFound, "the code has no kernel " + symbol);
  return reinterpret_cast<slc_kernel_fn>(address);
}

} // namespace sluice::executor
