#include "compiler/pack/Layout.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::pack;
using testing::HasSubstr;

namespace {

TEST(Layout, Names) {
  for (Layout layout :
       {Layout::Rows, Layout::Panel, Layout::PanelGlu, Layout::VectorGlu})
    EXPECT_EQ(*layoutByName(layoutName(layout)), layout);
  EXPECT_EQ(*layoutByName("vector"), Layout::Rows);
  EXPECT_THAT(layoutByName("panels").status().message(),
              HasSubstr("'panels' is not known; expected rows, panel"));
}

TEST(Layout, Sizes) {
  EXPECT_EQ(*packedBytes(Layout::Rows, Elem::F32, {5, 7}), 5 * 7 * 4);
  EXPECT_EQ(*packedBytes(Layout::Rows, Elem::BF16, {3, 5, 7}), 3 * 5 * 7 * 2);
  EXPECT_EQ(*packedBytes(Layout::Panel, Elem::F32, {65, 17}), 128 * 32 * 4);
  EXPECT_EQ(*packedBytes(Layout::Panel, Elem::BF16, {2, 64, 16}),
            2 * 64 * 32 * 2);
  // Each half is padded by itself.
  EXPECT_EQ(*packedBytes(Layout::PanelGlu, Elem::F32, {2 * 65, 16}),
            2 * 128 * 16 * 4);
  EXPECT_EQ(*packedBytes(Layout::VectorGlu, Elem::F32, {3, 2 * 10}),
            3 * 2 * 64 * 4);
}

TEST(Layout, RefusesWhatDoesNotFit) {
  auto message = [](Layout layout, Shape shape) {
    return packedBytes(layout, Elem::F32, shape).status().message();
  };
  EXPECT_THAT(message(Layout::Panel, {5}),
              HasSubstr("expected [rows, columns]"));
  EXPECT_THAT(message(Layout::VectorGlu, {1, 2, 3}),
              HasSubstr("expected [rows] or [experts, rows]"));
  EXPECT_THAT(message(Layout::PanelGlu, {3, 16}), HasSubstr("an even number"));
  EXPECT_THAT(message(Layout::Rows, {INT64_MAX, 2}), HasSubstr("below 2^63"));
  EXPECT_THAT(message(Layout::Panel, {INT64_MAX, 2}), HasSubstr("fewer rows"));
  EXPECT_THAT(message(Layout::Panel, {2, INT64_MAX}),
              HasSubstr("fewer columns"));
  EXPECT_THAT(message(Layout::Rows, {-1, 2}), HasSubstr("below 2^63"));
}

} // namespace
