// What the values of a module are while it is evaluated.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

namespace sluice::evaluate {

using Shape = llvm::SmallVector<int64_t>;

inline int64_t elementsOf(llvm::ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

// Elements in row-major order; of a value with rows, the first axis counts
// them.
template <typename T> struct Array {
  Shape shape;
  std::vector<T> data;

  Array() = default;
  explicit Array(Shape shape)
      : shape(std::move(shape)), data(size_t(elementsOf(this->shape))) {}

  // The last axis, and how many vectors of that width there are.
  int64_t width() const { return shape.empty() ? 1 : shape.back(); }
  int64_t count() const { return int64_t(data.size()) / width(); }
  T *at(int64_t vector) { return data.data() + vector * width(); }
  const T *at(int64_t vector) const { return data.data() + vector * width(); }
};

using Tensor = Array<float>;
using Ints = Array<int32_t>; // ids, positions, chosen indices

// A state of one layer: the symbol, -1 where it has no layers.
struct Cache {
  std::string state;
  int64_t layer = -1;
  friend auto operator<=>(const Cache &, const Cache &) = default;
};

// A query and a key: their positions, their rows among this step's, and the
// query's head.
struct QueryAndKey {
  int64_t query, key, queryRow, keyRow, head;
};
// What is added to the score of a query and a key.
using Bias = std::function<float(const QueryAndKey &at)>;

// Tensors are shared, as blocks pass them on; monostate is the batch.
using Value = std::variant<std::monostate, std::shared_ptr<const Tensor>,
                           std::shared_ptr<const Ints>, Cache, Bias, int64_t>;

inline Value share(Tensor tensor) {
  return std::make_shared<const Tensor>(std::move(tensor));
}
inline Value share(Ints ints) {
  return std::make_shared<const Ints>(std::move(ints));
}
inline Value share(Value value) { return value; }

} // namespace sluice::evaluate
