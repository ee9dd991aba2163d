// Files of inputs (sluice-run --in).
#include "runtime/tensors/TensorFile.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != ssize_t(size))
    abort();
  Result<std::vector<NamedTensor>> tensors =
      readTensors("/proc/self/fd/" + std::to_string(fd));
  close(fd);
  if (!tensors.ok())
    return tensors.status().message().empty() ? abort(), 0 : 0;
  for (const NamedTensor &tensor : *tensors) {
    size_t count = 1;
    for (int64_t extent : tensor.shape)
      count *= size_t(extent);
    size_t held = std::visit([](const auto &v) { return v.size(); }, tensor.data);
    if (held != count)
      abort();
  }
  return 0;
}
