// A stable sort that asks of any order no more than an answer: keys from
// templates may contradict themselves (NaN), and comparing them may fail.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace sluice::jinja {

// The numbers below `count`, in the order of `less`.
template <typename Less>
std::vector<size_t> stableOrder(size_t count, const Less &less) {
  std::vector<size_t> order(count), merged(count);
  std::iota(order.begin(), order.end(), size_t(0));
  for (size_t width = 1; width < count; width *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * width) {
      size_t middle = std::min(begin + width, count);
      size_t end = std::min(begin + 2 * width, count);
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        bool second =
            left == middle || (right < end && less(order[right], order[left]));
        merged[out] = second ? order[right++] : order[left++];
      }
    }
    order.swap(merged);
  }
  return order;
}

} // namespace sluice::jinja
