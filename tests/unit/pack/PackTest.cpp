#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using format::Elem, format::Layout;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

int64_t up(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Where the documented formulas put element (n, k).
int64_t panelIndex(int64_t n, int64_t k, int64_t Kp, bool bf16) {
  int64_t start = n / 64 * 64 * Kp;
  return bf16 ? start + k / 2 * 128 + n % 64 * 2 + k % 2
              : start + k * 64 + n % 64;
}

template <typename T> T narrow(float value);
template <> float narrow<float>(float value) { return value; }
template <> uint16_t narrow<uint16_t>(float value) {
  return checkpoint::floatToBf16(value);
}

// [E, N, K] row-major -> the panel layout, element by element.
template <typename T>
std::vector<T> naivePanels(const std::vector<float> &dense, int64_t E,
                           int64_t N, int64_t K) {
  int64_t Np = up(N, 64), Kp = up(K, sizeof(T) == 2 ? 32 : 16);
  std::vector<T> out(E * Np * Kp);
  for (int64_t e = 0; e < E; ++e)
    for (int64_t n = 0; n < N; ++n)
      for (int64_t k = 0; k < K; ++k)
        out[e * Np * Kp + panelIndex(n, k, Kp, sizeof(T) == 2)] =
            narrow<T>(dense[(e * N + n) * K + k]);
  return out;
}

struct Case {
  int64_t E, N, K;
};

class Panels : public testing::TestWithParam<Case> {
protected:
  template <typename T> void check() {
    auto [E, N, K] = GetParam();
    auto w = randomWeight("w", E ? Shape{E, N, K} : Shape{N, K});
    auto file = checkpoint::Checkpoint::random(3, config_);
    ASSERT_TRUE(file.ok());
    auto view = openWeight(*file, w);
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(packed<T>(*file, {&w}, Layout::Panel),
              naivePanels<T>(values(**view), std::max<int64_t>(E, 1), N, K));
  }

  Folder folder_;
  std::string config_ = folder_.add("config.json", "{}");
};

TEST_P(Panels, F32) { check<float>(); }
TEST_P(Panels, Bf16) { check<uint16_t>(); }

// Whole panels, ragged ends, one element, more columns than one chunk, experts.
INSTANTIATE_TEST_SUITE_P(Shapes, Panels,
                         testing::Values(Case{0, 128, 32}, Case{0, 65, 17},
                                         Case{0, 1, 1}, Case{0, 70, 4101},
                                         Case{3, 66, 33}),
                         [](const auto &info) {
                           return std::to_string(info.param.E) + "x" +
                                  std::to_string(info.param.N) + "x" +
                                  std::to_string(info.param.K);
                         });

TEST(Pack, Rows) {
  CountingFile file({{"a", {2, 3}}, {"b", {3}}});
  auto a = weight("a", {2, 3}, {"a"}), b = weight("b", {3}, {"b"});
  EXPECT_THAT(packed<float>(*file, {&a}, Layout::Rows),
              ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(packed<float>(*file, {&b, &b}, Layout::Rows),
              ElementsAre(1000, 1001, 1002, 1000, 1001, 1002));
  EXPECT_THAT(packed<uint16_t>(*file, {&a}, Layout::Rows),
              ElementsAre(0, 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0));
}

TEST(Pack, RowsLongerThanTheBuffer) {
  CountingFile file({{"a", {2, 300000}}});
  auto a = weight("a", {2, 300000}, {"a"});
  std::vector<float> found = packed<float>(*file, {&a}, Layout::Rows);
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(found[i], float(i));
}

TEST(Pack, SiblingsShareAPanel) {
  // 40 + 40 rows: the second matrix begins inside the first panel.
  CountingFile file({{"q", {40, 20}}, {"k", {40, 20}}, {"qk", {80, 20}}});
  auto q = weight("q", {40, 20}, {"q"}), k = weight("k", {40, 20}, {"k"});
  std::vector<float> dense(80 * 20);
  for (int64_t i = 0; i < 800; ++i) {
    dense[i] = float(i);
    dense[800 + i] = float(1000 + i);
  }
  EXPECT_EQ(packed<float>(*file, {&q, &k}, Layout::Panel),
            naivePanels<float>(dense, 1, 80, 20));
}

TEST(Pack, SiblingsOfExperts) {
  CountingFile file({{"a", {2, 3, 4}}, {"b", {2, 1, 4}}});
  auto a = weight("a", {2, 3, 4}, {"a"}), b = weight("b", {2, 1, 4}, {"b"});
  std::vector<float> dense;
  for (int64_t e = 0; e < 2; ++e) {
    for (int64_t i = 0; i < 12; ++i)
      dense.push_back(float(e * 12 + i));
    for (int64_t i = 0; i < 4; ++i)
      dense.push_back(float(1000 + e * 4 + i));
  }
  EXPECT_EQ(packed<float>(*file, {&a, &b}, Layout::Panel),
            naivePanels<float>(dense, 2, 4, 4));
}

TEST(Pack, PanelsOfATransposedMatrix) {
  CountingFile file({{"w", {600, 70}}});
  auto w = weight("w", {70, 600}, {"w"});
  w.source.tensors[0].apply.emplace_back(); // transpose
  std::vector<float> dense(70 * 600);
  for (int64_t n = 0; n < 70; ++n)
    for (int64_t k = 0; k < 600; ++k)
      dense[n * 600 + k] = float(k * 70 + n);
  EXPECT_EQ(packed<uint16_t>(*file, {&w}, Layout::Panel),
            naivePanels<uint16_t>(dense, 1, 70, 600));
}

template <typename T> void checkPanelGlu() {
  constexpr int64_t E = 2, F = 70, K = 24;
  CountingFile file({{"gate", {E, F, K}}, {"up", {E, F, K}}});
  auto gate = weight("gate", {E, F, K}, {"gate"});
  auto up = weight("up", {E, F, K}, {"up"});
  constexpr int64_t panel = 64 * 32, Kp = 32;
  std::vector<T> expected(E * 4 * panel);
  for (int64_t e = 0; e < E; ++e)
    for (int64_t n = 0; n < F; ++n)
      for (int64_t k = 0; k < K; ++k) {
        int64_t inside = panelIndex(n % 64, k, Kp, sizeof(T) == 2);
        int64_t pair = e * 4 * panel + n / 64 * 2 * panel + inside;
        float value = float((e * F + n) * K + k);
        expected[pair] = narrow<T>(value);
        expected[pair + panel] = narrow<T>(1000 + value);
      }
  EXPECT_EQ(packed<T>(*file, {&gate, &up}, Layout::PanelGlu), expected);
}

TEST(Pack, PanelGlu) { checkPanelGlu<float>(); }
TEST(Pack, PanelGluBf16) { checkPanelGlu<uint16_t>(); }

TEST(Pack, VectorGlu) {
  CountingFile file({{"gate", {2, 70}}, {"up", {2, 70}}});
  auto gate = weight("gate.bias", {2, 70}, {"gate"});
  auto up = weight("up.bias", {2, 70}, {"up"});
  std::vector<float> expected(2 * 256);
  for (int64_t e = 0; e < 2; ++e)
    for (int64_t n = 0; n < 70; ++n) {
      int64_t at = e * 256 + n / 64 * 128 + n % 64;
      expected[at] = float(e * 70 + n);
      expected[at + 64] = float(1000 + e * 70 + n);
    }
  EXPECT_EQ(packed<float>(*file, {&gate, &up}, Layout::VectorGlu), expected);
}

TEST(Pack, Errors) {
  CountingFile file({{"a", {4, 3}}, {"b", {4, 2}}, {"v", {4}}});
  auto a = weight("a", {4, 3}, {"a"}), b = weight("b", {4, 2}, {"b"});
  auto v = weight("v", {4}, {"v"});
  auto message = [&](std::vector<const spec::Weight *> parts, Layout layout) {
    Result<Shape> shape = joinedShape(parts);
    return packWeight(*file, parts,
                      {Elem::F32, layout, shape.ok() ? *shape : Shape()},
                      [](const void *, size_t) { return Status(); })
        .message();
  };
  EXPECT_THAT(message({}, Layout::Rows), HasSubstr("needs parts"));
  EXPECT_THAT(message({&a, &b}, Layout::Panel),
              HasSubstr("'a' [4, 3] and 'b' [4, 2] cannot be joined"));
  EXPECT_THAT(message({&a, &v}, Layout::Rows), HasSubstr("cannot be joined"));
  EXPECT_THAT(message({&v}, Layout::Panel),
              HasSubstr("weight 'v' [4] cannot have layout panel"));
  EXPECT_THAT(message({&a}, Layout::VectorGlu),
              HasSubstr("weight 'a' [4, 3] cannot have layout vector_glu"));
  EXPECT_THAT(message({&a}, Layout::PanelGlu),
              HasSubstr("takes two parts of one shape, a gate and an up"));
  const spec::Weight *parts[] = {&a};
  EXPECT_THAT(packWeight(*file, parts, {Elem::F32, Layout::Panel, {4, 4}},
                         [](const void *, size_t) { return Status(); })
                  .message(),
              HasSubstr("the parts of 'a' are [4, 3], expected [4, 4]"));
}

TEST(Pack, StopsWhenTheSinkFails) {
  CountingFile file({{"a", {4, 3}}});
  auto a = weight("a", {4, 3}, {"a"});
  const spec::Weight *parts[] = {&a};
  int calls = 0;
  Status status = packWeight(*file, parts, {Elem::F32, Layout::Panel, {4, 3}},
                             [&](const void *, size_t) {
                               ++calls;
                               return Status(Code::Io, "disk full");
                             });
  EXPECT_EQ(status.code(), Code::Io);
  EXPECT_EQ(status.message(), "weight 'a': disk full");
  EXPECT_EQ(calls, 1);
}

} // namespace
