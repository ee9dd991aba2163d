#include "runtime/support/Json.h"

#include <gmock/gmock.h>

namespace sluice {
namespace {

using testing::HasSubstr;

std::string nested(int depth, char open = '[', char close = ']') {
  return std::string(size_t(depth), open) + std::string(size_t(depth), close);
}

TEST(Json, ReadsWhatRealFilesNest) {
  Result<nlohmann::json> json = parseJson(nested(kMaxJsonDepth));
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_TRUE(json->is_array());
}

TEST(Json, RefusesDepthThatExhaustsTheStack) {
  EXPECT_EQ(parseJson(nested(kMaxJsonDepth + 1)).status().message(),
            "line 1: JSON nested more than 128 deep");
  std::string objects;
  for (int i = 0; i < 100000; ++i)
    objects += "{\"a\":\n";
  EXPECT_EQ(parseJson(objects).status().message(),
            "line 129: JSON nested more than 128 deep");
  EXPECT_EQ(parseJson<nlohmann::ordered_json>(nested(100000)).status().code(),
            Code::Corrupt);
}

TEST(Json, BracketsInTextsDoNotNest) {
  std::string text = R"({"a\\": "\")" + std::string(1000, '[') + "\"}";
  Result<nlohmann::json> json = parseJson(text);
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(json->begin().key(), "a\\");
}

TEST(Json, AFieldThatIsMissingIsNull) {
  nlohmann::json object = {{"a", 1}};
  EXPECT_EQ(member(object, "a"), 1);
  EXPECT_TRUE(member(object, "b").is_null());
  EXPECT_TRUE(member(nlohmann::json::array({"a"}), "a").is_null());
}

TEST(Json, SaysWhereItIsBroken) {
  EXPECT_THAT(parseJson("{\n\"a\": ]}").status().message(),
              HasSubstr("line 2, column 6"));
  EXPECT_EQ(parseJson("").status().code(), Code::Corrupt);
  EXPECT_EQ(parseJson("]]]]{").status().code(), Code::Corrupt);
  EXPECT_EQ(parseJson("\"abc\\").status().code(), Code::Corrupt);
}

} // namespace
} // namespace sluice
