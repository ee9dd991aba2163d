#include "runtime/tokenizer/Image.h"

#include <cstdint>

namespace sluice::tokenizer {

namespace {
constexpr uint32_t magic = 0x314d4953; // "SIM1"
// More than any kind of vocabulary has.
constexpr uint32_t maxParts = 16;

struct Header {
  uint32_t magic, parts;
};
struct Part {
  uint64_t begin, size;
};

size_t aligned(size_t size) { return (size + 7) / 8 * 8; }

Status corrupt(const char *what) {
  return Status(Code::Corrupt, std::string("tokenizer: ") + what);
}
} // namespace

nlohmann::json ImageWriter::add(std::span<const std::byte> table) {
  tables_.push_back(table);
  return tables_.size() - 1;
}

std::string ImageWriter::finish(const nlohmann::json &settings) const {
  std::string json = settings.dump();
  std::vector<std::span<const std::byte>> parts = {
      std::as_bytes(std::span(json.data(), json.size()))};
  parts.insert(parts.end(), tables_.begin(), tables_.end());
  Header header{magic, static_cast<uint32_t>(parts.size())};
  std::string image(reinterpret_cast<const char *>(&header), sizeof(header));
  size_t at = sizeof(Header) + parts.size() * sizeof(Part);
  for (std::span<const std::byte> part : parts) {
    Part place{at, part.size()};
    image.append(reinterpret_cast<const char *>(&place), sizeof(place));
    at += aligned(part.size());
  }
  for (std::span<const std::byte> part : parts) {
    image.append(reinterpret_cast<const char *>(part.data()), part.size());
    image.resize(aligned(image.size()));
  }
  return image;
}

Result<std::span<const std::byte>>
Tables::at(const nlohmann::json &number) const {
  if (!number.is_number_unsigned() || number.get<uint64_t>() >= list_.size())
    return Status(Code::Corrupt, "tokenizer: there is no table " +
                                     number.dump().substr(0, 20));
  return list_[number.get<size_t>()];
}

Result<Image> Image::open(std::span<const std::byte> bytes) {
  auto *header = reinterpret_cast<const Header *>(bytes.data());
  if (bytes.size() < sizeof(Header) ||
      reinterpret_cast<uintptr_t>(bytes.data()) % 8 || header->magic != magic)
    return corrupt("not a stored tokenizer");
  auto *parts = reinterpret_cast<const Part *>(header + 1);
  if (header->parts < 1 || header->parts > maxParts ||
      bytes.size() < sizeof(Header) + header->parts * sizeof(Part))
    return corrupt("the list of parts is cut off");
  Image image;
  for (uint32_t i = 0; i < header->parts; ++i) {
    auto [begin, size] = parts[i];
    if (begin % 8 || begin > bytes.size() || size > bytes.size() - begin)
      return corrupt("a part lies outside");
    std::span<const std::byte> part = bytes.subspan(begin, size);
    if (i == 0)
      image.settings = {reinterpret_cast<const char *>(part.data()),
                        part.size()};
    else
      image.tables.list_.push_back(part);
  }
  return image;
}

} // namespace sluice::tokenizer
