// The answers of the reference implementation (tests/reference/tokenizer).
#include "tests/unit/tokenizer/Documents.h"

#include <fstream>
#include <sstream>

namespace sluice::test {
namespace {

std::string contents(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

Json document(const Json &record) {
  if (record.contains("tokenizer"))
    return record["tokenizer"];
  return Json::parse(contents(std::string(SLUICE_SOURCE_DIR "/") +
                              record["file"].get<std::string>()));
}

// All spans as one list of numbers.
Json flat(const std::vector<TextSpan> &spans) {
  Json numbers = Json::array();
  for (const TextSpan &span : spans) {
    numbers.push_back(span.begin);
    numbers.push_back(span.end);
  }
  return numbers;
}

std::string streamed(const Tokenizer &tokenizer,
                     const std::vector<int32_t> &ids, bool skipSpecial) {
  TokenStream stream(tokenizer, skipSpecial);
  std::string text;
  for (int32_t id : ids)
    text += *stream.next(id);
  return text + stream.finish();
}

void compare(const Tokenizer &tokenizer, const Json &record) {
  for (const Json &row : record["encode"]) {
    auto text = row[0].get<std::string>();
    SCOPED_TRACE(row[0].dump());
    EXPECT_EQ(Json(*tokenizer.encode(text)), row[1]);
    EXPECT_EQ(Json(*tokenizer.encode(text, false)), row[2]);
    Result<Encoding> encoding = tokenizer.encodeWithSpans(text);
    EXPECT_EQ(Json(encoding->ids), row[1]);
    EXPECT_EQ(flat(encoding->spans), row[3]);
    for (bool skip : {true, false})
      EXPECT_EQ(streamed(tokenizer, encoding->ids, skip),
                *tokenizer.decode(encoding->ids, skip));
  }
  for (const Json &row : record["decode"]) {
    std::vector<int32_t> ids = row[0];
    SCOPED_TRACE(row[0].dump());
    EXPECT_EQ(Json(*tokenizer.decode(ids)), row[1]);
    EXPECT_EQ(Json(*tokenizer.decode(ids, false)), row[2]);
  }
}

TEST(Reference, GivesTheSameIdsSpansAndText) {
  Json records = Json::parse(
      contents(SLUICE_SOURCE_DIR "/tests/reference/tokenizer/vectors.json"));
  ASSERT_GE(records.size(), 20u);
  for (const Json &record : records) {
    SCOPED_TRACE(record["name"].get<std::string>());
    Json json = document(record);
    compare(make(json), record);
    Stored stored(json);
    Result<Tokenizer> loaded = stored.load();
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    compare(*loaded, record);
  }
}

} // namespace
} // namespace sluice::test
