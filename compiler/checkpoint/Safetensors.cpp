#include "compiler/checkpoint/Safetensors.h"

#include "compiler/checkpoint/Message.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <tuple>

namespace sluice::checkpoint {

using nlohmann::json;

// The reference implementation's limit.
static constexpr uint64_t maxHeaderBytes = 100'000'000;

static Status corrupt(std::string text) {
  return Status(Code::Corrupt, std::move(text));
}

static std::optional<DType> dtypeByName(std::string_view name) {
  if (name == "BOOL")
    return DType::Bool;
  for (int i = 0; i <= int(DType::C64); ++i)
    if (name == blockFormat(DType(i)).name)
      return DType(i);
  return std::nullopt;
}

// Parses the header; JSON keeps the last of two equal keys, so they are looked
// for while parsing.
static Result<json> parseHeader(std::span<const uint8_t> text) {
  std::set<std::string> names;
  std::string duplicate;
  auto onEvent = [&](int depth, json::parse_event_t event, json &value) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !names.insert(value.get_ref<const std::string &>()).second)
      duplicate = value.get<std::string>();
    return true;
  };
  Result<json> header = parseJson(textOf(text), onEvent);
  if (!header.ok())
    return header.status().in("the header");
  if (!duplicate.empty())
    return corrupt(
        message("tensor ", quote(duplicate), " is listed twice in the header"));
  if (!header->is_object())
    return corrupt(
        message("the header is not a JSON object but ", header->type_name()));
  return header;
}

// A list of `what` that must be whole numbers below 2^63.
static Result<std::vector<int64_t>> integers(const json &entry,
                                             const char *key) {
  auto found = entry.find(key);
  if (found == entry.end())
    return corrupt(message("has no ", key));
  if (!found->is_array())
    return corrupt(message(key, " is not a list but ", found->type_name()));
  std::vector<int64_t> values;
  for (const json &item : *found) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > INT64_MAX)
      return corrupt(message(key, " holds ", jsonText(item).substr(0, 40),
                             ", expected whole numbers from 0 to 2^63-1"));
    values.push_back(item.get<int64_t>());
  }
  return values;
}

static Result<DType> elementType(const json &entry) {
  auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string())
    return corrupt("has no dtype");
  const auto &name = found->get_ref<const std::string &>();
  if (auto type = dtypeByName(name))
    return *type;
  return Status(Code::Unsupported,
                message("dtype ", quote(name), " is not known"));
}

static Result<TensorInfo> parseEntry(const std::string &name, const json &entry,
                                     uint64_t dataStart, uint64_t dataBytes) {
  if (!entry.is_object())
    return corrupt(message("is not an object but ", entry.type_name()));
  Result<DType> type = elementType(entry);
  if (!type.ok())
    return type.status();
  Result<std::vector<int64_t>> shape = integers(entry, "shape");
  if (!shape.ok())
    return shape.status();
  Result<std::vector<int64_t>> offsets = integers(entry, "data_offsets");
  if (!offsets.ok())
    return offsets.status();
  if (offsets->size() != 2 || (*offsets)[0] > (*offsets)[1])
    return corrupt(message("data_offsets ", shapeText(*offsets),
                           " are not a begin and an end"));
  TensorInfo info;
  info.name = name;
  info.dtype = *type;
  info.shape = std::move(*shape);
  uint64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (end > dataBytes)
    return corrupt(message("lies at bytes ", begin, " to ", end,
                           " of the data, but the file has only ", dataBytes,
                           " bytes of data (truncated?)"));
  const BlockFormat &format = blockFormat(info.dtype);
  int64_t count, bytes;
  if (!elementCount(info.shape, count) ||
      __builtin_mul_overflow(count, int64_t(format.bytes), &bytes))
    return corrupt(message("shape ", shapeText(info.shape), " overflows"));
  if (count % format.values != 0)
    return corrupt(message("shape ", shapeText(info.shape),
                           " does not fill whole bytes of ", format.name));
  bytes /= format.values;
  if (uint64_t(bytes) != end - begin)
    return corrupt(message("shape ", shapeText(info.shape), " of ", format.name,
                           " needs ", bytes, " bytes, data_offsets give ",
                           end - begin));
  info.offset = dataStart + begin;
  info.bytes = end - begin;
  return info;
}

// The format demands that tensors tile the data without overlap or gap.
static Status checkTiling(std::vector<TensorInfo> &tensors, uint64_t dataStart,
                          uint64_t fileBytes) {
  std::sort(tensors.begin(), tensors.end(), [](const auto &a, const auto &b) {
    return std::tie(a.offset, a.bytes, a.name) <
           std::tie(b.offset, b.bytes, b.name);
  });
  uint64_t expected = dataStart;
  const TensorInfo *previous = nullptr;
  for (const TensorInfo &tensor : tensors) {
    if (tensor.offset < expected)
      return corrupt(message("tensor ", quote(tensor.name), " at byte ",
                             tensor.offset, " overlaps ", quote(previous->name),
                             ", which ends at byte ", expected));
    if (tensor.offset > expected)
      return corrupt(message("tensor ", quote(tensor.name), " begins at byte ",
                             tensor.offset, ", expected ", expected,
                             ": the bytes between belong to no tensor"));
    expected = tensor.offset + tensor.bytes;
    previous = &tensor;
  }
  if (expected != fileBytes)
    return corrupt(message("the tensors end at byte ", expected,
                           ", but the file has ", fileBytes, " bytes"));
  return {};
}

static Result<std::vector<TensorInfo>> parse(std::span<const uint8_t> bytes) {
  uint64_t headerBytes;
  if (bytes.size() < sizeof headerBytes)
    return corrupt(message("a safetensors file needs at least 8 bytes, this "
                           "one has ",
                           bytes.size()));
  std::memcpy(&headerBytes, bytes.data(), sizeof headerBytes);
  static constexpr std::string_view lfs = "version https://git-lfs";
  if (bytes.size() > lfs.size() &&
      std::memcmp(bytes.data(), lfs.data(), lfs.size()) == 0)
    return corrupt("this is a pointer to a file that Git LFS has yet to fetch "
                   "(git lfs pull)");
  if (headerBytes > maxHeaderBytes)
    return corrupt(message("the header claims ", headerBytes,
                           " bytes, the limit is ", maxHeaderBytes,
                           " (is this a safetensors file?)"));
  if (headerBytes > bytes.size() - 8)
    return corrupt(message("the header claims ", headerBytes,
                           " bytes, but only ", bytes.size() - 8,
                           " follow (truncated?)"));
  Result<json> header = parseHeader(bytes.subspan(8, headerBytes));
  if (!header.ok())
    return header.status();
  uint64_t dataStart = 8 + headerBytes;
  std::vector<TensorInfo> tensors;
  for (const auto &[name, entry] : header->items()) {
    if (name == "__metadata__")
      continue;
    Result<TensorInfo> info =
        parseEntry(name, entry, dataStart, bytes.size() - dataStart);
    if (!info.ok())
      return info.status().in("tensor " + quote(name));
    tensors.push_back(std::move(*info));
  }
  if (Status status = checkTiling(tensors, dataStart, bytes.size());
      !status.ok())
    return status;
  return tensors;
}

Result<std::vector<TensorInfo>> parseSafetensors(std::span<const uint8_t> bytes,
                                                 const std::string &file) {
  Result<std::vector<TensorInfo>> tensors = parse(bytes);
  if (!tensors.ok())
    return tensors.status().in(file);
  return tensors;
}

} // namespace sluice::checkpoint
