// Which variable a name means: the rules of Jinja2's compiler.
#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateScopes, LoopsKeepWhatTheySet) {
  expectTemplates({
      {"{% set x = 0 %}{% for y in l %}{{ x }}{% set x = y %}{{ x }}"
       "{% endfor %}{{ x }}",
       "0301020"},
      {"{% for i in l %}{{ i }}{% endfor %}{{ i }}", "3127"},
      {"{% set ns = namespace(x=0) %}{% for y in l %}"
       "{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}",
       "6"},
  });
}

TEST(TemplateScopes, BranchesShareTheScope) {
  expectTemplates({
      {"{% if t %}{% set x = 1 %}{% endif %}{{ x }}", "1"},
      {"{% if n %}{% set i = 1 %}{% endif %}{{ i }}", "7"},
      {"{% if n %}{% set q = 1 %}{% elif t %}{% set q = 2 %}{% endif %}{{ q }}",
       "2"},
  });
}

TEST(TemplateScopes, BlocksHaveScopes) {
  expectTemplates({
      {"{% with i = 1, k = i %}{{ i }}{{ k }}{% endwith %}{{ i }}", "177"},
      {"{% set x %}{% set i = 1 %}{{ i }}{% endset %}{{ x }}{{ i }}", "17"},
      {"{% filter upper %}{% set s = 'a' %}{{ s }}{% endfilter %}{{ i }}",
       "A7"},
      {"{% generation %}{% set i = 1 %}{{ i }}{% endgeneration %}{{ i }}",
       "17"},
  });
}

TEST(TemplateScopes, MacrosSeeTheVariablesAroundThem) {
  expectTemplates({
      {"{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}", "1"},
      // The template sets it somewhere, so it is not the caller's.
      {"{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% set i = 1 %}", ""},
      {"{% macro m() %}{% set i = 1 %}{% endmacro %}{{ m() }}{{ i }}", "7"},
  });
}

TEST(TemplateScopes, LoopIsNotToBeSet) {
  expectErrors({{"{% for x in l %}{% set loop = 1 %}{% endfor %}",
                 "'loop' can't be set"}});
}

} // namespace
} // namespace sluice::test
