// Hostile templates end with an error, after few steps and in little memory.
#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

std::string times(const std::string &text, size_t n) {
  std::string result;
  for (size_t i = 0; i < n; ++i)
    result += text;
  return result;
}

void expectRefused(const std::string &source) {
  EXPECT_EQ(codeOf(source), Code::Resource) << source.substr(0, 200) << "\n"
                                            << render(source).substr(0, 200);
}

TEST(TemplateLimits, Loops) {
  expectRefused("{% for a in range(100000) %}{% for b in range(100000) %}"
                "{% endfor %}{% endfor %}");
  expectRefused("{{ range(100001) }}");
  expectRefused("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
}

TEST(TemplateLimits, Recursion) {
  expectRefused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
  expectRefused("{% macro m(x) %}{{ [1]|map(attribute=m(x))|list }}"
                "{% endmacro %}{{ m(1) }}");
}

TEST(TemplateLimits, IteratorsOfIterators) {
  std::string grow = "{% set ns = namespace(x=[1]) %}"
                     "{% for i in range(9999) %}{% set ns.x = ns.x|";
  for (const char *filter : {"map('string')", "select", "unique", "batch(2)"})
    expectRefused(grow + filter + " %}{% endfor %}{{ ns.x|list }}");
}

TEST(TemplateLimits, Nesting) {
  const std::pair<const char *, const char *> nests[] = {
      {"(", ")"}, {"[", "]"},  {"{1:", "}"}, {"not ", ""},
      {"-", ""},  {"a(", ")"}, {"a[", "]"},  {"1 if 1 else ", ""}};
  for (const auto &[open, close] : nests)
    expectRefused("{{ " + times(open, 100000) + "1" + times(close, 100000) +
                  " }}");
  expectRefused(times("{% if 1 %}", 100000));
  expectRefused("{{ 1" + times("+1", 100000) + " }}");
  expectRefused("{{ a" + times(".a", 100000) + " }}");
  expectRefused("{{ a" + times("|e", 100000) + " }}");
}

TEST(TemplateLimits, Memory) {
  expectRefused("{{ 'a' * 9223372036854775807 }}");
  expectRefused("{{ [1] * 9223372036854775807 }}");
  expectRefused("{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
                "{% set ns.x = ns.x ~ ns.x %}{% endfor %}");
  expectRefused("{% set ns = namespace(x=[1]) %}{% for i in range(99) %}"
                "{% set ns.x = ns.x + ns.x %}{% endfor %}");
  expectRefused("{{ ('a' * 10000000)|replace('', 'b' * 1000) }}");
  expectRefused("{{ '%2000000000d' % 1 }}");
  expectRefused("{{ '{:2000000000}'.format(1) }}");
  expectRefused("{{ 'a'.center(9223372036854775807) }}");
  expectRefused("{{ [1, 2]|tojson(indent=65536) * 100000 }}");
}

TEST(TemplateLimits, DeepValues) {
  std::string grow = "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}";
  expectRefused(grow + "{% set ns.x = [ns.x] %}{% endfor %}");
  expectRefused(grow + "{% set ns.x = {'a': ns.x} %}{% endfor %}");
  // A list of lists whose printed form is exponentially long.
  std::string wide = "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
                     "{% set ns.x = [ns.x, ns.x] %}{% endfor %}";
  expectRefused(wide + "{{ ns.x }}");
  expectRefused(wide + "{{ ns.x|tojson }}");
  expectRefused(wide + "{% set a = ns.x %}" + wide + "{{ a == ns.x }}");
  std::string tuples = "{% set ns = namespace(x=(1,)) %}"
                       "{% for i in range(60) %}"
                       "{% set ns.x = (ns.x, ns.x) %}{% endfor %}";
  expectRefused(tuples + "{{ {}[ns.x] }}");
  expectRefused(tuples + "{{ {ns.x: 1} }}");
  // Namespaces in each other end by themselves.
  EXPECT_EQ(codeOf("{% set a = namespace() %}{% set a.b = [a] %}{{ a }}"),
            Code::Ok);
}

TEST(TemplateLimits, Output) {
  Template::Limits limits;
  limits.output = 100;
  std::string source = "{% for i in range(30) %}{{ i }}abc{% endfor %}";
  EXPECT_EQ(codeOf(source, variables(), limits), Code::Resource);
  EXPECT_THAT(render(source, variables(), limits),
              testing::HasSubstr("the output has more than 100 bytes"));
  expectRefused("{% for i in range(10000) %}{{ 'a' * 100000 }}{% endfor %}");
}

TEST(TemplateLimits, Source) {
  expectRefused(std::string(size_t(5) << 20, 'a'));
  std::string names;
  for (int i = 0; i < 20000; ++i)
    names += "{% if a %}{% set a" + std::to_string(i) + " = 1 %}{% endif %}";
  expectRefused(names);
}

} // namespace
} // namespace sluice::test
