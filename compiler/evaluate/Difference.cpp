#include "compiler/evaluate/Difference.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace sluice::evaluate {

Difference differenceOf(ArrayRef<float> expected, ArrayRef<float> found) {
  Difference difference;
  double largest = 0;
  for (auto [e, f] : llvm::zip_equal(expected, found)) {
    double d = e == f || (std::isnan(e) && std::isnan(f))
                   ? 0
                   : std::abs(double(f) - double(e));
    if (std::isnan(d))
      d = std::numeric_limits<double>::infinity();
    difference.absolute = std::max(difference.absolute, d);
    if (std::isfinite(e))
      largest = std::max(largest, std::abs(double(e)));
  }
  if (difference.absolute > 0)
    difference.relative = difference.absolute / largest;
  return difference;
}

Difference differenceOf(ArrayRef<StepResults> expected,
                        ArrayRef<StepResults> found) {
  Difference worst;
  for (auto [one, other] : llvm::zip_equal(expected, found))
    for (auto [e, f] : llvm::zip_equal(one.outputs, other.outputs))
      worst = std::max(worst, differenceOf(e.value.data, f.value.data));
  return worst;
}

namespace {

// Rows of a step, and which of them are wanted.
struct Rows {
  int64_t all = 0;
  std::vector<int64_t> wanted;
};

Rows rowsOf(const Step &step) {
  Rows rows;
  for (const Sequence &sequence : step.sequences) {
    int64_t count = 0;
    for (const auto &[name, values] : sequence.inputs)
      count = int64_t(values.size());
    for (int64_t row = 0; row < count; ++row)
      if (sequence.wanted == Wanted::All ||
          (sequence.wanted == Wanted::Last && row == count - 1))
        rows.wanted.push_back(rows.all + row);
    rows.all += count;
  }
  return rows;
}

// The elements of `from`, or those of its wanted rows, if that makes `count`.
std::optional<std::vector<float>> asMany(const Tensor &from, size_t count,
                                         const Rows &rows) {
  if (from.data.size() == count)
    return from.data;
  if (from.shape.empty() || from.shape[0] != rows.all || from.data.empty())
    return std::nullopt;
  size_t row = from.data.size() / size_t(rows.all);
  if (row * rows.wanted.size() != count)
    return std::nullopt;
  std::vector<float> taken;
  for (int64_t wanted : rows.wanted)
    taken.insert(taken.end(), from.data.begin() + wanted * int64_t(row),
                 from.data.begin() + (wanted + 1) * int64_t(row));
  return taken;
}

// The least difference to a record of one of these places and the layer.
std::optional<Difference> nearest(const Record &record,
                                  ArrayRef<std::string> places,
                                  ArrayRef<Record> before, const Rows &rows) {
  std::optional<Difference> least;
  for (const Record &other : before) {
    if (other.layer != record.layer ||
        llvm::none_of(placesOf(other.location), [&](const std::string &place) {
          return llvm::is_contained(places, place);
        }))
      continue;
    auto values = asMany(other.value, record.value.data.size(), rows);
    if (!values)
      continue;
    Difference difference = differenceOf(*values, record.value.data);
    if (!least || difference < *least)
      least = difference;
  }
  return least;
}

// A fused op gives what its last part gave; one of several results, what any
// of its parts did.
std::optional<Difference>
counterpart(const Record &record, ArrayRef<Record> before, const Rows &rows) {
  std::vector<std::string> places = placesOf(record.location);
  ArrayRef<std::string> all(places);
  std::optional<Difference> last;
  if (!all.empty() && record.results == 1)
    last = nearest(record, all.take_back(), before, rows);
  return last ? last : nearest(record, all, before, rows);
}

} // namespace

std::optional<Moved> firstMoved(ArrayRef<Step> steps,
                                ArrayRef<StepResults> expected,
                                ArrayRef<StepResults> found, double tolerance) {
  for (auto [i, step] : llvm::enumerate(steps)) {
    Rows rows = rowsOf(step);
    for (const Record &record : found[i].records) {
      std::optional<Difference> least =
          counterpart(record, expected[i].records, rows);
      if (least && least->relative > tolerance)
        return Moved{i, &record, *least};
    }
  }
  return std::nullopt;
}

} // namespace sluice::evaluate
