// Files of --in: read, taken apart and run on a toy model.
#include "tests/unit/fixture/ToyModel.h"
#include "tools/sluice-run/Options.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace sluice;

namespace {

Model &toy() {
  static run::ModelPtr model = [] {
    auto loaded =
        Model::load(test::toyPath("fuzz", {.source = false, .mix = true}),
                    {.threads = 1, .capacity = 64, .sequences = 4});
    if (!loaded.ok())
      abort();
    return std::move(*loaded);
  }();
  return *model;
}

std::string inMemory(const uint8_t *data, size_t size) {
  static int fd = memfd_create("tensors", 0);
  if (ftruncate(fd, 0) != 0 ||
      pwrite(fd, data, size, 0) != static_cast<ssize_t>(size))
    abort();
  return "/proc/self/fd/" + std::to_string(fd);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string path = inMemory(data, size);
  size_t count = 0, longest = 0;
  if (!run::measureFile(path, count, longest).ok())
    return 0;
  for (const EntryInfo &entry : toy().info().entries) {
    auto sequences = run::sequencesFromFile(path, entry);
    if (!sequences.ok())
      continue;
    for (size_t s = 0; s < sequences->size(); ++s) {
      (*sequences)[s].slot = static_cast<int32_t>(s);
      (void)toy().reset(static_cast<int32_t>(s));
    }
    auto results = toy().run(entry.name, *sequences);
    if (results.ok() ? results->size() != sequences->size()
                     : results.status().message().empty())
      abort();
  }
  return 0;
}
