// Named tensors in a safetensors file, as the tools read and write them: f32,
// i32, i64 and bool, everything in memory.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace sluice {

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape; // outermost first, dense
  std::variant<std::vector<float>, std::vector<int32_t>, std::vector<int64_t>,
               std::vector<uint8_t>>
      data; // uint8_t: bool, a byte each
};

// Corrupt when the file breaks the format, Unsupported for other element types.
Result<std::vector<NamedTensor>> readTensors(const std::string &path);

// Replaces `path` only when everything has been written.
Status writeTensors(const std::string &path,
                    const std::vector<NamedTensor> &tensors);

} // namespace sluice
