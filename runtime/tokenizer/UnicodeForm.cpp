#include "runtime/tokenizer/UnicodeForm.h"

#include <algorithm>
#include <tuple>

namespace sluice::tokenizer {

namespace {

// A character, and how many of the old text's it stands for: 1 - the number, so
// that 1 is one that came in addition.
struct Unit {
  int32_t c;
  int32_t change;
  uint8_t order; // canonical combining class
  size_t place;  // before sorting
};

// The units up to the next one that nothing before can reach over, in canonical
// order.
void decompose(std::string_view text, bool compatible,
               std::vector<Unit> &units) {
  std::vector<int32_t> parts;
  size_t pending = 0;
  auto sort = [&] {
    std::sort(units.begin() + ptrdiff_t(pending), units.end(),
              [](const Unit &a, const Unit &b) {
                return std::tie(a.order, a.place) < std::tie(b.order, b.place);
              });
  };
  for (size_t at = 0; at < text.size();) {
    int32_t c = unicode::next(text, at);
    parts.clear();
    unicode::decompose(c, compatible, parts);
    for (size_t i = 0; i < parts.size(); ++i) {
      int order = unicode::combiningClass(parts[i]);
      if (order == 0) {
        sort();
        pending = units.size();
      }
      units.push_back({parts[i], i > 0, uint8_t(order), units.size()});
      if (order == 0)
        pending = units.size();
    }
  }
  sort();
}

// Joins units in place.
void compose(std::vector<Unit> &units) {
  size_t out = 0, starter = SIZE_MAX;
  int last = -1; // class of the last mark kept behind the starter; -1: none
  for (size_t i = 0; i < units.size(); ++i) {
    Unit unit = units[i];
    bool blocked = last >= int(unit.order);
    if (starter != SIZE_MAX && !blocked) {
      int32_t joined = unicode::compose(units[starter].c, unit.c);
      if (joined >= 0) {
        units[starter].c = joined;
        units[starter].change += unit.change - 1;
        continue;
      }
    }
    if (unit.order == 0) {
      starter = out;
      last = -1;
    } else {
      last = unit.order;
    }
    units[out++] = unit;
  }
  units.resize(out);
}

// Nothing in such a text changes: all of Latin-1 and more is composed, and no
// mark stands before U+0300.
bool unchanged(std::string_view text, bool compatible, bool composed) {
  if (unicode::isAscii(text))
    return true;
  if (compatible || !composed)
    return false;
  for (size_t at = 0; at < text.size();)
    if (unicode::next(text, at) >= 0x300)
      return false;
  return true;
}

} // namespace

void toUnicodeForm(Text &text, bool compatible, bool composed) {
  if (unchanged(text.bytes, compatible, composed))
    return;
  std::vector<Unit> units;
  units.reserve(text.size());
  decompose(text.bytes, compatible, units);
  if (composed)
    compose(units);
  Text result;
  result.tracked = text.tracked;
  result.bytes.reserve(text.size());
  Rewriter out(text, result);
  for (const Unit &unit : units)
    if (unit.change > 0)
      out.insert(unit.c);
    else
      out.replace(unit.c, size_t(-unit.change));
  text = std::move(result);
}

} // namespace sluice::tokenizer
