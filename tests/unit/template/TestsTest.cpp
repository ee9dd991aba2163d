#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

void expectTrue(std::initializer_list<const char *> expressions,
                const char *text = "True") {
  for (const char *expression : expressions)
    EXPECT_EQ(render(std::string("{{ ") + expression + " }}"), text)
        << expression;
}

TEST(TemplateTests, Types) {
  expectTrue({"i is defined", "undef is undefined", "n is none", "t is boolean",
              "t is true", "false is false", "i is integer", "f is float",
              "t is number", "s is string", "d is mapping", "l is sequence",
              "s is sequence", "d is sequence", "undef is sequence",
              "d.keys() is iterable", "range is callable", "('a'|e) is escaped",
              "n is sameas none"});
  expectTrue({"t is integer", "i is float", "l is mapping", "n is iterable",
              "d.keys() is sequence", "1 is true", "s is callable"},
             "False");
}

TEST(TemplateTests, Properties) {
  expectTrue({"3 is odd", "4 is even", "9 is divisibleby 3", "'ab' is lower",
              "'AB' is upper", "'upper' is filter", "'odd' is test",
              "1 is in [1]", "1 is eq 1", "1 is ne 2", "2 is gt 1", "2 is ge 2",
              "1 is lt 2", "1 is lessthan 2", "1 is le(1)", "i is not string",
              "'1' is lower == false"});
  expectErrors({
      {"{{ 'a' is odd }}", "not all arguments are used"},
      {"{{ 1 is divisibleby }}", "'divisibleby' needs 2 arguments"},
      {"{{ 1 is odd is even }}", "can't be chained"},
  });
}

} // namespace
} // namespace sluice::test
