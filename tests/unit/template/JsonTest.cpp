#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateJson, AsTransformersWritesIt) {
  expectValues({
      {"d|tojson", R"({"a": 1, "b": [1, 2], "items": 5})"},
      {"['é<>&\\'\"\\\\\\n\\x01\\x7f', none, true, 1.0, 1e20]|tojson",
       "[\"é<>&'\\\"\\\\\\n\\u0001\x7f\", null, true, 1.0, 1e+20]"},
      {"'é🙂'|tojson(ensure_ascii=true)", R"("\u00e9\ud83d\ude42")"},
      {"{'b': (1,), 'a': {}}|tojson(indent=1, sort_keys=true)",
       "{\n \"a\": {},\n \"b\": [\n  1\n ]\n}"},
      {"[1, {'a': 2}]|tojson(separators=(',', ':'))", "[1,{\"a\":2}]"},
      {"{1: 2, none: 3, true: 4, 1.5: 5}|tojson",
       R"({"1": 4, "null": 3, "1.5": 5})"},
  });
  expectErrors({
      {"{{ undef|tojson }}", "of type Undefined can't be written as JSON"},
      {"{{ {(1,): 1}|tojson }}", "keys of JSON must be"},
  });
}

TEST(TemplateJson, Variables) {
  EXPECT_EQ(render("{{ x }}", Json{{"x", 1e3}}), "1000.0");
  EXPECT_EQ(codeOf("{{ x }}", Json{{"x", UINT64_MAX}}), Code::Unsupported);
  EXPECT_EQ(codeOf("{{ x }}", Json{{"x", "\xff"}}), Code::InvalidArgument);
  Json deep;
  for (int i = 0; i < 1000; ++i)
    deep = Json::array({deep});
  EXPECT_EQ(codeOf("{{ x }}", Json{{"x", deep}}), Code::Resource);
  // What is not asked for is not looked at.
  EXPECT_EQ(render("a", Json{{"x", deep}}), "a");
}

} // namespace
} // namespace sluice::test
