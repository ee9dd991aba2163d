// What a JSON parser does not tell of a file: where a key stands, and how
// Python writes numbers that are none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::checkpoint {

// The text with the NaN, Infinity and -Infinity that Python's json module
// writes as strings of these names.
std::string quoteNonNumbers(std::string_view text);

struct TextPlace {
  int line = 0, column = 0; // from 1
};
// Where the member at a dotted path stands: its key in an object, its value in
// a list. Of a key that is there twice the last one counts, as for parsers.
std::optional<TextPlace> placeOf(std::string_view text, std::string_view path);
// The same for a path in parts, whose names may hold dots themselves.
std::optional<TextPlace> placeOf(std::string_view text,
                                 const std::vector<std::string> &path);

} // namespace sluice::checkpoint
