// The safetensors container: an 8-byte header size, a JSON header, raw data.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"

namespace sluice::checkpoint {

// Reads and checks the header. `file` only names the file in messages. The
// tensors are in order of their offsets; `TensorInfo::file` is left 0.
Result<std::vector<TensorInfo>> parseSafetensors(std::span<const uint8_t> bytes,
                                                 const std::string &file);

} // namespace sluice::checkpoint
