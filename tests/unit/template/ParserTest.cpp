#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateParser, Precedence) {
  expectValues({
      {"1 + 2 * 3 ** 2", "19"},
      {"2 ** 3 ** 2", "64"},
      {"-2 ** 2", "4"},
      {"1 ~ 2 * 3", "16"},
  });
}

TEST(TemplateParser, Conditionals) {
  expectValues({
      {"1 if t else 2", "1"},
      {"1 if n else 2 if n else 3", "3"},
      {"'x' if n", ""},
      {"not t or t and not n", "True"},
      {"1 < 2 < 3 and not 1 < 3 < 2", "True"},
      {"3 not in l", "False"},
      {"i is not defined", "False"},
      {"i is divisibleby 7 and i is odd", "True"},
      {"-1|abs", "1"},
      {"2 - 3|string|length", "1"},
  });
}

TEST(TemplateParser, ErrorsSayWhatWasExpectedAndFound) {
  expectErrors({
      {"{{ }}", "line 1, column 4: expected an expression, found '}}'"},
      {"{% if t %}\n{% endfor %}",
       "line 2, column 4: unknown tag 'endfor'; the 'if' of line 1 is open"},
      {"{% for x of l %}", "column 10: expected 'in', found 'of'"},
      {"{% for x in l %}a",
       "expected 'endfor' or 'else' for the 'for' of line 1, found the end"},
      {"{{ i i }}", "column 6: expected '}}', found 'i'"},
      {"{{ d.'a' }}", "expected the name of an attribute"},
      {"{% sett x = 1 %}", "unknown tag 'sett'; did you mean 'set'?"},
      {"{% set 1 = 2 %}", "column 8: expected a name to assign to"},
      {"{% set true = 2 %}", "expected a name to assign to"},
      {"{% break %}", "column 4: 'break' outside of a loop"},
      {"{{ f(1, a=2, 3) }}", "wrong order"},
      {"{% macro m(a=1, b) %}{% endmacro %}", "without a default"},
      {"{% for loop in l %}{% endfor %}", "'loop' can't be"},
  });
}

TEST(TemplateParser, RefusesOtherTemplates) {
  for (const char *tag : {"include 'a'", "import 'a' as b", "extends 'a'",
                          "from 'a' import b", "block a", "autoescape true"}) {
    std::string source = "\n{% " + std::string(tag) + " %}";
    EXPECT_EQ(codeOf(source), Code::Unsupported) << tag;
    EXPECT_THAT(render(source),
                testing::HasSubstr("line 2, column 4: the tag '"));
  }
}

TEST(TemplateParser, UnknownNamesAreFoundBeforeRendering) {
  for (const char *source : {"{{ i|uper }}", "{{ i is stirng }}"})
    EXPECT_EQ(codeOf(source), Code::Corrupt);
  expectErrors({
      {"{{ i | uper }}",
       "line 1, column 8: there is no filter 'uper'; did you mean 'upper'?"},
      {"{{ i is stirng }}",
       "there is no test 'stirng'; did you mean 'string'?"},
      {"{{ i | sort(revers=1) }}", "has no parameter 'revers'; did you mean "
                                   "'reverse'?"},
  });
  // Behind a condition only when they are reached, as in Jinja2.
  expectTemplates({{"{% if n %}{{ i|uper }}{% endif %}x", "x"}});
}

} // namespace
} // namespace sluice::test
