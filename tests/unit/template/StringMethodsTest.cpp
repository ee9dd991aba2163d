#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateStrings, Cut) {
  expectValues({
      {"' a  b '.split(), 'a,b,c'.split(',', 1), ''.split(), ''.split(',')",
       "(['a', 'b'], ['a', 'b,c'], [], [''])"},
      {"' a b c '.split(none, 1), ' a b c '.rsplit(maxsplit=1)",
       "(['a', 'b c '], [' a b', 'c'])"},
      {"'a,b,c'.rsplit(',', 1), 'a\\r\\nb\\n'.splitlines()",
       "(['a,b', 'c'], ['a', 'b'])"},
      {"' \\u00a0a '.strip(), 'xxaxx'.lstrip('x'), 'abc'.rstrip('cb')",
       "('a', 'axx', 'a')"},
      {"'a=b'.partition('='), 'a'.rpartition('=')",
       "(('a', '=', 'b'), ('', '', 'a'))"},
      {"'abc'.removeprefix('a'), 'abc'.removesuffix('bc')", "('bc', 'a')"},
  });
  expectErrors({{"{{ 'a'.split('') }}", "the separator is empty"},
                {"{{ 'a'.split(1) }}", "expected a string, found 'int'"}});
}

TEST(TemplateStrings, Search) {
  expectValues({
      {"s.find('w'), s.find('x'), s.rfind('l'), s.find('l', 4)",
       "(6, -1, 9, 9)"},
      {"s.count('l'), 'aaa'.count('aa'), 'ab'.count('')", "(3, 1, 3)"},
      {"s.startswith('He'), s.startswith(('x', 'H')), s.endswith('🙂')",
       "(True, True, True)"},
      {"'abc'.startswith('b', 1), 'abc'.endswith('b', 0, 2)", "(True, True)"},
      {"s.index('o')", "4"},
  });
  expectErrors({{"{{ s.index('x') }}", "does not contain 'x'"}});
}

TEST(TemplateStrings, Properties) {
  expectValues({
      {"'12'.isdigit(), '²'.isdigit(), ''.isdigit(), '½'.isnumeric()",
       "(True, True, False, True)"},
      {"'aé'.isalpha(), 'a1'.isalnum(), ' \\t'.isspace(), 'aB'.islower()",
       "(True, True, True, False)"},
      {"'Ab Cd'.istitle(), 'é'.isascii(), 'a b'.isidentifier()",
       "(True, False, False)"},
  });
}

TEST(TemplateStrings, Make) {
  expectValues({
      {"'they\\'re ß'.title(), 'ÉA'.capitalize(), 'aB'.swapcase()",
       "(\"They'Re Ss\", 'Éa', 'Ab')"},
      {"', '.join(['a', 'b']), '-'.join('ab'), 'aba'.replace('a', 'c', 1)",
       "('a, b', 'a-b', 'cba')"},
      {"'a'.center(4, '*'), 'a'.ljust(3) ~ 'b', '-5'.zfill(4)",
       "('*a**', 'a  b', '-005')"},
  });
  expectErrors({{"{{ ''.join([1]) }}", "item 0 is no string"},
                {"{{ 'a'.encode() }}", "'encode' is not supported"}});
}

} // namespace
} // namespace sluice::test
