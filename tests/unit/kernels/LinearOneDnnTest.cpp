// The generated product against the library that plans may use instead: the
// same bits from the same packed weights, wherever the library takes its
// micro-kernels.
#include "tests/unit/kernels/Packed.h"
#include "gtest/gtest.h"

#include "oneapi/dnnl/dnnl.hpp"

using namespace sluice::testing;
using dnnl::memory;

namespace {

template <typename T> constexpr bool kNarrow = sizeof(T) == 2;

// y = x * w^T, or nothing when the library would not use brgemm.
template <typename T>
std::optional<std::vector<float>> library(Rows<T> &x, void *w, int64_t n) {
  using Tag = memory::format_tag;
  auto type = kNarrow<T> ? memory::data_type::bf16 : memory::data_type::f32;
  Tag packed = kNarrow<T> ? Tag::BA16a64b2a : Tag::BA16a64b;
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  Rows<float> y(x.rows, n);
  memory::desc source({x.rows, x.columns}, type, memory::dims{x.stride, 1});
  memory::desc weights({x.columns, n}, type, packed);
  memory::desc sums({x.rows, n}, memory::data_type::f32,
                    memory::dims{y.stride, 1});
  dnnl::matmul::desc product(source, weights, sums);
  dnnl::matmul::primitive_desc how(product, engine);
  if (std::string(how.impl_info_str()).rfind("brg", 0) != 0)
    return std::nullopt;
  memory xMemory(source, engine, x.data()), wMemory(weights, engine, w),
      yMemory(sums, engine, y.data());
  dnnl::matmul(how).execute(stream, {{DNNL_ARG_SRC, xMemory},
                                     {DNNL_ARG_WEIGHTS, wMemory},
                                     {DNNL_ARG_DST, yMemory}});
  stream.wait();
  return y.values();
}

// K as the runtime gives it to the library: rows without padding, and for bf16
// a multiple of 32 (there K is padded to that).
template <typename T>
void compare(const Kernel &kernel, const std::vector<int64_t> &depths) {
  int compared = 0;
  for (int64_t k : depths)
    for (int64_t rows : {1, 9, 40}) {
      constexpr int64_t n = 192;
      Weight weight(n, k, 1);
      Packed packed(weight, kNarrow<T>);
      Rows<T> x = Rows<T>(rows, k).random(2);
      std::optional<std::vector<float>> expected = library(x, packed, n);
      if (!expected)
        continue;
      ++compared;
      Rows<float> y(rows, n);
      ASSERT_EQ(kernel.run({.operands = {{"x", x}, {"w", packed}, {"y", y}},
                            .dims = {{"K", k},
                                     {"N", n},
                                     {"x.stride", x.stride},
                                     {"y.stride", y.stride}},
                            .rows = rows,
                            .workers = 2}),
                0);
      ASSERT_EQ(y.values(), *expected) << "K " << k << ", " << rows << " rows";
    }
  if (compared == 0)
    GTEST_SKIP() << "the library has no micro-kernels for this machine";
}

TEST(LinearOneDnn, HasTheBitsOfF32Products) {
  compare<float>(Kernel("linear", R"({weight = "f32", compute = "f32"})"),
                 {96, 512, 720, 1024, 1040, 2048, 5632});
}

TEST(LinearOneDnn, HasTheBitsOfBf16Products) {
  compare<Bf16>(
      Kernel("linear",
             R"({weight = "bf16", compute = "bf16", input = "bf16"})"),
      {96, 512, 736, 1024, 1056, 2048, 5632});
}

} // namespace
