#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateFilters, Text) {
  expectValues({
      {"'straße'|upper, 'ÀΣ'|lower, 'hELLO wORLD'|capitalize",
       "('STRASSE', 'àς', 'Hello world')"},
      {"\"they're bill's (friends)-here\"|title",
       "They're Bill's (Friends)-Here"},
      {"' a '|trim ~ 'xax'|trim('x')", "aa"},
      {"'aaa'|replace('a', 'b', 2), 'ab'|replace('', '-')", "('bba', '-a-b-')"},
      {"'ab'|center(5) ~ '|'", "  ab |"},
      {"'a\\n\\nb'|indent(2, true)", "  a\n\n  b"},
      {"'foo bar baz qux'|truncate(9), 'foo bar baz qux'|truncate(9, true)",
       "('foo...', 'foo ba...')"},
      {"'the longword x-y'|wordwrap(5)", "the l\nongwo\nrd\nx-y"},
      {"'a b-c é'|wordcount", "4"},
      {"'<a & \"b\">'|e", "&lt;a &amp; &#34;b&#34;&gt;"},
      {"'<a>'|safe|e ~ '<'|e|e", "<a>&lt;"},
      {"'<a>' + '<b>'|safe", "&lt;a&gt;<b>"},
      {"'<p>a <!-- x --> b</p>&amp;'|striptags", "a b&"},
      {"'a b/ü'|urlencode, {'a b': 1}|urlencode", "('a%20b/%C3%BC', 'a+b=1')"},
      {"{'a': '<', 'b': none}|xmlattr", " a=\"&lt;\""},
  });
}

TEST(TemplateFilters, Lists) {
  expectValues({
      {"l|first, l|last, []|first, s|last", "(3, 2, Undefined, '🙂')"},
      {"l|join, l|join('-'), m|join(', ', attribute='role')",
       "('312', '3-1-2', 'user, assistant')"},
      {"l|sort, l|sort(true), ['b', 'A']|sort, ['b', 'A']|sort(false, true)",
       "([1, 2, 3], [3, 2, 1], ['A', 'b'], ['A', 'b'])"},
      {"m|sort(attribute='role')|map(attribute='content')|list",
       "['yo', 'hi']"},
      {"{'b': 1, 'a': 2}|dictsort, {'b': 1, 'a': 2}|dictsort(by='value')",
       "([('a', 2), ('b', 1)], [('b', 1), ('a', 2)])"},
      {"['a', 'A', 'b']|unique|list", "['a', 'b']"},
      {"l|min, l|max, []|max, l|sum, m[1:]|sum(attribute='n', start=1)",
       "(1, 3, Undefined, 6, 3)"},
      {"l|reverse|list, 'aé'|reverse", "([2, 1, 3], 'éa')"},
      {"range(5)|batch(2, 0)|list, range(5)|slice(2, 0)|list",
       "([[0, 1], [2, 3], [4, 0]], [[0, 1, 2], [3, 4, 0]])"},
      {"m|groupby('role')|map('first')|list", "['assistant', 'user']"},
      {"(m|groupby('role'))[0].list[0].content", "yo"},
      {"d|items|list|length, d|list, 'ab'|list", "(3, ['a', 'b', 'items'], "
                                                 "['a', 'b'])"},
      {"undef|d('x'), n|d('x'), n|d('x', true)", "('x', None, 'x')"},
      {"'a'|attr('upper') is defined, d|attr('a') is defined", "(True, False)"},
  });
}

TEST(TemplateFilters, Selection) {
  expectValues({
      {"m|map(attribute='role')|list", "['user', 'assistant']"},
      {"m|map(attribute='n', default=0)|list", "[0, 2]"},
      {"['a']|map('upper')|list, [1.26]|map('round', 1)|list",
       "(['A'], [1.3])"},
      {"[0, 1, none]|select|list, l|reject('gt', 1)|list", "([1], [1])"},
      {"m|selectattr('role', 'equalto', 'user')|list|length", "1"},
      {"m|rejectattr('n', 'defined')|map(attribute='role')|join", "user"},
  });
  expectErrors({
      {"{{ [1]|map('nope')|list }}", "there is no filter 'nope'"},
      {"{{ [1]|map|list }}", "'map' needs the name of a filter"},
      {"{{ l|map('int')|length }}", "'generator' has no length"},
  });
}

TEST(TemplateFilters, Numbers) {
  expectValues({
      {"'12'|int, ' -0x1f '|int(0, 16), '1.9'|int, 'a'|int(5), none|int",
       "(12, -31, 1, 5, 0)"},
      {"'1e2'|float, 'a'|float, true|float", "(100.0, 0.0, 1.0)"},
      {"2.5|round, 3.5|round, 2.675|round(2), 1234|round(-2), 42.55|round(1)",
       "(2.0, 4.0, 2.67, 1200, 42.5)"},
      {"42.1|round(0, 'ceil'), 42.9|round(method='floor')", "(43.0, 42.0)"},
      {"s|length, d|count, undef|length", "(13, 3, 0)"},
      {"1500|filesizeformat, 2048|filesizeformat(true)",
       "('1.5 kB', '2.0 KiB')"},
  });
  expectErrors({{"{{ n|length }}", "'NoneType' has no length"}});
}

} // namespace
} // namespace sluice::test
