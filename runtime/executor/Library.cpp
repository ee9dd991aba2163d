#include "runtime/executor/Library.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
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

static std::string pathOf(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

// The loader knows libraries by their paths, and one may be loaded from a
// descriptor of this number that has been closed since.
static bool pathIsTaken(int fd) {
  void *library = dlopen(pathOf(fd).c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (library)
    dlclose(library);
  return library != nullptr;
}

// Loads the file by a number whose path no library has yet. Null if it cannot
// be loaded; dlerror() knows why. Takes `fd`, or leaves -1 when none is free.
static void *loadAs(int &fd) {
  while (pathIsTaken(fd)) {
    int next = fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
    close(fd);
    fd = next;
    if (fd < 0)
      return nullptr;
  }
  return dlopen(pathOf(fd).c_str(), RTLD_NOW | RTLD_LOCAL);
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
  void *handle = status.ok() ? loadAs(fd) : nullptr;
  if (status.ok() && !handle)
    status =
        fd < 0
            ? Status(Code::Resource,
                     std::string("no descriptor for the kernels: ") +
                         std::strerror(errno))
            : Status(Code::Corrupt,
                     std::string("the kernels cannot be loaded: ") + dlerror());
  if (fd >= 0)
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
