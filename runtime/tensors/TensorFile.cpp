#include "runtime/tensors/TensorFile.h"

#include "runtime/support/AtomicFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/MappedFile.h"

#include <bit>
#include <cstring>
#include <span>

namespace sluice {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little);

// The format itself allows headers up to this size.
constexpr uint64_t kMaxHeader = 100'000'000;

Status corrupt(const std::string &message) {
  return Status(Code::Corrupt, message);
}

// Elements of a shape, or Corrupt when they cannot fit in `bytes`.
Result<uint64_t> elements(const json &shape, uint64_t bytes,
                          std::vector<int64_t> &out) {
  uint64_t count = 1;
  if (!shape.is_array())
    return corrupt("the shape is not a list");
  for (const json &dim : shape) {
    if (!dim.is_number_unsigned() || dim.get<uint64_t>() > INT64_MAX)
      return corrupt("the shape is not a list of sizes");
    out.push_back(dim.get<int64_t>());
    if (__builtin_mul_overflow(count, dim.get<uint64_t>(), &count))
      return corrupt("the shape is too large");
  }
  if (count > bytes)
    return corrupt("the shape is larger than the data");
  return count;
}

template <typename T>
Status fill(NamedTensor &tensor, std::span<const uint8_t> bytes,
            uint64_t count) {
  if (bytes.size() != count * sizeof(T))
    return corrupt(std::to_string(bytes.size()) + " bytes of data, expected " +
                   std::to_string(count * sizeof(T)));
  std::vector<T> values(count);
  if (count > 0)
    std::memcpy(values.data(), bytes.data(), bytes.size());
  tensor.data = std::move(values);
  return {};
}

Status readTensor(const json &entry, std::span<const uint8_t> data,
                  NamedTensor &tensor) {
  if (!entry.is_object() || !entry.contains("dtype") ||
      !entry["dtype"].is_string() || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    return corrupt("needs dtype, shape and data_offsets");
  const json &offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    return corrupt("data_offsets is not a pair of numbers");
  uint64_t first = offsets[0], last = offsets[1];
  if (first > last || last > data.size())
    return corrupt("its data lies outside the file");
  Result<uint64_t> count = elements(entry["shape"], last - first, tensor.shape);
  if (!count.ok())
    return count.status();
  std::span<const uint8_t> bytes = data.subspan(first, last - first);
  std::string type = entry["dtype"];
  if (type == "F32")
    return fill<float>(tensor, bytes, *count);
  if (type == "I32")
    return fill<int32_t>(tensor, bytes, *count);
  if (type == "I64")
    return fill<int64_t>(tensor, bytes, *count);
  if (type == "BOOL")
    return fill<uint8_t>(tensor, bytes, *count);
  return Status(Code::Unsupported,
                "type " + type + " is not one of F32, I32, I64, BOOL");
}

Result<std::vector<NamedTensor>> parse(std::span<const uint8_t> file) {
  uint64_t headerBytes;
  if (file.size() < sizeof(headerBytes))
    return corrupt("too short for a safetensors file");
  std::memcpy(&headerBytes, file.data(), sizeof(headerBytes));
  if (headerBytes > kMaxHeader || headerBytes > file.size() - 8)
    return corrupt("its header is larger than the file");
  std::span<const uint8_t> text = file.subspan(8, headerBytes);
  Result<json> header =
      parseJson({reinterpret_cast<const char *>(text.data()), text.size()});
  if (!header.ok())
    return header.status().in("its header");
  if (!header->is_object())
    return corrupt("its header is not a JSON object");
  std::vector<NamedTensor> tensors;
  for (const auto &[name, entry] : header->items()) {
    if (name == "__metadata__")
      continue;
    NamedTensor tensor;
    tensor.name = name;
    Status status = readTensor(entry, file.subspan(8 + headerBytes), tensor);
    if (!status.ok())
      return status.in("tensor '" + name + "'");
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

const char *typeName(const NamedTensor &tensor) {
  static const char *const names[] = {"F32", "I32", "I64", "BOOL"};
  return names[tensor.data.index()];
}

std::span<const char> bytesOf(const NamedTensor &tensor) {
  return std::visit(
      [](const auto &values) {
        return std::span<const char>(
            reinterpret_cast<const char *>(values.data()),
            values.size() * sizeof(values[0]));
      },
      tensor.data);
}

} // namespace

Result<std::vector<NamedTensor>> readTensors(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  Result<std::vector<NamedTensor>> tensors = parse(file->bytes());
  if (!tensors.ok())
    return tensors.status().in(path);
  return tensors;
}

Status writeTensors(const std::string &path,
                    const std::vector<NamedTensor> &tensors) {
  json header = json::object();
  uint64_t offset = 0;
  for (const NamedTensor &tensor : tensors) {
    uint64_t size = bytesOf(tensor).size();
    header[tensor.name] = {{"dtype", typeName(tensor)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text =
      header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t headerBytes = text.size();
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  Status status = file->write(&headerBytes, sizeof(headerBytes));
  if (status.ok())
    status = file->write(text.data(), text.size());
  for (const NamedTensor &tensor : tensors)
    if (status.ok())
      status = file->write(bytesOf(tensor).data(), bytesOf(tensor).size());
  return status.ok() ? file->commit() : status;
}

} // namespace sluice
