#include "runtime/format/FixedState.h"

#include <gtest/gtest.h>

namespace sluice::format {
namespace {

TEST(FixedState, ASlotIsItsFieldsInWholeLines) {
  const NamedShape fields[] = {{"a", {3, 5}}, {"b", {2}}};
  EXPECT_EQ(fixedSlotBytes(fields), 128);
  const NamedShape lines[] = {{"value", {2, 2, 4}}};
  EXPECT_EQ(fixedSlotBytes(lines), 64);
  EXPECT_EQ(fixedSlotBytes({}), 0);
  constexpr int64_t most = INT32_MAX;
  const NamedShape large[] = {{"a", {most, most, most}}, {"b", {1}}};
  EXPECT_EQ(fixedSlotBytes(large), int64_t(1) << 62);
}

} // namespace
} // namespace sluice::format
