#include "runtime/executor/KernelCode.h"

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

namespace {

// Closed at the end, whatever throws.
class Descriptor {
public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() { reset(-1); }

  void reset(int fd) {
    if (fd_ >= 0)
      close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

private:
  int fd_;
};

} // namespace

// Loads the file by a number whose path no library has yet. Null if it cannot
// be loaded; dlerror() knows why. Leaves no descriptor when none is free.
static void *loadAs(Descriptor &file) {
  while (pathIsTaken(file.get())) {
    file.reset(fcntl(file.get(), F_DUPFD_CLOEXEC, file.get() + 1));
    if (!file.valid())
      return nullptr;
  }
  return dlopen(pathOf(file.get()).c_str(), RTLD_NOW | RTLD_LOCAL);
}

KernelCode::KernelCode(void *handle)
    : handle_(handle, [](void *library) { dlclose(library); }) {}

Result<KernelCode> KernelCode::load(std::span<const uint8_t> elf) {
  Descriptor file(memfd_create("sluice-kernels", MFD_CLOEXEC));
  if (!file.valid())
    return Status(Code::Resource,
                  std::string("cannot make room for the kernels: ") +
                      std::strerror(errno));
  if (Status status = writeAll(file.get(), elf); !status.ok())
    return status;
  if (void *handle = loadAs(file))
    return KernelCode(handle);
  if (!file.valid())
    return Status(Code::Resource,
                  std::string("no descriptor for the kernels: ") +
                      std::strerror(errno));
  return Status(Code::Corrupt,
                std::string("the kernels cannot be loaded: ") + dlerror());
}

Result<slc_kernel_fn> KernelCode::kernel(const std::string &symbol) const {
  void *address = dlsym(handle_.get(), symbol.c_str());
  if (!address)
    return Status(Code::NotFound, "the code has no kernel " + symbol);
  return reinterpret_cast<slc_kernel_fn>(address);
}

} // namespace sluice::executor
