// Sizes of each layout against its places, element by element, as
// runtime/format/Packing.h describes them.
#include "runtime/format/Packing.h"

#include <gmock/gmock.h>

#include <algorithm>

using namespace sluice::format;
using testing::HasSubstr;

namespace {

using Shape = std::vector<int64_t>;

int64_t up(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// The byte at which number (n, k) of a panel begins. Blocks are for the tests
// of the packer.
int64_t panelPlace(Elem elem, int64_t n, int64_t k, int64_t columns) {
  switch (elem) {
  case Elem::F32:
    return (n / 64 * 64 * up(columns, 16) + k * 64 + n % 64) * 4;
  default: // bf16
    return (n / 64 * 64 * up(columns, 32) + k / 2 * 128 + n % 64 * 2 + k % 2) *
           2;
  }
}

// Places of the numbers of a layout do not overlap, lie inside its bytes and,
// once padded, leave none of them free.
class Places : public ::testing::TestWithParam<Elem> {};

TEST_P(Places, OfAPanelAreApartAndCoverItsBytes) {
  Elem elem = GetParam();
  int64_t size = elemBytes(elem);
  for (auto [rows, columns] :
       {std::pair<int64_t, int64_t>{1, 32}, {65, 64}, {130, 96}}) {
    Packing packing{elem, Layout::Panel, {rows, columns}};
    ASSERT_EQ(packing.expected(), "");
    std::vector<int> used(packing.bytes(), 0);
    for (int64_t n = 0; n < packing.packedRows(); ++n)
      for (int64_t k = 0; k < packing.rowNumbers(); ++k)
        for (int64_t byte = 0; byte < size; ++byte) {
          size_t at = panelPlace(elem, n, k, columns) + byte;
          ASSERT_LT(at, used.size());
          ++used[at];
        }
    EXPECT_EQ(std::count(used.begin(), used.end(), 0), 0);
    EXPECT_EQ(*std::max_element(used.begin(), used.end()), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Elements, Places,
                         ::testing::Values(Elem::F32, Elem::BF16),
                         [](const auto &info) {
                           return std::string(infoOf(info.param).name);
                         });

TEST(Layouts, PadRowsTo64AndColumnsToTheDepthOfTheElement) {
  for (int64_t rows : {1, 63, 64, 65, 200})
    for (int64_t columns : {1, 15, 16, 17, 32, 33})
      for (Elem elem : {Elem::F32, Elem::BF16}) {
        Packing packing{elem, Layout::Panel, {rows, columns}};
        EXPECT_EQ(packing.packedRows(), up(rows, 64));
        EXPECT_EQ(packing.rowNumbers(),
                  up(columns, elem == Elem::F32 ? 16 : 32));
        EXPECT_EQ(packing.numbers(),
                  packing.packedRows() * packing.rowNumbers());
        EXPECT_EQ(packing.bytes(), packing.numbers() * elemBytes(elem));
      }
}

TEST(Layouts, RowsHaveNoPadding) {
  for (Elem elem : EnumValuesElem())
    for (const Shape &shape :
         {Shape{7, 256}, Shape{3, 5, 256}, Shape{2, 2, 2, 512}}) {
      Packing packing{elem, Layout::Rows, shape};
      EXPECT_EQ(packing.expected(), "");
      int64_t count = 1;
      for (int64_t axis : shape)
        count *= axis;
      EXPECT_EQ(packing.numbers(), count);
      const ElemInfo &info = infoOf(elem);
      EXPECT_EQ(packing.bytes(), count / info.block * info.blockBytes);
    }
}

TEST(Layouts, VectorsAreOneNumberInEachRow) {
  Packing vector{Elem::F32, Layout::Rows, {70}};
  EXPECT_EQ(vector.packedRows(), 70);
  EXPECT_EQ(vector.rowNumbers(), 1);
  Packing pair{Elem::F32, Layout::VectorGlu, {2 * 70}};
  EXPECT_EQ(pair.packedRows(), 2 * 128);
  EXPECT_EQ(pair.rowNumbers(), 1);
  Packing experts{Elem::F32, Layout::VectorGlu, {3, 2 * 70}};
  EXPECT_EQ(experts.numbers(), 3 * 256);
}

TEST(Layouts, HalvesOfAPairArePaddedApart) {
  for (int64_t half : {1, 64, 65}) {
    Packing pair{Elem::BF16, Layout::PanelGlu, {2 * half, 40}};
    EXPECT_EQ(pair.packedRows(), 2 * up(half, 64)) << half;
    EXPECT_EQ(pair.bytes(), 2 * up(half, 64) * 64 * 2) << half;
  }
  // One matrix of as many rows may take less.
  EXPECT_LT((Packing{Elem::F32, Layout::Panel, {2 * 65, 16}}.bytes()),
            (Packing{Elem::F32, Layout::PanelGlu, {2 * 65, 16}}.bytes()));
}

TEST(Layouts, ExpertsRepeatAllOfIt) {
  for (Elem elem : {Elem::F32, Elem::BF16, Elem::I8x32, Elem::Q6K})
    for (Layout layout : {Layout::Rows, Layout::Panel, Layout::PanelGlu})
      EXPECT_EQ((Packing{elem, layout, {5, 70, 768}}.bytes()),
                5 * (Packing{elem, layout, {70, 768}}.bytes()))
          << infoOf(elem).name << " " << nameOf(layout);
}

TEST(Layouts, BlocksHoldWholeGroupsOfARow) {
  EXPECT_EQ((Packing{Elem::I8x32, Layout::Rows, {3, 64}}.bytes()), 3 * 2 * 34);
  EXPECT_EQ((Packing{Elem::I8x32, Layout::Panel, {3, 64}}.bytes()),
            64 * 2 * 34);
  for (Layout layout : {Layout::Rows, Layout::Panel})
    for (int64_t columns : {1, 31, 33, 48})
      EXPECT_EQ((Packing{Elem::I8x32, layout, {64, columns}}.expected()),
                "a multiple of 32 columns")
          << columns;
}

// Bytes of the types of a GGUF file; scales of six bits become bytes.
TEST(Layouts, BlocksTakeWhatTheyTakeInAFile) {
  const std::tuple<Elem, int, int> stored[] = {
      {Elem::I8x32, 32, 34}, {Elem::I4x32, 32, 18}, {Elem::U4x32, 32, 20},
      {Elem::I5x32, 32, 22}, {Elem::U5x32, 32, 24}, {Elem::Q4K, 256, 144},
      {Elem::Q5K, 256, 176}, {Elem::Q6K, 256, 210}, {Elem::MXFP4, 32, 17}};
  for (auto [elem, numbers, bytes] : stored) {
    EXPECT_EQ(infoOf(elem).block, numbers) << infoOf(elem).name;
    EXPECT_GE(infoOf(elem).blockBytes, bytes) << infoOf(elem).name;
    EXPECT_LE(double(infoOf(elem).blockBytes), 1.03 * bytes)
        << infoOf(elem).name;
  }
}

// A longer group takes fewer bytes for its shares.
TEST(Layouts, GroupsShareTheirScales) {
  const std::tuple<Elem, int, int> groups[] = {
      {Elem::I8x64, 64, 66}, {Elem::I8x128, 128, 130},
      {Elem::I4x64, 64, 34}, {Elem::I4x128, 128, 66},
      {Elem::U4x64, 64, 36}, {Elem::U4x128, 128, 68}};
  for (auto [elem, numbers, bytes] : groups) {
    EXPECT_EQ(infoOf(elem).block, numbers) << infoOf(elem).name;
    EXPECT_EQ(infoOf(elem).blocks.group, numbers) << infoOf(elem).name;
    EXPECT_EQ(infoOf(elem).blockBytes, bytes) << infoOf(elem).name;
  }
}

TEST(Layouts, OnlySomeElementsComeInPanels) {
  for (Elem elem : EnumValuesElem()) {
    bool panels = elem == Elem::F32 || elem == Elem::BF16 || isBlocks(elem);
    std::string refusal = Packing{elem, Layout::Panel, {64, 256}}.expected();
    EXPECT_EQ(refusal.empty(), panels) << infoOf(elem).name << ": " << refusal;
    EXPECT_EQ(infoOf(elem).panelDepth > 0, panels) << infoOf(elem).name;
  }
}

TEST(Layouts, AskForTheAxesThatTheyHave) {
  auto refused = [](Layout layout, Shape shape) {
    return !Packing{Elem::F32, layout, std::move(shape)}.expected().empty();
  };
  for (Layout layout : {Layout::Panel, Layout::PanelGlu}) {
    EXPECT_TRUE(refused(layout, {}));
    EXPECT_TRUE(refused(layout, {64}));
    EXPECT_FALSE(refused(layout, {64, 16}));
    EXPECT_FALSE(refused(layout, {2, 64, 16}));
    EXPECT_TRUE(refused(layout, {2, 2, 64, 16}));
  }
  EXPECT_FALSE(refused(Layout::VectorGlu, {64}));
  EXPECT_FALSE(refused(Layout::VectorGlu, {2, 64}));
  EXPECT_TRUE(refused(Layout::VectorGlu, {2, 2, 64}));
  // Gate and up are of one size.
  EXPECT_TRUE(refused(Layout::VectorGlu, {3}));
  EXPECT_TRUE(refused(Layout::VectorGlu, {2, 3}));
  EXPECT_FALSE(refused(Layout::VectorGlu, {3, 2}));
  EXPECT_TRUE(refused(Layout::PanelGlu, {2, 63, 16}));
}

TEST(Layouts, EmptyAxesAreRefusedWhereverTheyStand) {
  for (Layout layout : EnumValuesLayout())
    for (size_t axis = 0; axis < 2; ++axis) {
      Shape shape = {64, 64};
      shape[axis] = 0;
      EXPECT_EQ((Packing{Elem::F32, layout, shape}.expected()),
                "at least one element")
          << nameOf(layout) << " " << axis;
    }
}

TEST(Layouts, CheckpointsKnowTheFormatsByTheirOwnNames) {
  EXPECT_EQ(elemStored("F32"), Elem::F32);
  EXPECT_EQ(elemStored("BF16"), Elem::BF16);
  EXPECT_EQ(elemStored("Q8_0"), Elem::I8x32);
  EXPECT_EQ(elemStored("Q4_K"), Elem::Q4K);
  for (const char *other : {"F16", "I8", "Q2_K", "f32", "", "i8x32"})
    EXPECT_EQ(elemStored(other), std::nullopt) << other;
}

TEST(Layouts, AnElementThatDoesNotExistHasNoBytes) {
  const ElemInfo &none = infoOf(static_cast<Elem>(200));
  EXPECT_STREQ(none.name, "unknown");
  EXPECT_EQ(none.blockBytes, 0);
  EXPECT_STREQ(nameOf(static_cast<Layout>(200)), "unknown");
  EXPECT_FALSE(isBlocks(static_cast<Elem>(200)));
}

TEST(Layouts, OfPairsAndPanels) {
  EXPECT_FALSE(isPanel(Layout::Rows) || isPaired(Layout::Rows));
  EXPECT_TRUE(isPanel(Layout::Panel) && !isPaired(Layout::Panel));
  EXPECT_TRUE(isPanel(Layout::PanelGlu) && isPaired(Layout::PanelGlu));
  EXPECT_TRUE(!isPanel(Layout::VectorGlu) && isPaired(Layout::VectorGlu));
}

} // namespace
