#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateOperators, Arithmetic) {
  expectValues({
      {"7 / 2, 7 // 2, -7 // 2, 7 // -2", "(3.5, 3, -4, -4)"},
      {"7 % 3, -7 % 3, 7 % -3, -7.5 % 2", "(1, 2, -2, 0.5)"},
      {"2 ** 10, 2 ** -1, 2.0 ** 0.5", "(1024, 0.5, 1.4142135623730951)"},
      {"true + 1, +true, -true", "(2, 1, -1)"},
      {"'ab' * 2, 2 * [1], 'a' * -1", "('abab', [1, 1], '')"},
      {"'a' + 'b', [1] + [2], (1,) + (2,)", "('ab', [1, 2], (1, 2))"},
      {"1 ~ none ~ 2.0 ~ undef", "1None2.0"},
  });
  expectErrors({
      {"{{ 1 + 'a' }}", "column 6: '+' does not take 'int' and 'str'"},
      {"{{ 'a' + 1 }}", "'+' does not take 'str' and 'int'"},
      {"{{ 1 // 0 }}", "division by zero"},
      {"{{ undef + 1 }}", "'undef' is undefined"},
      {"{{ -'a' }}", "'-' does not take 'str'"},
  });
}

TEST(TemplateOperators, OverflowIsAnError) {
  for (const char *expression :
       {"9223372036854775807 + 1", "-9223372036854775807 - 2",
        "9223372036854775807 * 2", "2 ** 63", "(-2) ** 63 // -1"}) {
    std::string source = std::string("{{ ") + expression + " }}";
    EXPECT_EQ(codeOf(source), Code::Unsupported) << source;
    EXPECT_THAT(render(source), testing::HasSubstr("64 bits"));
  }
  EXPECT_EQ(render("{{ (-2) ** 63 }}"), "-9223372036854775808");
}

TEST(TemplateOperators, Membership) {
  expectValues({
      {"'ell' in s, '' in s, 'x' in s", "(True, True, False)"},
      {"1 in l, 'a' in d, 1 in d, ('a', 1) in d.items()",
       "(True, True, False, True)"},
      {"1 in undef, 5 in range(6)", "(False, True)"},
  });
  expectErrors({
      {"{{ 1 in s }}", "requires a string"},
      {"{{ 1 in n }}", "can't stand on the right of 'in'"},
  });
}

TEST(TemplateOperators, Slices) {
  expectValues({
      {"l[1:], l[:-1], l[::-1], l[5:], l[-2:]",
       "([1, 2], [3, 1], [2, 1, 3], [], [1, 2])"},
      {"s[6:11], s[-1], s[::-2], s[20:]", "('wörld', '🙂', '🙂drwolH', '')"},
      {"(1, 2, 3)[1:], range(10)[2:8:3]", "((2, 3), range(2, 8, 3))"},
      {"l[none:2], l[9223372036854775807:], l[::9223372036854775807]",
       "([3, 1], [], [3])"},
  });
  expectErrors({
      {"{{ l[::0] }}", "the step of a slice can't be zero"},
      {"{{ l['a':] }}", "must be integers or None"},
      {"{{ d[1:] }}", "has no slices"},
  });
}

} // namespace
} // namespace sluice::test
