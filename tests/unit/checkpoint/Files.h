// Building checkpoint files in memory and in temporary folders.
#pragma once

#include "tests/unit/fixture/Folder.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::test {

class Bytes {
public:
  template <typename T> Bytes &number(T value) {
    data.append(reinterpret_cast<const char *>(&value), sizeof value);
    return *this;
  }
  Bytes &text(const std::string &value) { // as GGUF has it
    number<uint64_t>(value.size());
    data += value;
    return *this;
  }
  Bytes &floats(const std::vector<float> &values) {
    for (float value : values)
      number(value);
    return *this;
  }
  Bytes &pad(size_t alignment) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    return *this;
  }

  std::string data;
};

inline std::string safetensors(const std::string &header,
                               const std::string &data) {
  return Bytes().number<uint64_t>(header.size()).data + header + data;
}

} // namespace sluice::test
