#include "tests/unit/kernels/KernelHarness.h"
#include "gtest/gtest.h"

using namespace sluice::testing;

namespace {

constexpr int64_t rows = 5, columns = 19;

Rows<int32_t> ints() {
  Rows<int32_t> x(rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      x.at(r, c) = static_cast<int32_t>((r - 2) * 1000003 + c * c);
  return x;
}

template <typename From, typename To>
Kernel::Call callOf(Rows<From> &x, Rows<To> &y) {
  return {
      .operands = {{"x", x}, {"y", y}},
      .dims = {{"N", columns}, {"x.stride", x.stride}, {"y.stride", y.stride}},
      .rows = rows};
}

TEST(Ints, NumberIsTheNearestF32) {
  Rows<int32_t> x = ints();
  Rows<float> y(rows, columns);
  x.at(0, 0) = (1 << 24) + 1; // lies between two of them
  Kernel("number").results(callOf(x, y), y);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      EXPECT_EQ(y.at(r, c), static_cast<float>(x.at(r, c)));
}

TEST(Ints, OffsetIsAddedToEach) {
  Rows<int32_t> x = ints(), y(rows, columns);
  Kernel::Call call = callOf(x, y);
  call.dims["by"] = 77;
  Kernel("offset").results(call, y);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      EXPECT_EQ(y.at(r, c), x.at(r, c) + 77);
}

TEST(Ints, FlagsAreIntsOfZeroAndOne) {
  Rows<uint8_t> x(rows, columns);
  Rows<int32_t> y(rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      x.at(r, c) = (r + c) % 3 == 0;
  Kernel("flags").results(callOf(x, y), y);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      EXPECT_EQ(y.at(r, c), (r + c) % 3 == 0 ? 1 : 0);
}

} // namespace
