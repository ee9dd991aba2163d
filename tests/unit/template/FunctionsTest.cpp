#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateFunctions, Objects) {
  expectTemplates({
      {"{{ dict(a=1, **{'b': 2}) }}{{ dict([['x', 1]]) }}",
       "{'a': 1, 'b': 2}{'x': 1}"},
      {"{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns['b'] }}"
       "{{ ns.c is defined }}{{ ns }}",
       "12False<Namespace {'a': 1, 'b': 2}>"},
      {"{% set j = joiner('|') %}{{ j() }}a{{ j() }}b", "a|b"},
      {"{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}"
       "{{ c.current }}{{ c.reset() }}{{ c.current }}",
       "1212None1"},
      {"{{ range(3)|list }}{{ range(1, 3)|list }}", "[0, 1, 2][1, 2]"},
  });
  expectErrors({{"{{ range(1, 2, 0) }}", "can't be zero"},
                {"{{ range('a') }}", "expected an integer"},
                {"{{ cycler() }}", "at least 1 argument"}});
}

TEST(TemplateFunctions, VariablesComeFirst) {
  EXPECT_EQ(render("{{ range }}", Json{{"range", 1}}), "1");
  EXPECT_THAT(render("", Json::array()), testing::HasSubstr("no JSON object"));
}

TEST(TemplateFunctions, StrftimeNowAsksTheClock) {
  auto parsed = Template::parse("{{ strftime_now('%d %b %Y %H:%M|%Z%f') }}");
  ASSERT_TRUE(parsed.ok());
  Template::Clock clock = [] {
    std::tm time{};
    time.tm_year = 125;
    time.tm_mon = 6;
    time.tm_mday = 9;
    time.tm_hour = 14;
    return time;
  };
  EXPECT_EQ(*parsed->render(Json::object(), {}, clock),
            "09 Jul 2025 14:00|000000");
  auto now = Template::parse("{{ strftime_now('%Y') }}");
  EXPECT_GE(*now->render(Json::object()), "2025");
}

} // namespace
} // namespace sluice::test
