#include "runtime/template/Suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sluice::jinja {

// How many letters must be changed, added or dropped.
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t k = 0; k < b.size(); ++k) {
      size_t change = diagonal + (a[i] != b[k]);
      diagonal = row[k + 1];
      row[k + 1] = std::min({change, row[k] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view name,
                       const std::vector<std::string_view> &names) {
  std::string_view best;
  size_t least = std::max<size_t>(name.size() / 2, 1) + 1;
  if (name.size() < 40)
    for (std::string_view other : names)
      if (size_t d = distance(name, other); d < least) {
        least = d;
        best = other;
      }
  return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

} // namespace sluice::jinja
