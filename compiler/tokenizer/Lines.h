// Vocabularies that are files of lines.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace sluice::tokenizer {

// Without its end.
inline std::string_view firstLine(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

// Calls `take` for every line, without its end; false stops.
template <typename Take> void forLines(std::string_view text, Take take) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    if (!take(firstLine(text)) || end == std::string_view::npos)
      return;
    text.remove_prefix(end + 1);
  }
}

// The decimal number that is the whole text; -1 if there is none.
inline int64_t number(std::string_view text) {
  int64_t value = -1;
  const char *last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc() && end == last && value >= 0 ? value : -1;
}

} // namespace sluice::tokenizer
