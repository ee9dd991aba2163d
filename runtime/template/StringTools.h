// What filters and methods of strings share.
#pragma once

#include "runtime/template/Builtins.h"
#include "runtime/template/Strings.h"

namespace sluice::jinja {

// At most `count` times; negative: everywhere.
Value replaceText(Heap &heap, std::string_view text, std::string_view from,
                  std::string_view to, int64_t count);
// With `fill` at the sides to be that many code points wide; Both: centred.
Value pad(Heap &heap, const Value &text, int64_t width, std::string_view fill,
          Side side);
// At runs of spaces, at most `count` times; negative: everywhere.
std::vector<std::string_view> splitWords(std::string_view text, int64_t count);
// The filter.
Value wordwrap(Call &call);

// Texts that Python takes for numbers.
bool parseFloat(std::string_view text, double &value);
// False also when it does not fit; `base` 0: as its prefix says.
bool parseInteger(std::string_view text, int64_t base, int64_t &value);

} // namespace sluice::jinja
