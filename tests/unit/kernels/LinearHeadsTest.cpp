// `linear` with a matrix for each head.
#include "tests/unit/kernels/Packed.h"
#include "gtest/gtest.h"

using namespace sluice::testing;

namespace {

constexpr int64_t kHeads = 3, kRows = 70;

struct Variant {
  const char *weight, *compute, *target;
};

void PrintTo(const Variant &v, std::ostream *out) {
  *out << v.weight << " in " << v.compute << " for " << v.target;
}

class LinearHeads : public ::testing::TestWithParam<Variant> {
protected:
  std::string attributes(const char *more) const {
    return std::string("{weight = \"") + GetParam().weight +
           "\", compute = \"" + GetParam().compute + "\"" + more + "}";
  }
  Kernel::Call call(Rows<float> &x, void *w, Rows<float> &y, int64_t k,
                    int64_t n, int64_t rows) const {
    return {.operands = {{"x", x}, {"w", w}, {"y", y}},
            .dims = {{"K", k},
                     {"N", n},
                     {"x.stride", x.stride},
                     {"y.stride", y.stride}},
            .rows = rows};
  }
};

// The bits of the plain kernel on the columns of each head.
TEST_P(LinearHeads, IsAProductForEachHead) {
  bool bf16 = GetParam().weight[0] == 'b';
  Kernel heads("linear", attributes(", rows = \"heads\", bias"), "",
               GetParam().target);
  Kernel plain("linear", attributes(", bias"), "", GetParam().target);
  for (auto [k, n] :
       {std::pair<int64_t, int64_t>{12, 70}, {33, 64}, {128, 130}, {600, 5}}) {
    Rows<float> x = Rows<float>(kRows, kHeads * k).random(2);
    Rows<float> bias = Rows<float>(kHeads, n).random(3);
    std::vector<float> biases = bias.values();
    std::vector<Weight> weights;
    std::vector<std::vector<const Weight *>> bank;
    for (int64_t h = 0; h < kHeads; ++h)
      weights.emplace_back(n, k, unsigned(h + 5));
    for (const Weight &weight : weights)
      bank.push_back({&weight});
    Packed all(bank, bf16);
    Rows<float> expected(kRows, kHeads * n);
    for (int64_t h = 0; h < kHeads; ++h) {
      Packed packed(weights[size_t(h)], bf16);
      Rows<float> own = Rows<float>(kRows, k).fill(
          [&](int64_t r, int64_t c) { return x.at(r, h * k + c); });
      Rows<float> y(kRows, n);
      Kernel::Call one = call(own, packed, y, k, n, kRows);
      one.operands["bias"] = biases.data() + h * n;
      EXPECT_EQ(plain.run(one), 0);
      for (int64_t r = 0; r < kRows; ++r)
        for (int64_t c = 0; c < n; ++c)
          expected.at(r, h * n + c) = y.at(r, c);
    }
    for (int64_t rows : {1, 2, 17, 70})
      for (int workers : {1, 4}) {
        Rows<float> y(rows, kHeads * n);
        Kernel::Call each = call(x, all, y, k, n, rows);
        each.dims["heads"] = kHeads;
        each.operands["bias"] = biases.data();
        each.workers = workers;
        EXPECT_EQ(heads.run(each), 0);
        std::vector<float> values = expected.values();
        values.resize(size_t(rows * kHeads * n));
        ASSERT_EQ(y.values(), values) << rows << " rows of " << k;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, LinearHeads,
                         ::testing::Values(Variant{"f32", "f32", "native"},
                                           Variant{"bf16", "f32", "native"},
                                           Variant{"bf16", "bf16", "native"},
                                           Variant{"f32", "f32", "x86-64-v3"},
                                           Variant{"bf16", "bf16", "x86-64-v3"},
                                           Variant{"bf16", "bf16",
                                                   "x86-64-v3+amx-emulated"}));

} // namespace
