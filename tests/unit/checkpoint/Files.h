// Building checkpoint files in memory and in temporary folders.
#pragma once

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

// A folder that is removed with the test.
class Folder {
public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  Folder(const Folder &) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string add(const std::string &name, const std::string &content) const {
    std::filesystem::path path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

} // namespace sluice::test
