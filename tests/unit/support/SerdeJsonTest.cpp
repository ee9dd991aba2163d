#include "runtime/support/SerdeJson.h"

#include "runtime/support/Json.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(SerdeJson, ReadsWholeDocuments) {
  auto json = parseSerdeJson(R"({"a": [1, -2, {"b": null}], "c": "d"})");
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(*json,
            nlohmann::json::parse(R"({"a": [1, -2, {"b": null}], "c": "d"})"));
}

// The digits as an integer, then divided: not the nearest number.
TEST(SerdeJson, RoundsNumbersTwice) {
  auto json = parseSerdeJson(R"({"score": -12.345678901234567})");
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ((*json)["score"], -(12345678901234567.0 / 1e15));
}

TEST(SerdeJson, RefusesWhatIsNoObjectOrNestsTooDeeply) {
  for (std::string text : {"", "[1]", "{", "{} {}"})
    EXPECT_EQ(parseSerdeJson(text).status().message(), "not a JSON object");
  std::string deep = "{\"a\": " + std::string(kMaxJsonDepth, '[');
  EXPECT_EQ(parseSerdeJson(deep).status().message(),
            "line 1: JSON nested more than 128 deep");
}

} // namespace
} // namespace sluice
