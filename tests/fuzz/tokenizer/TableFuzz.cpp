// The input is a table as it would lie in a file, and serves as what is looked
// up in it as well.
#include "runtime/tokenizer/FlatTable.h"

#include <algorithm>

using namespace sluice::tokenizer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<uint64_t> aligned(size / 8 + 1);
  std::copy_n(data, size, reinterpret_cast<uint8_t *>(aligned.data()));
  auto bytes = std::as_bytes(std::span(aligned)).first(size);
  std::string_view text(reinterpret_cast<const char *>(data), size);
  if (auto table = TokenTable::load(bytes); table.ok())
    for (int32_t id = -1; id < 300; ++id)
      (void)(table->id(table->spelling(id)) + table->id(text));
  if (auto table = PairTable::load(bytes); table.ok())
    for (uint8_t byte : text)
      (void)table->find(byte, byte / 2);
  return 0;
}
