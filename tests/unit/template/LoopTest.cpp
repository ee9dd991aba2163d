#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateLoops, TheVariableLoop) {
  auto each = [](const std::string &field, const std::string &text) {
    EXPECT_EQ(render("{% for x in l %}{{ loop." + field + " }},{% endfor %}"),
              text)
        << field;
  };
  each("index", "1,2,3,");
  each("index0", "0,1,2,");
  each("first", "True,False,False,");
  each("last", "False,False,True,");
  each("length", "3,3,3,");
  each("revindex", "3,2,1,");
  each("revindex0", "2,1,0,");
  each("previtem", ",3,1,");
  each("nextitem", "1,2,,");
  each("cycle('a', 'b')", "a,b,a,");
  each("changed(x > 1)", "True,True,True,");
  each("depth", "1,1,1,");
}

TEST(TemplateLoops, Iterate) {
  expectTemplates({
      {"{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}",
       "a=1 b=[1, 2] items=5 "},
      {"{% for k in d %}{{ k }}{% endfor %}", "abitems"},
      {"{% for c in 'é🙂' %}{{ c }}.{% endfor %}", "é.🙂."},
      {"{% for x in undef %}a{% else %}b{% endfor %}", "b"},
      {"{% for x in range(5, 0, -2) %}{{ x }}{% endfor %}", "531"},
      {"{% for x in 1, 2 %}{{ x }}{% endfor %}", "12"},
  });
  expectErrors({{"{% for x in i %}{% endfor %}", "not iterable"},
                {"{% for x in none %}{% endfor %}", "not iterable"}});
}

TEST(TemplateLoops, Conditions) {
  expectTemplates({
      {"{% for x in l if x != 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} "
       "{% endfor %}",
       "1/2:3 2/2:2 "},
      {"{% for x in l if x > 5 %}a{% else %}none{% endfor %}", "none"},
      {"{% for k, v in d.items() if v == 1 %}{{ k }}{% endfor %}", "a"},
  });
}

TEST(TemplateLoops, BreakAndContinue) {
  expectTemplates({
      {"{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}"
       "{% endfor %}",
       "32"},
      {"{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}"
       "{% endfor %}",
       "3"},
      // No iteration came to its end, so that Jinja2 runs the else part.
      {"{% for x in l %}{% break %}{% else %}e{% endfor %}", "e"},
      {"{% for x in l %}{% filter upper %}a{% break %}{% endfilter %}"
       "{% endfor %}b",
       "b"},
  });
}

TEST(TemplateLoops, Recursive) {
  expectTemplates({
      {"{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}"
       "({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}"
       "{% endfor %}",
       "1@1(2@2(3@3))"},
  });
  expectErrors(
      {{"{% for x in [[1]] %}{{ loop(x) }}{% endfor %}", "'recursive'"}});
}

} // namespace
} // namespace sluice::test
