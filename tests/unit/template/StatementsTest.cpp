#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateStatements, Set) {
  expectTemplates({
      {"{% set a, b = 1, 2 %}{{ b }}{{ a }}", "21"},
      {"{% set (a, b) = 'xy' %}{{ b }}{{ a }}", "yx"},
      {"{% set x %}a{{ i }}{% endset %}{{ x }}", "a7"},
      {"{% set x | upper | trim %} a {% endset %}{{ x }}", "A"},
      {"{% set ns = namespace(a=1) %}{% set ns.a, ns.b = 2, 3 %}{{ ns.a }}"
       "{{ ns.b }}",
       "23"},
  });
  expectErrors({
      {"{% set a, b = l %}", "expected 2 values to unpack, found more"},
      {"{% set a, b = [1] %}", "expected 2 values to unpack, found 1"},
      {"{% set a, b = 1 %}", "'int' object is not iterable"},
  });
}

TEST(TemplateStatements, If) {
  expectTemplates({
      {"{% if n %}a{% elif i == 7 %}b{% elif t %}c{% else %}d{% endif %}", "b"},
      {"{% if undef %}a{% else %}b{% endif %}", "b"},
  });
}

TEST(TemplateStatements, FilterWithAndPrint) {
  expectTemplates({
      {"{% filter replace('a', 'b') | upper %}xa{% endfilter %}", "XB"},
      {"{% with %}{{ i }}{% endwith %}", "7"},
      {"{% print i, 'a' %}", "7a"},
      {"{% generation %}a{{ i }}{% endgeneration %}", "a7"},
  });
  expectErrors(
      {{"{% filter length %}a{% endfilter %}", "is no string but 'int'"}});
}

TEST(TemplateStatements, RaiseExceptionGivesItsMessage) {
  std::string source = "a\n  {{ raise_exception('roles must alternate') }}";
  EXPECT_EQ(codeOf(source), Code::InvalidArgument);
  EXPECT_EQ(render(source), "template, line 2, column 21: the template "
                            "refuses: roles must alternate");
}

} // namespace
} // namespace sluice::test
