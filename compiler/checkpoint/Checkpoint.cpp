#include "compiler/checkpoint/Checkpoint.h"

#include "compiler/checkpoint/Gguf.h"
#include "compiler/checkpoint/JsonText.h"
#include "compiler/checkpoint/Message.h"
#include "compiler/checkpoint/Safetensors.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/mman.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace sluice::checkpoint {

using nlohmann::json;

static constexpr const char *configName = "config.json";
static constexpr const char *indexName = "model.safetensors.index.json";
static constexpr uint64_t maxConfigBytes = 64 << 20;

int64_t TensorInfo::rows() const {
  int64_t count = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i)
    count *= shape[i];
  return count;
}

Checkpoint::Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint &&) noexcept = default;
Checkpoint &Checkpoint::operator=(Checkpoint &&) noexcept = default;
Checkpoint::~Checkpoint() = default;

static bool isFile(const std::string &path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// `text` must stay inside the folder: no root, no "..".
static bool staysInside(const std::string &text) {
  fs::path path(text);
  return !text.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(),
                      [](const fs::path &part) { return part == ".."; });
}

static Result<json> readJson(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  std::span<const uint8_t> bytes = file->bytes();
  if (bytes.size() > maxConfigBytes)
    return Status(Code::Unsupported,
                  message(path, ": ", bytes.size(), " bytes of JSON, at most ",
                          maxConfigBytes, " are read"));
  std::string_view text = textOf(bytes);
  Result<json> parsed = parseJson(quoteNonNumbers(text));
  if (parsed.ok())
    return parsed;
  // Said of the file's own text, where places are right.
  parsed = parseJson(text);
  return parsed.ok() ? parsed : parsed.status().in(path);
}

Result<std::string> Checkpoint::sidePath(const std::string &name) const {
  if (!staysInside(name))
    return Status(
        Code::InvalidArgument,
        message("file name ", quote(name), " leaves the checkpoint's folder"));
  if (synthetic_ && name == configName)
    return configPath_;
  return (fs::path(folder_) / name).string();
}

Status Checkpoint::addSafetensors(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  Result<std::vector<TensorInfo>> tensors =
      parseSafetensors(file->bytes(), path);
  if (!tensors.ok())
    return tensors.status();
  for (TensorInfo &info : *tensors) {
    info.file = int(files_.size());
    TensorInfo &held = tensors_[info.name];
    // As transformers does, which reads one shard after the other.
    if (!held.name.empty())
      warnings_.push_back(message(path, ": tensor ", quote(info.name),
                                  " is also in ", files_[held.file].path(),
                                  "; this one is taken"));
    held = std::move(info);
  }
  files_.push_back(std::move(*file));
  return {};
}

enum class FileKind { Safetensors, Gguf, Pickle, Other };

// A GGUF file is known by its first bytes, whatever it is called.
static FileKind kindOf(const fs::path &path) {
  char magic[4] = {};
  if (isFile(path.string())) // not something that waits for a writer
    std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  std::string extension = path.extension();
  if (std::string_view(magic, sizeof magic) == "GGUF" || extension == ".gguf")
    return FileKind::Gguf;
  if (extension == ".safetensors")
    return FileKind::Safetensors;
  bool pickle =
      extension == ".bin" || extension == ".pt" || extension == ".pth";
  return pickle ? FileKind::Pickle : FileKind::Other;
}

static Status pickled(const std::string &where, const std::string &name) {
  return Status(Code::Unsupported,
                message(where, ": found only ", quote(name),
                        "; pickled weights are not read, convert them to "
                        "safetensors"));
}

// Which file holds each tensor, as an index says.
static Result<std::map<std::string, std::string>>
readIndex(const std::string &index) {
  Result<json> parsed = readJson(index);
  if (!parsed.ok())
    return parsed.status();
  auto map = parsed->is_object() ? parsed->find("weight_map") : parsed->end();
  if (map == parsed->end() || !map->is_object())
    return Status(Code::Corrupt, index + ": has no weight_map object");
  std::map<std::string, std::string> shards;
  for (const auto &[tensor, file] : map->items()) {
    if (!file.is_string() || !staysInside(file.get<std::string>()))
      return Status(Code::Corrupt,
                    message(index, ": tensor ", quote(tensor), " lies in ",
                            jsonText(file).substr(0, 100),
                            ", expected the name of a file in the folder"));
    shards[tensor] = file.get<std::string>();
  }
  return shards;
}

// An index is often older than its shards, so only the set of its files
// counts; a tensor that is needed and in none of them is missed by the spec.
Status Checkpoint::openShards(const std::string &index) {
  Result<std::map<std::string, std::string>> shards = readIndex(index);
  if (!shards.ok())
    return shards.status();
  std::set<std::string> names;
  for (const auto &[tensor, file] : *shards)
    names.insert(file);
  for (const std::string &name : names) {
    if (kindOf(name) == FileKind::Pickle)
      return pickled(index, name);
    Status status = addSafetensors((fs::path(folder_) / name).string());
    if (!status.ok())
      return status.in(index);
  }
  std::vector<std::string> nowhere, elsewhere, unlisted;
  for (const auto &[tensor, file] : *shards) {
    const TensorInfo *info = find(tensor);
    if (!info)
      nowhere.push_back(tensor);
    else if (files_[info->file].path() != (fs::path(folder_) / file).string())
      elsewhere.push_back(tensor);
  }
  for (const auto &[tensor, info] : tensors_)
    if (!shards->count(tensor))
      unlisted.push_back(tensor);
  auto warn = [&](const std::vector<std::string> &tensors, const char *what) {
    if (tensors.empty())
      return;
    size_t more = tensors.size() - 1;
    warnings_.push_back(
        message(index, ": ", what, ": ", quote(tensors[0]),
                more ? message(" and ", more, " more") : std::string()));
  };
  warn(nowhere, "names tensors that no shard holds");
  warn(elsewhere, "names the wrong shard for tensors");
  warn(unlisted, "does not name tensors that a shard holds");
  return {};
}

Status Checkpoint::openFolder() {
  std::string adapter = (fs::path(folder_) / "adapter_config.json").string();
  if (isFile(adapter))
    return Status(Code::Unsupported,
                  adapter + ": the weights of this folder are changed by an "
                            "adapter, which is not applied; merge it into "
                            "them, or take it out of the folder");
  std::string single = (fs::path(folder_) / "model.safetensors").string();
  std::string index = (fs::path(folder_) / indexName).string();
  if (isFile(single))
    return addSafetensors(single);
  if (isFile(index))
    return openShards(index);
  std::map<FileKind, std::vector<std::string>> found;
  for (const std::string &name : fileNames())
    found[kindOf(fs::path(folder_) / name)].push_back(name);
  const auto &safetensors = found[FileKind::Safetensors],
             &gguf = found[FileKind::Gguf], &pickles = found[FileKind::Pickle];
  if (safetensors.size() == 1)
    return addSafetensors((fs::path(folder_) / safetensors[0]).string());
  if (safetensors.empty() && gguf.size() == 1) {
    path_ = (fs::path(folder_) / gguf[0]).string();
    return openGguf();
  }
  if (safetensors.empty() && gguf.empty() && !pickles.empty())
    return pickled(folder_, pickles[0]);
  return Status(Code::NotFound,
                message(folder_, ": expected model.safetensors, ", indexName,
                        " or one .safetensors or GGUF file; found ",
                        safetensors.size(), " .safetensors and ", gguf.size(),
                        " GGUF files"));
}

Status Checkpoint::openGguf() {
  Result<MappedFile> file = MappedFile::open(path_);
  if (!file.ok())
    return file.status();
  Result<GgufFile> gguf = parseGguf(file->bytes(), path_);
  if (!gguf.ok())
    return gguf.status();
  auto parts = gguf->metadata.find("split.count");
  if (parts != gguf->metadata.end() && *parts != 0 && *parts != 1)
    return Status(Code::Unsupported,
                  message(path_, ": one of ", jsonText(*parts),
                          " parts; join them into one GGUF file first"));
  format_ = Format::Gguf;
  metadata_ = std::move(gguf->metadata);
  for (TensorInfo &info : gguf->tensors) {
    std::string name = info.name;
    tensors_.emplace(std::move(name), std::move(info));
  }
  files_.push_back(std::move(*file));
  return {};
}

Result<Checkpoint> Checkpoint::open(const std::string &path) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  std::error_code ignored;
  fs::file_status kind = fs::status(path, ignored);
  if (!fs::exists(kind))
    return Status(Code::NotFound, path + ": no such file or folder");
  Status status;
  if (fs::is_directory(kind)) {
    checkpoint.folder_ = path;
    status = checkpoint.openFolder();
  } else {
    checkpoint.folder_ = fs::path(path).parent_path().string();
    if (checkpoint.folder_.empty())
      checkpoint.folder_ = ".";
    switch (kindOf(path)) {
    case FileKind::Gguf:
      status = checkpoint.openGguf();
      break;
    case FileKind::Safetensors:
      status = checkpoint.addSafetensors(path);
      break;
    case FileKind::Pickle:
      return pickled(checkpoint.folder_, fs::path(path).filename().string());
    default:
      return Status(Code::Unsupported,
                    path + ": expected a folder, a .safetensors or a GGUF "
                           "file");
    }
  }
  if (!status.ok())
    return status;
  if (checkpoint.format_ == Format::Gguf)
    return checkpoint;
  if (!isFile(checkpoint.folder_ + "/config.json"))
    checkpoint.format_ = Format::Raw;
  else if (!checkpoint.config("config.json", &status))
    return status;
  return checkpoint;
}

Result<Checkpoint> Checkpoint::random(uint64_t seed,
                                      const std::string &configPath) {
  Checkpoint checkpoint;
  checkpoint.synthetic_ = true;
  checkpoint.seed_ = seed;
  checkpoint.path_ = checkpoint.configPath_ = configPath;
  checkpoint.folder_ = fs::path(configPath).parent_path().string();
  if (checkpoint.folder_.empty())
    checkpoint.folder_ = ".";
  Status status;
  if (!checkpoint.config("config.json", &status))
    return status;
  return checkpoint;
}

const TensorInfo *Checkpoint::find(std::string_view name) const {
  auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::vector<std::string> Checkpoint::files() const {
  std::vector<std::string> paths;
  for (const MappedFile &file : files_)
    paths.push_back(file.path());
  return paths;
}

const json *Checkpoint::config(const std::string &file, Status *why) const {
  auto refuse = [&](Status status) {
    if (why)
      *why = std::move(status);
    return nullptr;
  };
  if (auto found = configs_.find(file); found != configs_.end())
    return &found->second;
  Result<std::string> path = sidePath(file);
  if (!path.ok())
    return refuse(path.status());
  if (!isFile(*path))
    return refuse(Status(Code::NotFound, *path + ": no such file"));
  Result<json> parsed = readJson(*path);
  if (!parsed.ok())
    return refuse(parsed.status());
  bool table =
      parsed->is_object() || (parsed->is_array() && file != "config.json");
  if (!table)
    return refuse(
        Status(Code::Corrupt, message(*path, ": expected a JSON object, found ",
                                      parsed->type_name())));
  return &configs_.emplace(file, std::move(*parsed)).first->second;
}

KeyPlace Checkpoint::place(const std::string &name,
                           const std::vector<std::string> &keys) const {
  KeyPlace out;
  Result<std::string> path = sidePath(name);
  if (!path.ok())
    return out;
  out.file = *path;
  Result<MappedFile> file = MappedFile::open(*path);
  if (!file.ok() || file->bytes().size() > maxConfigBytes)
    return out;
  std::string_view text(reinterpret_cast<const char *>(file->bytes().data()),
                        file->bytes().size());
  if (std::optional<TextPlace> at = placeOf(text, keys)) {
    out.text = text;
    out.line = at->line;
    out.column = at->column;
  }
  return out;
}

bool Checkpoint::hasFile(const std::string &name) const {
  Result<std::string> path = sidePath(name);
  return path.ok() && isFile(*path);
}

std::vector<std::string> Checkpoint::fileNames() const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error))
      names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<uint8_t>> Checkpoint::file(const std::string &name) const {
  Result<std::string> path = sidePath(name);
  if (!path.ok())
    return path.status();
  if (!isFile(*path))
    return Status(Code::NotFound, *path + ": no such file");
  Result<MappedFile> mapped = MappedFile::open(*path);
  if (!mapped.ok())
    return mapped.status();
  return std::vector<uint8_t>(mapped->bytes().begin(), mapped->bytes().end());
}

std::span<const uint8_t> Checkpoint::raw(const TensorInfo &tensor) const {
  return files_[tensor.file].bytes().subspan(tensor.offset, tensor.bytes);
}

Status Checkpoint::readRows(const TensorInfo &tensor, int64_t first,
                            int64_t count, float *out) const {
  int64_t rows = tensor.rows(), columns = tensor.columns();
  if (first < 0 || count < 0 || first > rows || count > rows - first)
    return Status(Code::InvalidArgument,
                  message(files_[tensor.file].path(), ": tensor ",
                          quote(tensor.name), ": ", count, " rows from row ",
                          first, " wanted, it has ", rows));
  return readElements(tensor, first * columns, count * columns, out);
}

Status Checkpoint::readElements(const TensorInfo &tensor, int64_t first,
                                int64_t count, float *out) const {
  auto refuse = [&](Code code, const std::string &text) {
    return Status(code, message(files_[tensor.file].path(), ": tensor ",
                                quote(tensor.name), ": ", text));
  };
  int64_t elements = tensor.elements();
  if (first < 0 || count < 0 || first > elements || count > elements - first)
    return refuse(
        Code::InvalidArgument,
        message(count, " elements from ", first, " wanted, it has ", elements));
  const BlockFormat &format = blockFormat(tensor.dtype);
  if (!isReadable(tensor.dtype))
    return refuse(Code::Unsupported,
                  message("reading ", format.name, " is not supported"));
  const uint8_t *source = raw(tensor).data();
  while (count > 0) {
    int64_t block = first / format.values, skip = first % format.values;
    const uint8_t *at = source + block * format.bytes;
    int64_t taken = count - count % format.values;
    if (skip == 0 && taken > 0) {
      toFloat(tensor.dtype, at, taken, out);
    } else { // a part of one block
      std::array<float, maxBlockValues> whole;
      toFloat(tensor.dtype, at, format.values, whole.data());
      taken = std::min(count, format.values - skip);
      std::copy_n(whole.begin() + skip, taken, out);
    }
    first += taken;
    count -= taken;
    out += taken;
  }
  return {};
}

void Checkpoint::release(const TensorInfo &tensor) const {
  std::span<const uint8_t> bytes = raw(tensor);
  uintptr_t page = uintptr_t(sysconf(_SC_PAGESIZE));
  uintptr_t begin = (uintptr_t(bytes.data()) + page - 1) / page * page;
  uintptr_t end = uintptr_t(bytes.data() + bytes.size()) / page * page;
  // The mapping is shared and read-only: dropped pages come back from the file.
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace sluice::checkpoint
