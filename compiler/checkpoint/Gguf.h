// The GGUF container, versions 2 and 3, little endian.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"

namespace sluice::checkpoint {

struct GgufFile {
  nlohmann::json metadata = nlohmann::json::object();
  std::vector<TensorInfo> tensors; // in file order
};

// Reads and checks everything before the data. `file` only names the file in
// messages.
Result<GgufFile> parseGguf(std::span<const uint8_t> bytes,
                           const std::string &file);

} // namespace sluice::checkpoint
