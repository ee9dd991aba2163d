// The generated product against the library that plans may use instead: the
// same bits from the same packed weights, wherever the library takes its
// micro-kernels and multiplies by the same unit.
#include "runtime/executor/Engine.h"
#include "tests/unit/kernels/Packed.h"
#include "gtest/gtest.h"

using namespace sluice;
using namespace sluice::testing;

namespace {

template <typename T> constexpr bool kNarrow = sizeof(T) == 2;

// y = x * w^T, or nothing when the library would not use brgemm, or tiles where
// the kernel has none, or none where it has.
template <typename T>
std::optional<std::vector<float>> library(executor::Engine &engine, Rows<T> &x,
                                          void *w, int64_t n, bool tiles) {
  Rows<float> y(x.rows, n);
  executor::Product product = {.k = x.columns,
                               .n = n,
                               .xStride = x.stride,
                               .yStride = y.stride,
                               .elem = kNarrow<T> ? format::Elem::BF16
                                                  : format::Elem::F32};
  std::string name = engine.implementation(product, x.rows);
  if (!name.starts_with("brg") ||
      (name.find("amx") != std::string::npos) != tiles)
    return std::nullopt;
  Status status = engine.run(product, x.rows, x.data(), w, nullptr, y.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return y.values();
}

// As the runtime gives products to the library: from some rows on (for fewer,
// oneDNN 3 adds in another order), rows without padding, and for bf16 a K that
// is a multiple of 32 (there K is padded to that).
template <typename T>
void compare(const Kernel &kernel, const std::vector<int64_t> &depths) {
  auto engine = executor::Engine::create();
  ASSERT_TRUE(engine.ok()) << engine.status().message();
  bool tiles = kNarrow<T> && addsInTiles();
  int compared = 0;
  for (int64_t k : depths)
    for (int64_t rows : {executor::kEngineRows, int64_t(40), int64_t(100)}) {
      constexpr int64_t n = 192;
      Weight weight(n, k, 1);
      Packed packed(weight, kNarrow<T>);
      Rows<T> x = Rows<T>(rows, k).random(2);
      std::optional<std::vector<float>> expected =
          library(**engine, x, packed, n, tiles);
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
    GTEST_SKIP() << "the library has no such micro-kernels for this machine";
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
