// Matrix products by oneDNN, on the packed weights of the plan. A product is
// handed to it only where it takes its fast path and gives the same bits as the
// generated kernel.
#pragma once

#include "runtime/format/artifact_generated.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::executor {

// y [M][yStride] = x [M][k] * w^T (+ bias) (+ y). Rows of x are dense; rows of
// y may have the padding of the weight's panels.
struct Product {
  int64_t k = 0, n = 0;
  int64_t xStride = 0, yStride = 0;
  format::Elem elem = format::Elem::F32;
  bool bias = false, accumulate = false;

  auto operator<=>(const Product &) const = default;
};

// With fewer rows the generated kernel reads the weights as fast as memory
// gives them, and stays in the parallel region.
inline constexpr int64_t kEngineRows = 9;

class Engine {
public:
  static Result<std::unique_ptr<Engine>> create();
  ~Engine();

  // The implementation that oneDNN would choose ("brg:avx512_core_bf16" or, of
  // oneDNN 3, "brg_matmul:avx512_core_bf16"), or "" when it refuses.
  std::string implementation(const Product &product, int64_t rows);

  // Takes the strides of `product` and has a fast path for it.
  bool fast(const Product &product);

  // Must be called outside parallel regions.
  Status run(const Product &product, int64_t rows, const void *x, const void *w,
             const float *bias, float *y);

private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice::executor
