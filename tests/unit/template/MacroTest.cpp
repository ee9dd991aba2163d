#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateMacros, Arguments) {
  std::string macro =
      "{% macro m(a, b=2, c=b) %}{{ a }},{{ b }},{{ c }}{% endmacro %}";
  expectTemplates({
      {macro + "{{ m(1) }}", "1,2,2"},
      {macro + "{{ m(1, 5) }}", "1,5,5"},
      {macro + "{{ m(b=1) }}", ",1,1"},
      {macro + "{{ m(*[1, 2], **{'c': 3}) }}", "1,2,3"},
      {"{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}",
       "(1,){'x': 2}"},
      {"{% macro m(a) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m }}",
       "m['a']<Macro 'm'>"},
  });
  expectErrors({
      {macro + "{{ m(1, 2, 3, 4) }}", "takes at most 3 arguments, found 4"},
      {macro + "{{ m(x=1) }}", "has no parameter 'x'"},
      {macro + "{{ m() + 1 }}", "'+' does not take"},
  });
}

TEST(TemplateMacros, CallBlocks) {
  std::string macro = "{% macro m() %}[{{ caller(5) }}]{% endmacro %}";
  expectTemplates({
      {macro + "{% call(x) m() %}<{{ x }}>{% endcall %}", "[<5>]"},
      {"{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
       "False"},
      {"{% macro m(caller=none) %}{{ caller is none }}{% endmacro %}{{ m() }}",
       "True"},
  });
  expectErrors({
      {macro + "{{ m() }}", "was not called by a 'call' block"},
      {macro + "{% call m() %}{% endcall %}", "takes at most 0 arguments"},
      {"{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}",
       "has no parameter 'caller'"},
      {"{% call 1 %}{% endcall %}", "expected a call"},
  });
}

TEST(TemplateMacros, Recursion) {
  expectTemplates({
      {"{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}"
       "{% endmacro %}{{ f(3) }}",
       "3210"},
  });
}

} // namespace
} // namespace sluice::test
