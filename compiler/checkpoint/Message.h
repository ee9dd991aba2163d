// Building error messages about files we do not trust.
#pragma once

#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::checkpoint {

// The parts as << prints them, one after the other.
template <typename... Parts> std::string message(const Parts &...parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Text from a file, fit for a terminal: control bytes and, if it is not UTF-8,
// all that is not ASCII replaced.
std::string printable(std::string text);

// The same of at most `limit` bytes, "..." behind what is cut.
std::string excerpt(std::string_view text, size_t limit);

// A printable name: quoted, long ones cut.
std::string quote(std::string_view name);

// "[2, 3]"
std::string shapeText(const std::vector<int64_t> &shape);

// False on overflow or a negative extent.
bool elementCount(const std::vector<int64_t> &shape, int64_t &count);

bool isUtf8(std::string_view text);

// The bytes of a file as text.
inline std::string_view textOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

} // namespace sluice::checkpoint
