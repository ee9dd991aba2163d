#include "compiler/checkpoint/JsonText.h"

#include <gtest/gtest.h>

using namespace sluice::checkpoint;

namespace {

const char *const text = R"({
  "a": {"b": [1, {"c": "x\"}"}, 2],
        "d": 3},
  "e": NaN, "d": [[], {}, {"a": 1}], "a.b": 0,
  "twice": 1, "twice": 2
})";

std::string at(const char *path) {
  std::optional<TextPlace> place = placeOf(text, path);
  return place
             ? std::to_string(place->line) + ":" + std::to_string(place->column)
             : "nowhere";
}

TEST(JsonText, KeysHaveAPlace) {
  EXPECT_EQ(at("a"), "2:3");
  EXPECT_EQ(at("a.b"), "2:9");
  EXPECT_EQ(at("a.b.0"), "2:15");
  EXPECT_EQ(at("a.b.1.c"), "2:19");
  EXPECT_EQ(at("a.b.2"), "2:33");
  EXPECT_EQ(at("a.d"), "3:9");
  EXPECT_EQ(at("d"), "4:13");
  EXPECT_EQ(at("d.1"), "4:23");
  EXPECT_EQ(at("d.2.a"), "4:28");
  EXPECT_EQ(at("twice"), "5:15");
  EXPECT_EQ(at("b"), "nowhere");
  EXPECT_EQ(at("a.b.3"), "nowhere");
  EXPECT_EQ(at("a.b.1.c.d"), "nowhere");
  std::optional<TextPlace> dotted =
      placeOf(text, std::vector<std::string>{"a.b"});
  ASSERT_TRUE(dotted);
  EXPECT_EQ(dotted->line, 4);
  EXPECT_EQ(dotted->column, 38);
}

TEST(JsonText, NonNumbersAreQuotedOutsideOfText) {
  EXPECT_EQ(
      quoteNonNumbers(R"({"NaN": NaN, "a": [-Infinity, Infinity, "\"NaN"]})"),
      R"({"NaN": "NaN", "a": ["-Infinity", "Infinity", "\"NaN"]})");
  EXPECT_EQ(quoteNonNumbers(R"("open)"), R"("open)");
}

} // namespace
