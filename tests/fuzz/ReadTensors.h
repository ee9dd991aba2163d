// What must hold for the tensors of any file that a reader accepts.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"

#include <cstdlib>

namespace sluice::test {

// Every tensor lies inside the file, has the bytes its shape asks for, and can
// be converted from a copy of exactly those bytes.
inline void readTensors(std::span<const uint8_t> file,
                        const std::vector<checkpoint::TensorInfo> &tensors) {
  for (const checkpoint::TensorInfo &tensor : tensors) {
    const checkpoint::BlockFormat &format =
        checkpoint::blockFormat(tensor.dtype);
    uint64_t elements = tensor.elements();
    if (tensor.offset > file.size() ||
        tensor.bytes > file.size() - tensor.offset ||
        tensor.bytes * format.values != elements * format.bytes)
      abort();
    std::vector<uint8_t> copy(file.begin() + tensor.offset,
                              file.begin() + tensor.offset + tensor.bytes);
    std::vector<float> values(elements);
    checkpoint::toFloat(tensor.dtype, copy.data(), elements, values.data());
  }
}

} // namespace sluice::test
