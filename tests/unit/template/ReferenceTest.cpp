// What Jinja2 makes of templates (tests/reference/template).
#include "tests/unit/template/Render.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::test {
namespace {

const std::string folder = SLUICE_SOURCE_DIR "/tests/reference/template/";

std::string contents(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The time that template.py has.
std::tm now() {
  std::tm time{};
  time.tm_year = 125;
  time.tm_mon = 6;
  time.tm_mday = 9;
  time.tm_wday = 3;
  time.tm_yday = 189;
  time.tm_hour = 14;
  time.tm_min = 5;
  time.tm_sec = 7;
  return time;
}

TEST(TemplateReference, GivesTheSameText) {
  Json cases = Json::parse(contents(folder + "cases.json"));
  Json expected = Json::parse(contents(folder + "expected.json"));
  ASSERT_GE(expected.size(), 5u);
  for (const auto &[name, answers] : expected.items()) {
    SCOPED_TRACE(name);
    auto parsed = Template::parse(contents(folder + name + ".jinja"));
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    for (const auto &[title, answer] : answers.items()) {
      SCOPED_TRACE(title);
      auto text = parsed->render(cases[title], {}, now);
      EXPECT_EQ(text.ok(), answer.is_string()) << text.status().message();
      if (text.ok() && answer.is_string()) {
        EXPECT_EQ(*text, answer.get<std::string>());
      }
    }
  }
}

} // namespace
} // namespace sluice::test
