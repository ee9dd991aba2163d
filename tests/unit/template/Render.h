// Templates and what they print, in tables.
#pragma once

#include "runtime/template/Template.h"

#include <gmock/gmock.h>

namespace sluice::test {

using Json = nlohmann::ordered_json;

inline const Json &variables() {
  static const Json json = Json::parse(R"({
    "i": 7, "f": 2.5, "t": true, "n": null, "s": "Hello wörld 🙂",
    "l": [3, 1, 2], "d": {"a": 1, "b": [1, 2], "items": 5},
    "m": [{"role": "user", "content": "hi"},
          {"role": "assistant", "content": "yo", "n": 2}]
  })");
  return json;
}

// What it prints, or the error's message.
inline std::string render(std::string_view source,
                          const Json &json = variables(),
                          const Template::Limits &limits = {}) {
  auto parsed = Template::parse(source, limits);
  if (!parsed.ok())
    return parsed.status().message();
  auto text = parsed->render(json, limits);
  return text.ok() ? *text : text.status().message();
}

inline Code codeOf(std::string_view source, const Json &json = variables(),
                   const Template::Limits &limits = {}) {
  auto parsed = Template::parse(source, limits);
  return parsed.ok() ? parsed->render(json, limits).status().code()
                     : parsed.status().code();
}

using Table = std::vector<std::pair<std::string, std::string>>;

// Of templates.
inline void expectTemplates(const Table &table) {
  for (const auto &[source, text] : table)
    EXPECT_EQ(render(source), text) << source;
}

// Of expressions.
inline void expectValues(const Table &table) {
  for (const auto &[expression, text] : table)
    EXPECT_EQ(render("{{ " + expression + " }}"), text) << expression;
}

// Of parts of messages.
inline void expectErrors(const Table &table) {
  for (const auto &[source, message] : table) {
    EXPECT_NE(codeOf(source), Code::Ok) << source;
    EXPECT_THAT(render(source), testing::HasSubstr(message)) << source;
  }
}

} // namespace sluice::test
