// The artifact reader on damaged headers. Digests would stop every mutation, so
// the bytes are taken as a header: the preamble and the file around it are made
// to fit, and the plan is checked on its own, too.
#include "runtime/artifact/Artifact.h"
#include "runtime/artifact/PlanCheck.h"
#include "runtime/executor/Program.h"
#include "runtime/format/container.h"

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace sluice;

namespace {

std::string inMemory(const std::vector<uint8_t> &bytes) {
  static int fd = memfd_create("artifact", 0);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes.data(), bytes.size(), 0) < 0)
    __builtin_trap();
  return "/proc/self/fd/" + std::to_string(fd);
}

// A file with this header and 8 KiB of zeros for sections.
std::vector<uint8_t> wrap(const uint8_t *data, size_t size) {
  size_t end = (64 + size + 4095) / 4096 * 4096;
  std::vector<uint8_t> file(end + 8192);
  std::memcpy(file.data() + 64, data, size);
  format::Preamble preamble = {};
  std::memcpy(preamble.magic, format::kMagic, sizeof(preamble.magic));
  preamble.version = format::kVersion;
  preamble.headerOffset = 64;
  preamble.headerBytes = size;
  preamble.fileBytes = file.size();
  preamble.headerXxh3 = XXH3_64bits(data, size);
  std::memcpy(file.data(), &preamble, sizeof(preamble));
  return file;
}

void useModel(const format::Model &model) {
  if (!artifact::checkPlan(model).ok())
    return;
  // What the executor derives from a plan before it runs anything.
  state::Limits limits{
      .slots = 2, .sequences = 2, .capacity = 64, .context = model.context()};
  (void)executor::Arena::create(model, limits);
  (void)state::Slots::create(model, limits);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<artifact::Artifact> file =
      artifact::Artifact::open(inMemory(wrap(data, size)));
  if (file.ok()) {
    (void)file->code();
    (void)file->verifyWeights();
  }
  std::vector<uint64_t> aligned(size / 8 + 1);
  std::memcpy(aligned.data(), data, size);
  auto *bytes = reinterpret_cast<const uint8_t *>(aligned.data());
  flatbuffers::Verifier verifier(bytes, size, 32, 4000000);
  if (format::VerifyModelBuffer(verifier))
    useModel(*format::GetModel(bytes));
  return 0;
}
