#include "compiler/checkpoint/Gguf.h"

#include "compiler/checkpoint/Message.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>

namespace sluice::checkpoint {

using nlohmann::json;

// Far above any real file (a vocabulary has some 300,000 tokens); a list costs
// more memory as JSON than in the file.
static constexpr uint64_t maxMetadataValues = 1 << 24;
static constexpr int maxListDepth = 4;
static constexpr size_t maxKeyBytes = 65535;
static constexpr uint32_t maxAxes = 4;

static Status corrupt(std::string text) {
  return Status(Code::Corrupt, std::move(text));
}

enum class ValueType : uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  List,
  U64,
  I64,
  F64,
};

// The least number of bytes a value of the type takes; 0 for unknown types.
static uint64_t leastBytes(uint32_t type) {
  static constexpr uint64_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return type < std::size(sizes) ? sizes[type] : 0;
}

static std::optional<DType> dtypeByNumber(uint32_t number) {
  switch (number) {
  case 0:
    return DType::F32;
  case 1:
    return DType::F16;
  case 2:
    return DType::Q4_0;
  case 3:
    return DType::Q4_1;
  case 6:
    return DType::Q5_0;
  case 7:
    return DType::Q5_1;
  case 8:
    return DType::Q8_0;
  case 9:
    return DType::Q8_1;
  case 10:
    return DType::Q2_K;
  case 11:
    return DType::Q3_K;
  case 12:
    return DType::Q4_K;
  case 13:
    return DType::Q5_K;
  case 14:
    return DType::Q6_K;
  case 15:
    return DType::Q8_K;
  case 16:
    return DType::IQ2_XXS;
  case 17:
    return DType::IQ2_XS;
  case 18:
    return DType::IQ3_XXS;
  case 19:
    return DType::IQ1_S;
  case 20:
    return DType::IQ4_NL;
  case 21:
    return DType::IQ3_S;
  case 22:
    return DType::IQ2_S;
  case 23:
    return DType::IQ4_XS;
  case 24:
    return DType::I8;
  case 25:
    return DType::I16;
  case 26:
    return DType::I32;
  case 27:
    return DType::I64;
  case 28:
    return DType::F64;
  case 29:
    return DType::IQ1_M;
  case 30:
    return DType::BF16;
  case 34:
    return DType::TQ1_0;
  case 35:
    return DType::TQ2_0;
  case 39:
    return DType::MXFP4;
  case 40:
    return DType::NVFP4;
  case 41:
    return DType::Q1_0;
  default:
    return std::nullopt;
  }
}

namespace {

class Reader {
public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  Result<GgufFile> read();

private:
  uint64_t left() const { return bytes_.size() - position_; }

  template <typename T> Status number(T &value) {
    value = T();
    if (left() < sizeof(T))
      return corrupt(message("the file ends at byte ", bytes_.size(),
                             ", expected ", sizeof(T), " more bytes at byte ",
                             position_));
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return {};
  }
  template <typename T> Status numberTo(json &out) {
    T value;
    if (Status status = number(value); !status.ok())
      return status;
    out = value;
    return {};
  }
  Status string(std::string &text);
  Status boolean(json &out);
  Status list(json &out, int depth);
  Status value(uint32_t type, json &out, int depth);
  Status header(uint64_t &tensors, uint64_t &pairs);
  Status metadata(uint64_t pairs, json &out);
  Status alignment(const json &metadata);
  Status tensor(TensorInfo &info);
  Status extents(TensorInfo &info);
  Status place(std::vector<TensorInfo> &tensors) const;

  std::span<const uint8_t> bytes_;
  uint64_t position_ = 0;
  uint64_t values_ = 0; // of lists, so far
  uint64_t alignment_ = 32;
};

} // namespace

Status Reader::string(std::string &text) {
  uint64_t length;
  if (Status status = number(length); !status.ok())
    return status;
  if (length > left())
    return corrupt(message("a text of ", length, " bytes at byte ", position_,
                           ", but only ", left(), " bytes are left"));
  text.assign(reinterpret_cast<const char *>(bytes_.data()) + position_,
              length);
  position_ += length;
  return {};
}

Status Reader::boolean(json &out) {
  uint8_t byte;
  if (Status status = number(byte); !status.ok())
    return status;
  if (byte > 1)
    return corrupt(message("a flag is ", int(byte), ", expected 0 or 1"));
  out = byte == 1;
  return {};
}

Status Reader::list(json &out, int depth) {
  uint32_t type;
  uint64_t count;
  if (Status status = number(type); !status.ok())
    return status;
  if (Status status = number(count); !status.ok())
    return status;
  if (leastBytes(type) == 0)
    return corrupt(message("list of unknown value type ", type));
  if (depth >= maxListDepth)
    return corrupt(message("lists are nested deeper than ", maxListDepth));
  if (count > left() / leastBytes(type))
    return corrupt(message("a list of ", count, " values, but only ", left(),
                           " bytes are left"));
  if (count > maxMetadataValues - values_)
    return Status(Code::Unsupported, message("the metadata lists hold more "
                                             "than ",
                                             maxMetadataValues, " values"));
  values_ += count;
  out = json::array();
  auto &items = out.get_ref<json::array_t &>();
  items.resize(count);
  for (json &item : items)
    if (Status status = value(type, item, depth + 1); !status.ok())
      return status;
  return {};
}

Status Reader::value(uint32_t type, json &out, int depth) {
  switch (ValueType(type)) {
  case ValueType::U8:
    return numberTo<uint8_t>(out);
  case ValueType::I8:
    return numberTo<int8_t>(out);
  case ValueType::U16:
    return numberTo<uint16_t>(out);
  case ValueType::I16:
    return numberTo<int16_t>(out);
  case ValueType::U32:
    return numberTo<uint32_t>(out);
  case ValueType::I32:
    return numberTo<int32_t>(out);
  case ValueType::F32:
    return numberTo<float>(out);
  case ValueType::U64:
    return numberTo<uint64_t>(out);
  case ValueType::I64:
    return numberTo<int64_t>(out);
  case ValueType::F64:
    return numberTo<double>(out);
  case ValueType::Bool:
    return boolean(out);
  case ValueType::List:
    return list(out, depth);
  case ValueType::String: {
    std::string text;
    Status status = string(text);
    out = std::move(text);
    return status;
  }
  }
  return corrupt(message("unknown value type ", type));
}

Status Reader::header(uint64_t &tensors, uint64_t &pairs) {
  uint32_t version;
  if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0)
    return corrupt("not a GGUF file: it does not begin with 'GGUF'");
  position_ = 4;
  if (Status status = number(version); !status.ok())
    return status;
  if (version == 0x02000000 || version == 0x03000000)
    return Status(Code::Unsupported, "a big-endian GGUF file; convert it to "
                                     "little endian");
  if (version != 2 && version != 3)
    return Status(Code::Unsupported,
                  message("GGUF version ", version, ", expected 2 or 3"));
  if (Status status = number(tensors); !status.ok())
    return status;
  if (Status status = number(pairs); !status.ok())
    return status;
  // A name, a count of axes, a type and an offset; a key, a type and a byte.
  if (tensors > left() / 24)
    return corrupt(message("the header claims ", tensors, " tensors, but only ",
                           left(), " bytes follow"));
  if (pairs > left() / 13)
    return corrupt(message("the header claims ", pairs,
                           " metadata keys, but only ", left(),
                           " bytes follow"));
  return {};
}

Status Reader::metadata(uint64_t pairs, json &out) {
  for (uint64_t i = 0; i < pairs; ++i) {
    std::string key;
    std::string where = message("metadata key ", i + 1, " of ", pairs);
    if (Status status = string(key); !status.ok())
      return status.in(where);
    if (key.empty() || key.size() > maxKeyBytes)
      return corrupt(message(where, ": a name of ", key.size(),
                             " bytes, expected 1 to ", maxKeyBytes));
    uint32_t type;
    json item;
    Status status = number(type);
    if (status.ok())
      status = value(type, item, 0);
    if (!status.ok())
      return status.in("metadata key " + quote(key));
    if (!out.emplace(key, std::move(item)).second)
      return corrupt(message("metadata key ", quote(key), " occurs twice"));
  }
  return {};
}

Status Reader::alignment(const json &metadata) {
  auto found = metadata.find("general.alignment");
  if (found == metadata.end())
    return {};
  if (!found->is_number_unsigned() ||
      !std::has_single_bit(found->get<uint64_t>()) ||
      found->get<uint64_t>() > 1 << 20)
    return corrupt(message("general.alignment is ",
                           jsonText(*found).substr(0, 40),
                           ", expected a power of two up to 2^20"));
  alignment_ = found->get<uint64_t>();
  return {};
}

Status Reader::extents(TensorInfo &info) {
  uint32_t axes;
  if (Status status = number(axes); !status.ok())
    return status;
  if (axes > maxAxes)
    return corrupt(message(axes, " axes, expected at most ", maxAxes));
  for (uint32_t i = 0; i < axes; ++i) {
    uint64_t extent;
    if (Status status = number(extent); !status.ok())
      return status;
    if (extent > INT64_MAX)
      return corrupt(message("an extent of ", extent));
    info.shape.insert(info.shape.begin(), int64_t(extent));
  }
  return {};
}

Status Reader::tensor(TensorInfo &info) {
  uint32_t typeNumber;
  if (Status status = extents(info); !status.ok())
    return status;
  if (Status status = number(typeNumber); !status.ok())
    return status;
  if (Status status = number(info.offset); !status.ok())
    return status;
  std::optional<DType> type = dtypeByNumber(typeNumber);
  if (!type)
    return Status(Code::Unsupported,
                  message("tensor type ", typeNumber, " is not known"));
  info.dtype = *type;
  const BlockFormat &format = blockFormat(*type);
  if (info.columns() % format.values != 0)
    return corrupt(message("shape ", shapeText(info.shape), ": rows of ",
                           format.name, " must be a multiple of ",
                           format.values));
  int64_t count, bytes;
  if (!elementCount(info.shape, count) ||
      __builtin_mul_overflow(count / format.values, int64_t(format.bytes),
                             &bytes))
    return corrupt(message("shape ", shapeText(info.shape), " overflows"));
  info.bytes = uint64_t(bytes);
  if (info.offset % alignment_ != 0)
    return corrupt(message("offset ", info.offset,
                           " is not a multiple of the alignment ", alignment_));
  return {};
}

// Turns offsets from the start of the data into offsets in the file, and checks
// that the tensors lie in it side by side.
Status Reader::place(std::vector<TensorInfo> &tensors) const {
  uint64_t dataStart = (position_ + alignment_ - 1) / alignment_ * alignment_;
  uint64_t dataBytes =
      bytes_.size() > dataStart ? bytes_.size() - dataStart : 0;
  for (TensorInfo &tensor : tensors) {
    if (tensor.offset > dataBytes || tensor.bytes > dataBytes - tensor.offset)
      return corrupt(message("tensor ", quote(tensor.name), " of ",
                             tensor.bytes, " bytes at offset ", tensor.offset,
                             ", but the file has only ", dataBytes,
                             " bytes of data (truncated?)"));
    tensor.offset += dataStart;
  }
  std::vector<const TensorInfo *> order;
  for (const TensorInfo &tensor : tensors)
    if (tensor.bytes > 0)
      order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const auto *a, const auto *b) { return a->offset < b->offset; });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i]->offset < order[i - 1]->offset + order[i - 1]->bytes)
      return corrupt(message("tensor ", quote(order[i]->name), " at byte ",
                             order[i]->offset, " overlaps ",
                             quote(order[i - 1]->name), ", which ends at byte ",
                             order[i - 1]->offset + order[i - 1]->bytes));
  return {};
}

Result<GgufFile> Reader::read() {
  GgufFile file;
  uint64_t tensors, pairs;
  if (Status status = header(tensors, pairs); !status.ok())
    return status;
  if (Status status = metadata(pairs, file.metadata); !status.ok())
    return status;
  if (Status status = alignment(file.metadata); !status.ok())
    return status;
  std::set<std::string, std::less<>> names;
  for (uint64_t i = 0; i < tensors; ++i) {
    TensorInfo info;
    if (Status status = string(info.name); !status.ok())
      return status.in(message("tensor ", i + 1, " of ", tensors));
    if (Status status = tensor(info); !status.ok())
      return status.in("tensor " + quote(info.name));
    if (!names.insert(info.name).second)
      return corrupt(message("tensor ", quote(info.name), " occurs twice"));
    file.tensors.push_back(std::move(info));
  }
  if (Status status = place(file.tensors); !status.ok())
    return status;
  return file;
}

Result<GgufFile> parseGguf(std::span<const uint8_t> bytes,
                           const std::string &file) {
  Result<GgufFile> result = Reader(bytes).read();
  if (!result.ok())
    return result.status().in(file);
  return result;
}

} // namespace sluice::checkpoint
