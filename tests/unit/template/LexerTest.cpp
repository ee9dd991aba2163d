#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateLexer, DropsTheLineEndBehindABlock) {
  expectTemplates({
      {"a{% if t %}\nb{% endif %}\n\nc", "ab\nc"},
      {"{{ i }}\nx", "7\nx"},
      {"{# c #}\nx", "x"},
      {"{% if t +%}\nb{% endif %}", "\nb"},
      {"x\n", "x"},
      {"x\n\n", "x\n"},
      {"a\r\nb\rc", "a\nb\nc"},
  });
}

TEST(TemplateLexer, DropsSpacesInFrontOfABlock) {
  expectTemplates({
      {"  {% if t %}a{% endif %}", "a"},
      {"x  {% if t %}a{% endif %}", "x  a"},
      {"x\n \t{% if t %}a{% endif %}", "x\na"},
      {"x\n  {%+ if t %}a{% endif %}", "x\n  a"},
      {"  {{ i }}", "  7"},
      {"x\n  {# c #}\ny", "x\ny"},
  });
}

TEST(TemplateLexer, DashesStripAllSpace) {
  expectTemplates({
      {"a \n {%- if t -%} \n b \n {%- endif -%} \n c", "abc"},
      {"a {{- i -}} b", "a7b"},
      {"a {#- c -#} b", "ab"},
      {"a\u00a0{{- i }}", "a7"},
  });
}

TEST(TemplateLexer, RawTextIsNotRead) {
  expectTemplates({
      {"{% raw %}{{ a }}{% if %}{% endraw %}", "{{ a }}{% if %}"},
      {"{% raw -%} \n a \n {%- endraw %}\nb", "ab"},
  });
}

TEST(TemplateLexer, Literals) {
  expectValues({
      {"1_000 + 0x1f + 0o17 + 0b11", "1049"},
      {"1e3", "1000.0"},
      {"'a' \"b\" 'c'", "abc"},
      {R"('\n\t\\\'\x41\u00e9\U0001f642\101\d')", "\n\t\\'Aé🙂A\\d"},
      {"{'a': {'b': 1}}", "{'a': {'b': 1}}"},
      {"[1, 2,] ~ (1,) ~ ()", "[1, 2](1,)()"},
      {"[true, True, none, None, false]", "[True, True, None, None, False]"},
  });
}

TEST(TemplateLexer, ErrorsHaveAPosition) {
  expectErrors({
      {"ab\n é{{ ? }}", "line 2, column 6: unexpected character '?'"},
      {"{{ 'a }}", "line 1, column 4: expected a closing quote"},
      {"{{ (1] }}", "line 1, column 6: unexpected ']', expected ')'"},
      {"{# a", "line 1, column 1: expected '#}'"},
      {"{% raw %}x", "expected '{% endraw %}'"},
      {"{{ 1", "expected '}}' for this tag"},
      {"{{ '\\ud800' }}", "surrogate"},
      {"{{ 99999999999999999999 }}", "more than 64 bits"},
      {"\xff", "not UTF-8 at byte 0"},
  });
}

} // namespace
} // namespace sluice::test
