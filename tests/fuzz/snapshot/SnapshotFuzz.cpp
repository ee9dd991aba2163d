// Snapshots of a slot, loaded into a toy model that then goes on. The digests
// would stop every mutation, so they are made to fit; zeros follow the input up
// to the size that it claims, so that short inputs have blocks of rows, too.
#include "runtime/api/sluice.h"
#include "runtime/state/Snapshot.h"
#include "tests/unit/fixture/ToyModel.h"

#include <cstring>
#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace sluice;

namespace {

Model &toy() {
  static std::unique_ptr<Model> model = [] {
    auto loaded = Model::load(test::toyPath("fuzz", {.window = true}),
                              {.threads = 1, .capacity = 64, .slots = 2});
    if (!loaded.ok())
      abort();
    return std::move(*loaded);
  }();
  return *model;
}

std::vector<uint8_t> sealed(const uint8_t *data, size_t size) {
  constexpr size_t most = 1 << 16;
  static const std::vector<uint8_t> own = *toy().saveSlot(1);
  state::SnapshotHeader header = {}, good;
  std::memcpy(&good, own.data(), sizeof(good));
  std::memcpy(&header, data, std::min(size, sizeof(header)));
  std::memcpy(header.magic, good.magic, sizeof(header.magic));
  header.version = good.version;
  header.model = good.model;
  header.bytes =
      std::max(header.bytes % most, sizeof(header) + sizeof(uint64_t));
  std::vector<uint8_t> bytes(data, data + size);
  bytes.resize(header.bytes);
  std::memcpy(bytes.data(), &header, sizeof(header));
  uint64_t digest = XXH3_64bits(bytes.data(), bytes.size() - sizeof(digest));
  std::memcpy(bytes.data() + bytes.size() - sizeof(digest), &digest,
              sizeof(digest));
  return bytes;
}

// What is accepted can be gone on with and saved; what is not has no effect.
void load(std::span<const uint8_t> bytes) {
  const std::vector<int32_t> ids = {1, 2, 3};
  if (!toy().reset(0).ok() || !toy().source(0, ids).ok())
    abort();
  auto note = toy().loadSlot(0, bytes);
  if (!note.ok()) {
    auto length = toy().length(0);
    if (note.status().message().empty() || !length.ok() || *length != 0)
      abort();
  } else if (auto saved = toy().saveSlot(0, *note);
             !saved.ok() || !toy().loadSlot(1, *saved).ok() ||
             *toy().length(1) != *toy().length(0)) {
    abort();
  }
  Sequence next;
  next.tokens = ids;
  (void)toy().step("generate", {&next, 1});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<uint8_t> bytes = sealed(data, size);
  load(bytes);
  load({data, size});
  return 0;
}
