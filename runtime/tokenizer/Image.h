// A tokenizer as one block of bytes that is used where it lies: a
// tokenizer.json in which numbers of tables stand for the large members, and
// these tables.
//
//   u32 magic, parts
//   {u64 begin, size}[parts]     begin is a multiple of 8
//   parts                        the JSON, then the tables
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tokenizer {

class ImageWriter {
public:
  // The number that stands for the table; the bytes must stay until finish().
  nlohmann::json add(std::span<const std::byte> table);
  std::string finish(const nlohmann::json &settings) const;

private:
  std::vector<std::span<const std::byte>> tables_;
};

// The tables of an image; none for a tokenizer.json.
class Tables {
public:
  // Corrupt if `number` is not that of a table.
  Result<std::span<const std::byte>> at(const nlohmann::json &number) const;

private:
  friend struct Image;
  std::vector<std::span<const std::byte>> list_;
};

struct Image {
  std::string_view settings; // JSON
  Tables tables;

  // `bytes` is 8-byte aligned and outlives the image. Corrupt when it is cut
  // off or none.
  static Result<Image> open(std::span<const std::byte> bytes);
};

} // namespace sluice::tokenizer
