#include "runtime/support/Base64.h"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

// The vectors of RFC 4648.
TEST(Base64, ThereAndBack) {
  for (auto [bytes, text] :
       {std::pair("", ""), std::pair("f", "Zg=="), std::pair("fo", "Zm8="),
        std::pair("foo", "Zm9v"), std::pair("foob", "Zm9vYg=="),
        std::pair("foobar", "Zm9vYmFy"), std::pair("\xff\xef", "/+8=")}) {
    EXPECT_EQ(toBase64(bytes), text);
    EXPECT_EQ(fromBase64(text), bytes);
  }
}

TEST(Base64, PaddingMayBeMissing) { EXPECT_EQ(fromBase64("Zg"), "f"); }

TEST(Base64, RefusesOtherCharacters) {
  EXPECT_FALSE(fromBase64("Zg!="));
  EXPECT_FALSE(fromBase64("Zm 9v"));
}

} // namespace
} // namespace sluice::test
