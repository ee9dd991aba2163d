#include "compiler/checkpoint/Safetensors.h"
#include "tests/fuzz/ReadTensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto tensors = sluice::checkpoint::parseSafetensors({data, size}, "fuzz");
  if (tensors.ok())
    sluice::test::readTensors({data, size}, *tensors);
  else if (tensors.status().message().empty())
    abort();
  return 0;
}
