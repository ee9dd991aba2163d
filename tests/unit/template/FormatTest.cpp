#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateFormats, Percent) {
  expectValues({
      {"'%s|%5s|%-5s|%.2s' % ('a', 'b', 'c', 'def')", "a|    b|c    |de"},
      {"'%d %05d %+d %x %#o' % (1.9, -42, 5, 255, 8)", "1 -0042 +5 ff 0o10"},
      {"'%.2f %e %g %%' % (2.345, 12345.678, 1e20)", "2.35 1.234568e+04 "
                                                     "1e+20 %"},
      {"'%(a)s %(b)r' % {'a': 1, 'b': 'x'}", "1 'x'"},
      {"'%*d|%c' % (4, 7, 233)", "   7|é"},
      {"'%s, %s!'|format('a', 'b'), '%(x)s'|format(x=1)", "('a, b!', '1')"},
  });
  expectErrors({
      {"{{ '%s' % () }}", "not enough arguments"},
      {"{{ 'a' % 1 }}", "not all arguments are used"},
      {"{{ '%d' % 'a' }}", "needs a number, not 'str'"},
      {"{{ '%q' % 1 }}", "no type 'q'"},
      {"{{ '%' % 1 }}", "ends within a specifier"},
  });
}

TEST(TemplateFormats, Braces) {
  expectValues({
      {"'{} {}'.format(1, 'a'), '{1}{0}'.format(1, 2), '{x}'.format(x=3)",
       "('1 a', '21', '3')"},
      {"'{:>5}|{:^5}|{:*<5}|{:05d}'.format('a', 'b', 'c', -42)",
       "    a|  b  |c****|-0042"},
      {"'{:.2f} {:,} {:x} {:%}'.format(1.005, 1234567, 255, 0.5)",
       "1.00 1,234,567 ff 50.000000%"},
      {"'{0.role} {0[content]} {1[0]}'.format(m[0], l)", "user hi 3"},
      {"'{!r} {{}} {:{}}'.format('a', 'b', 3)", "'a' {} b  "},
  });
  expectErrors({
      {"{{ '{}'.format() }}", "no argument 0"},
      {"{{ '{x}'.format() }}", "no argument 'x'"},
      {"{{ '{'.format() }}", "expected '}'"},
      {"{{ '}'.format() }}", "a single '}'"},
      {"{{ '{:d}'.format('a') }}", "not one for strings"},
  });
}

} // namespace
} // namespace sluice::test
