#include "runtime/format/Packing.h"

#include <gmock/gmock.h>

using namespace sluice::format;
using testing::HasSubstr;

namespace {

using Shape = std::vector<int64_t>;

TEST(Packing, NamesOfElementsAndLayoutsReadBack) {
  for (Layout layout : EnumValuesLayout())
    EXPECT_EQ(layoutNamed(nameOf(layout)), layout);
  for (Elem elem : EnumValuesElem())
    EXPECT_EQ(elemNamed(infoOf(elem).name), elem);
  EXPECT_EQ(layoutNamed("panels"), std::nullopt);
  EXPECT_EQ(elemNamed(""), std::nullopt);
}

TEST(Packing, CountsPaddingAndExperts) {
  auto bytes = [](Layout layout, Elem elem, Shape shape) {
    Packing packing{elem, layout, std::move(shape)};
    EXPECT_EQ(packing.expected(), "");
    return packing.bytes();
  };
  EXPECT_EQ(bytes(Layout::Rows, Elem::F32, {5, 7}), 5 * 7 * 4);
  EXPECT_EQ(bytes(Layout::Rows, Elem::F32, {5}), 5 * 4);
  EXPECT_EQ(bytes(Layout::Rows, Elem::BF16, {3, 5, 7}), 3 * 5 * 7 * 2);
  EXPECT_EQ(bytes(Layout::Panel, Elem::F32, {65, 17}), 128 * 32 * 4);
  EXPECT_EQ(bytes(Layout::Panel, Elem::BF16, {2, 64, 16}), 2 * 64 * 32 * 2);
  // Each half is padded by itself.
  EXPECT_EQ(bytes(Layout::PanelGlu, Elem::F32, {2 * 65, 16}), 2 * 128 * 16 * 4);
  EXPECT_EQ(bytes(Layout::VectorGlu, Elem::F32, {3, 2 * 10}), 3 * 2 * 64 * 4);
}

TEST(Packing, SaysWhichShapesItCouldHave) {
  auto expected = [](Layout layout, Shape shape, Elem elem = Elem::F32) {
    return Packing{elem, layout, std::move(shape)}.expected();
  };
  EXPECT_THAT(expected(Layout::Panel, {5}), HasSubstr("[rows, columns]"));
  EXPECT_THAT(expected(Layout::Rows, {}), HasSubstr("at least one axis"));
  EXPECT_THAT(expected(Layout::VectorGlu, {1, 2, 4}),
              HasSubstr("[rows] or [experts, rows]"));
  EXPECT_THAT(expected(Layout::PanelGlu, {3, 16}), HasSubstr("an even number"));
  EXPECT_THAT(expected(Layout::Panel, {64, 16}, Elem::I32),
              HasSubstr("comes in panels"));
  for (Shape shape : {Shape{INT64_MAX, 2}, Shape{2, INT64_MAX}})
    for (Layout layout : {Layout::Rows, Layout::Panel})
      EXPECT_THAT(expected(layout, shape), HasSubstr("below 2^62"));
  EXPECT_THAT(expected(Layout::Rows, {-1, 2}), HasSubstr("at least one"));
  EXPECT_THAT(expected(static_cast<Layout>(9), {1}), HasSubstr("known"));
  EXPECT_THAT(expected(Layout::Rows, {1}, static_cast<Elem>(99)),
              HasSubstr("known"));
}

} // namespace
