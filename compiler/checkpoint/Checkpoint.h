// One view of a checkpoint, whatever its files: tensors by name, the config and
// the metadata, and rows as f32.
#pragma once

#include "compiler/checkpoint/DType.h"
#include "runtime/support/MappedFile.h"
#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::checkpoint {

// A tensor as its file's header describes it.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape; // outermost first, for GGUF too
  uint64_t offset = 0;        // bytes from the start of the file
  uint64_t bytes = 0;         // what shape and type come to
  int file = 0;               // which of Checkpoint::files()

  // The innermost axis; 1 for a scalar.
  int64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  // The leading axes flattened; 1 for a vector or a scalar.
  int64_t rows() const;
  int64_t elements() const { return rows() * columns(); }
};

// Where a key stands in a JSON file; line 0 if it is not found there.
struct KeyPlace {
  std::string file;         // its path
  int line = 0, column = 0; // from 1
  std::string text;         // of the whole file
};

// Safetensors with a config.json, GGUF, or safetensors alone.
enum class Format { HuggingFace, Gguf, Raw };

class Checkpoint {
public:
  // `path` is a folder with config.json and *.safetensors (one file, or several
  // with model.safetensors.index.json), one .safetensors file (Raw unless a
  // config.json lies beside it), or one GGUF file under any name. All headers
  // are checked here: a tensor in the map lies inside its file and has a
  // consistent size.
  static Result<Checkpoint> open(const std::string &path);

  // A checkpoint without weights: the config file and a seed. Binding takes
  // every first alternative as present, packing fills in random values.
  static Result<Checkpoint> random(uint64_t seed,
                                   const std::string &configPath);

  Checkpoint(Checkpoint &&) noexcept;
  Checkpoint &operator=(Checkpoint &&) noexcept;
  ~Checkpoint();

  Format format() const { return format_; }
  // Made by random(), with this seed.
  bool synthetic() const { return synthetic_; }
  uint64_t seed() const { return seed_; }
  // As given to open().
  const std::string &path() const { return path_; }

  // Empty when synthetic.
  const std::map<std::string, TensorInfo, std::less<>> &tensors() const {
    return tensors_;
  }
  // Null if there is none.
  const TensorInfo *find(std::string_view name) const;
  // What is odd about the files but does not keep them from being read.
  const std::vector<std::string> &warnings() const { return warnings_; }
  // The weight files, in the order of TensorInfo::file.
  std::vector<std::string> files() const;

  // A JSON file beside the weights; null when it is missing or malformed, and
  // then `why` (if given) tells which of the two.
  const nlohmann::json *config(const std::string &file = "config.json",
                               Status *why = nullptr) const;
  // Of a key in such a file, for messages; the names of its path may hold dots.
  KeyPlace place(const std::string &file,
                 const std::vector<std::string> &path) const;
  // GGUF metadata: one object, key -> number, flag, text or list. Empty for the
  // other formats. Integers keep their 64 bits; f32 values are exact doubles.
  const nlohmann::json &metadata() const { return metadata_; }

  // A side file such as tokenizer.json; NotFound when it is not there. The name
  // may have sub-folders but not leave the checkpoint's folder.
  Result<std::vector<uint8_t>> file(const std::string &name) const;
  bool hasFile(const std::string &name) const;
  // The names of all files in the folder, sorted.
  std::vector<std::string> fileNames() const;

  // Rows first .. first+count-1 as f32 into out[count * columns]; a row is the
  // innermost axis. Unsupported when the type has no conversion.
  Status readRows(const TensorInfo &tensor, int64_t first, int64_t count,
                  float *out) const;
  // Elements first .. first+count-1 of the flattened tensor as f32.
  Status readElements(const TensorInfo &tensor, int64_t first, int64_t count,
                      float *out) const;
  // The stored bytes, as they lie in the file.
  std::span<const uint8_t> raw(const TensorInfo &tensor) const;
  // Lets the operating system drop the tensor's cached pages.
  void release(const TensorInfo &tensor) const;

private:
  Checkpoint();
  Status openFolder();
  Status openShards(const std::string &index);
  Status addSafetensors(const std::string &file);
  Status openGguf();
  // The path of a side file, or InvalidArgument for a name that leaves the
  // folder.
  Result<std::string> sidePath(const std::string &name) const;

  Format format_ = Format::HuggingFace;
  bool synthetic_ = false;
  uint64_t seed_ = 0;
  std::string path_, folder_;
  std::string configPath_; // synthetic: the file given to random()
  std::vector<MappedFile> files_;
  std::vector<std::string> warnings_;
  std::map<std::string, TensorInfo, std::less<>> tensors_;
  nlohmann::json metadata_ = nlohmann::json::object();
  mutable std::map<std::string, nlohmann::json> configs_; // parsed so far
};

} // namespace sluice::checkpoint
