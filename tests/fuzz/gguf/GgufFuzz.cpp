#include "compiler/checkpoint/Gguf.h"
#include "tests/fuzz/ReadTensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = sluice::checkpoint::parseGguf({data, size}, "fuzz");
  if (file.ok())
    sluice::test::readTensors({data, size}, file->tensors);
  else if (file.status().message().empty())
    abort();
  return 0;
}
