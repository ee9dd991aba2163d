#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateValues, PrintAsInPython) {
  expectValues({
      {"none", "None"},
      {"[none, true, 1, 1.0, 'a', \"it's\", 'a\"b\\'c']",
       R"([None, True, 1, 1.0, 'a', "it's", 'a"b\'c'])"},
      {"['\\n\\x00é🙂']", R"(['\n\x00é🙂'])"},
      {"d", "{'a': 1, 'b': [1, 2], 'items': 5}"},
      {"(1,), (1, 2)", "((1,), (1, 2))"},
      {"d.keys()", "dict_keys(['a', 'b', 'items'])"},
      {"range(3), range(1, 5, 2)", "(range(0, 3), range(1, 5, 2))"},
      {"[undef]", "[Undefined]"},
      {"undef", ""},
  });
}

TEST(TemplateValues, FloatsHaveTheShortestDigits) {
  expectValues({
      {"0.1 + 0.2", "0.30000000000000004"},
      {"1e15, 1e16, 1e-4, 1e-5", "(1000000000000000.0, 1e+16, 0.0001, 1e-05)"},
      {"1e300 * 1e10, -1e300 * 1e10", "(inf, -inf)"},
      {"-0.0", "-0.0"},
      {"1e22, 1.5e-7", "(1e+22, 1.5e-07)"},
  });
}

TEST(TemplateValues, Truth) {
  for (const char *value : {"0", "0.0", "''", "[]", "()", "{}", "none", "false",
                            "undef", "range(0)"})
    EXPECT_EQ(render(std::string("{{ not ") + value + " }}"), "True") << value;
  for (const char *value : {"1", "0.1", "' '", "[0]", "namespace()", "range"})
    EXPECT_EQ(render(std::string("{{ not ") + value + " }}"), "False") << value;
}

TEST(TemplateValues, EqualityAndOrder) {
  expectValues({
      {"1 == 1.0 == true", "True"},
      {"9007199254740993 == 9007199254740992.0", "False"},
      {"'1' == 1", "False"},
      {"[1, [2]] == [1, [2]], (1,) == [1]", "(True, False)"},
      {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "True"},
      {"undef == undef2, none == undef", "(True, False)"},
      {"'a' < 'b', [1, 2] < [1, 3], 'Z' < 'a', 'é' < '🙂'",
       "(True, True, True, True)"},
      {"{1: 'a', true: 'b', 1.0: 'c'}", "{1: 'c'}"},
  });
  expectErrors({
      {"{{ 1 < 'a' }}", "'int' and 'str' have no order"},
      {"{{ {[]: 1} }}", "unhashable type: 'list'"},
  });
}

} // namespace
} // namespace sluice::test
