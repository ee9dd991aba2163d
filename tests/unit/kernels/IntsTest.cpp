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

TEST(Ints, OffsetStaysAtTheLargestInt) {
  Rows<int32_t> x = ints(), y(rows, columns);
  const int32_t from[] = {INT32_MAX, INT32_MAX - 76, INT32_MAX - 77,
                          INT32_MAX - 78, INT32_MIN};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      x.at(r, c) = from[(r + c) % 5];
  Kernel::Call call = callOf(x, y);
  call.dims["by"] = 77;
  Kernel("offset").results(call, y);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      EXPECT_EQ(y.at(r, c),
                std::min<int64_t>(int64_t(x.at(r, c)) + 77, INT32_MAX));
}

TEST(Ints, EqualsIsOneWhereTheyAre) {
  Rows<int32_t> x = ints(), y(rows, columns);
  Kernel::Call call = callOf(x, y);
  call.dims["value"] = 1000003 + 16;
  Kernel("equals").results(call, y);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      EXPECT_EQ(y.at(r, c), r == 3 && c == 4 ? 1 : 0);
}

TEST(Ints, PositiveIsOneAboveZero) {
  Rows<float> x(rows, columns);
  Rows<int32_t> y(rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      x.at(r, c) = c == 3 ? -0.0f : static_cast<float>(r - 2) * 1e-30f;
  Kernel("positive").results(callOf(x, y), y);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      EXPECT_EQ(y.at(r, c), r > 2 && c != 3 ? 1 : 0);
}

class StartAfter : public ::testing::Test {
protected:
  StartAfter() { state.erase(); }

  // Results for rows with these flags, for the slots of the batch.
  std::vector<int32_t> run(const std::vector<int32_t> &flags,
                           const Batch &batch, int workers = 1) {
    Rows<int32_t> x(batch.tokens(), 1), y(batch.tokens(), 1);
    for (int64_t r = 0; r < x.rows; ++r)
      x.at(r, 0) = flags[size_t(r)];
    Kernel::Call call = {
        .operands = {{"x", x}, {"y", y}, {"state", state}},
        .dims = {{"x.stride", x.stride}, {"y.stride", y.stride}},
        .rows = x.rows,
        .workers = workers,
        .batch = batch.get()};
    EXPECT_EQ(Kernel("start_after").run(call), 0);
    EXPECT_TRUE(y.paddingIsUntouched());
    EXPECT_TRUE(state.paddingIsUntouched());
    return y.values();
  }
  void clear() {
    for (int64_t slot = 0; slot < state.rows; ++slot)
      state.at(slot, 0) = state.at(slot, 1) = 0;
  }

  Rows<int32_t> state{4, 2}; // slots, each of 64 bytes
};

TEST_F(StartAfter, IsTheRowAfterTheLastFlagBefore) {
  std::vector<int32_t> flags = {0, 0, 7, 0, -1, 1, 0, 0};
  std::vector<int32_t> expected = {0, 0, 0, 3, 3, 5, 6, 6};
  clear();
  EXPECT_EQ(run(flags, Batch({8})), expected);
  // The next row is the ninth.
  EXPECT_EQ(run({1}, Batch({1})), std::vector<int32_t>({6}));
  EXPECT_EQ(run({0}, Batch({1})), std::vector<int32_t>({9}));
  for (int32_t first = 1; first < 8; ++first) {
    clear();
    std::vector<int32_t> found =
        run({flags.begin(), flags.begin() + first}, Batch({first}));
    std::vector<int32_t> rest =
        run({flags.begin() + first, flags.end()}, Batch({8 - first}));
    found.insert(found.end(), rest.begin(), rest.end());
    EXPECT_EQ(found, expected) << first;
  }
}

TEST_F(StartAfter, SequencesHaveStatesOfTheirOwn) {
  for (int workers : {1, 2, 3}) {
    clear();
    Batch batch({3, 1, 2});
    batch.slot = {2, 0, 3};
    EXPECT_EQ(run({1, 0, 1, 1, 0, 0}, batch, workers),
              std::vector<int32_t>({0, 1, 1, 0, 0, 0}));
    Batch later({1, 1, 1});
    later.slot = {3, 2, 0};
    EXPECT_EQ(run({0, 0, 0}, later, workers), std::vector<int32_t>({0, 3, 1}));
  }
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
