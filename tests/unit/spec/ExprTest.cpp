#include "compiler/spec/Expr.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace sluice::spec;
using sluice::spec::Value;

namespace {

class TableEnv final : public Env {
public:
  bool lookup(const std::string &name, Value &value,
              std::string &error) override {
    static const std::map<std::string, Value> table = {
        {"a", 7},
        {"b", 2},
        {"x", 0.5},
        {"t", true},
        {"n", Value()},
        {"w", "half"},
        {"g.c", 5},
        {"list", List{1, 2, 3}},
        {"kinds", List{"full", "sliding"}},
        {"big", int64_t(9223372036854775807)},
    };
    auto it = table.find(name);
    if (it == table.end()) {
      error = "unknown " + name;
      return false;
    }
    value = it->second;
    return true;
  }
  bool has(const std::string &name, bool &value, std::string &) override {
    value = name == "there.is";
    return true;
  }
};

Tree scalarTree(const std::string &text) {
  Tree tree;
  tree.kind = Tree::Kind::Scalar;
  tree.location = {"test", 1, 1};
  tree.textColumn = 1;
  tree.text = text;
  return tree;
}

// The value as text, or "column: message".
std::string run(const std::string &text) {
  Diagnostics diagnostics;
  Scalar scalar = parseScalar(scalarTree(text), diagnostics);
  TableEnv env;
  std::optional<Value> value;
  if (diagnostics.ok())
    value = evaluate(scalar, env, diagnostics);
  if (value)
    return print(*value);
  const Diagnostic &d = diagnostics.all().at(0);
  return std::to_string(d.location.column) + ": " + d.message;
}

struct Case {
  const char *text, *result;
};

class ExprTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExprTest, Evaluates) {
  EXPECT_EQ(run(GetParam().text), GetParam().result);
}

const Case values[] = {
    // Scalars without `$` are themselves.
    {"12", "12"},
    {"-3", "-3"},
    {"1.0e-5", "1e-05"},
    {"-1e30", "-1e+30"},
    {"true", "true"},
    {"none", "none"},
    {"gelu_tanh", "'gelu_tanh'"},
    {"1.", "'1.'"},
    {"12a", "'12a'"},
    // Arithmetic and its types.
    {"$a + $b * 3", "13"},
    {"($a + $b) * 3", "27"},
    {"$a - 1 - 1", "5"},
    {"$a // $b", "3"},
    {"-$a // $b", "-4"},
    {"-$a % $b", "1"},
    {"-$a % -$b", "-1"},
    {"6 / $b", "3"},
    {"$a / 2.0", "3.5"},
    {"$b ** 10", "1024"},
    {"$b ** -1", "0.5"},
    {"-$b ** 2", "-4"},
    {"$b ** 3 ** 2", "512"},
    {"$a * $x", "3.5"},
    {"$g.c + 1", "6"},
    {"0.1 * $a", "0.7000000000000001"},
    // Logic and comparison.
    {"$a == 7.0", "true"},
    {"$n == none", "true"},
    {"$n == 3", "false"},
    {"$a != none", "true"},
    {"$w == 'half'", "true"},
    {"not $t or $a > $b", "true"},
    {"not $a == 8", "true"},
    {"$t and not $a < $b", "true"},
    {"$a in $list", "false"},
    {"$b in $list", "true"},
    {"$w in ['half', 'adjacent']", "true"},
    {"false and $n + 1", "false"}, // the other side is not evaluated
    {"$t or $n + 1", "true"},
    {"$a if $t else $n + 1", "7"},
    {"1 if $a < 5 else 2 if $a < 8 else 3", "2"},
    // Lists and functions.
    {"$list[1]", "2"},
    {"$list[$b]", "3"},
    {"[$a, $x, none]", "[7, 0.5, none]"},
    {"[1, 2][$b - 1]", "2"},
    {"len($list) + sum($list)", "9"},
    {"each(i, 3, $i * $a)", "[0, 7, 14]"},
    {"each(k, $kinds, $k == 'full')", "[true, false]"},
    {"each(i, 2, each(j, $i + 1, $i + $j))", "[[0], [1, 2]]"},
    {"min($a, $b, 3)", "2"},
    {"max($list)", "3"},
    {"abs(-$a)", "7"},
    {"floor(-$x)", "-1"},
    {"ceil($x)", "1"},
    {"round($x)", "0"},
    {"round($x + 1.0)", "2"},
    {"round($x * 4.81, 2)", "2.4"},
    {"int(-$a / 2.0)", "-3"},
    {"float($a)", "7.0"},
    {"sqrt($a + 2)", "3.0"},
    {"log2(4.0 * $b)", "3.0"},
    {"linspace($x, 1.0, 3)", "[0.5, 0.75, 1.0]"},
    {"cast(sqrt(2.0 + 0 * $a), 'bf16')", "1.4140625"},
    {"cast(65520.0 * $b / 2, 'f16') == none",
     "1: the result is not a finite number"},
    {"has(there.is)", "true"},
    {"not has(absent)", "true"},
};

const Case errors[] = {
    {"4097 / ($b * 16)", "6: 4097 / 32 is not whole; use // or a float"},
    {"$a / 0", "4: division by zero"},
    {"$big + 1", "6: the result is out of range"},
    {"-$big - 2", "7: the result is out of range"},
    {"$b ** 70", "4: the result is out of range"},
    {"$a + $w", "4: '+' needs numbers, found int 7 and text 'half'"},
    {"$n * 2", "4: '*' needs numbers, found none and int 2"},
    {"$a == 'x'", "4: cannot compare int 7 with text 'x'"},
    {"$t and $a", "4: 'and' needs bools, found int 7"},
    {"1 if $a else 2", "3: the condition of 'if' is int 7, not a bool"},
    {"$list[3]", "6: index 3 is outside of a list of 3"},
    {"$list[-1]", "6: index -1 is outside of a list of 3"},
    {"$a[0]", "3: only a list can be indexed, found int 7"},
    {"sqrt(-$a)", "1: sqrt() of -7"},
    {"log(0 * $a)", "1: log() of 0"},
    {"len($a)", "1: len() needs a list, found int 7"},
    {"each(i, -$a, $i)", "1: each() cannot make -7 elements"},
    {"each(i, 2000, each(j, 2000, $i))",
     "1: the expression makes too many elements"},
    {"$a +", "5: expected a value, found end of the expression"},
    {"$a $b", "4: unexpected '$b'"},
    {"($a", "4: expected ')', found end of the expression"},
    {"$a + b", "6: unknown word 'b'; a parameter is written $b, a text 'b'"},
    {"$a if $t", "9: expected 'else', found end of the expression"},
    {"ceill($a)", "1: unknown function 'ceill'; did you mean 'ceil'?"},
    {"$1", "1: '$' must be followed by a name"},
    {"$a + 'x", "6: text without a closing quote"},
    {"$a ! 2", "4: unexpected character '!'"},
    {"$a + 99999999999999999999", "6: number out of range"},
    {"$a + 1.x", "6: malformed number"},
    {"$a < $b < 3", "9: unexpected '<'"},
    {"each($i, 3, 1)", "6: expected a name, found '$i'"},
    // Types that do not go with an operator or a function.
    {"-$w", "1: '-' needs a number, found text 'half'"},
    {"-$t", "1: '-' needs a number, found bool true"},
    {"$t + 1", "4: '+' needs numbers, found bool true and int 1"},
    {"$list * 2", "7: '*' needs numbers, found list [1, 2, 3] and int 2"},
    {"not $a", "1: 'not' needs a bool, found int 7"},
    {"$a or $t", "4: 'or' needs bools, found int 7"},
    {"$a in $b", "4: 'in' needs a list, found int 2"},
    {"$w in $list", "4: cannot compare text 'half' with int 1"},
    {"$t < $a", "4: cannot compare bool true with int 7"},
    {"$n < $a", "4: cannot compare none with int 7"},
    {"$list[$x]", "6: an index must be an int, found float 0.5"},
    {"$list[$w]", "6: an index must be an int, found text 'half'"},
    {"each(i, $w, $i)", "1: each() needs a count or a list, found text 'half'"},
    {"each(i, $x, $i)", "1: each() needs a count or a list, found float 0.5"},
    {"sqrt($w)", "1: sqrt() needs a number, found text 'half'"},
    {"floor($t)", "1: floor() needs a number, found bool true"},
    {"sum($a)", "1: sum() needs a list, found int 7"},
    {"sum($kinds)", "1: sum() needs numbers, found text 'full'"},
    {"max($kinds)", "1: max() needs numbers, found text 'full'"},
    {"min($a, $w)", "1: min() needs numbers, found text 'half'"},
    // Numbers of arguments, and what is out of range.
    {"min($a)", "1: min() needs two or more numbers or a list"},
    {"max([$a][0])", "1: max() needs two or more numbers or a list"},
    {"abs($a, $b)", "1: abs() takes one argument, found 2"},
    {"round($a, $b, 1)", "1: round() takes one or two arguments, found 3"},
    {"round($x, -1)", "1: round() takes a number and 0 to 15 decimals"},
    {"round($x, 16)", "1: round() takes a number and 0 to 15 decimals"},
    {"round($x, 0.5)", "1: round() takes a number and 0 to 15 decimals"},
    {"linspace($a, $b)", "1: linspace() takes two numbers and a count"},
    {"linspace($a, $b, $x)", "1: linspace() takes two numbers and a count"},
    {"linspace($a, $b, 0)", "1: linspace() cannot make 0 numbers"},
    {"cast($a)", "1: cast() takes a number and a type"},
    {"cast($a, 3)", "1: cast() takes a number and a type"},
    {"cast($a, 'f64')", "1: cast() knows f32, f16 and bf16, not 'f64'"},
    {"log2(-$a)", "1: log2() of -7"},
    {"exp(1000 * $a)", "1: the result is not a finite number"},
    {"int(1e300 * $x)", "1: the result is out of range"},
    {"$a % 0", "4: division by zero"},
    {"$x // 0", "4: division by zero"},
    {"$big * 2", "6: the result is out of range"},
    {"-$big - 1 - 1", "11: the result is out of range"},
    {"given(x)",
     "7: given() asks about an input of a block, and can only be used in one"},
};

const Case edges[] = {
    // Division rounds down, whatever the signs; the rest has the divisor's.
    {"$a // -$b", "-4"},
    {"-$a // -$b", "3"},
    {"$a % -$b", "-1"},
    {"-$x // 1", "-1.0"},
    {"$x % -2", "-1.5"},
    {"-$x % 2", "1.5"},
    {"$b ** 0", "1"},
    {"0 ** ($b - 2)", "1"},
    {"1 ** $big", "1"},
    {"$b ** 62", "4611686018427387904"},
    {"-$big - 1", "-9223372036854775808"},
    // Whole numbers are compared exactly, mixed ones as floats.
    {"$big == $big - 1", "false"},
    {"$a == 7.0 and $a <= 7.0 and not $a > 7.0", "true"},
    {"$w < 'halg' and $w >= 'half'", "true"},
    {"$n in [none, 1]", "true"},
    {"$a in []", "false"},
    // To even in the middle.
    {"round($x + 2.0)", "2"},
    {"round($x + 3.0)", "4"},
    {"round(-$x)", "0"},
    {"int(-$x * 3)", "-1"},
    {"ceil(-$x)", "0"},
    {"floor($a)", "7"},
    {"round($a, 2)", "7"},
    {"round(2.675 * $b / 2, 2)", "2.67"}, // less than it looks
    {"sum([]) + 0 * $a", "0"},
    {"sum([$x, $x])", "1.0"},
    {"len([]) + 0 * $a", "0"},
    {"max($x, $a)", "7"},
    {"min([$a])", "7"},
    {"linspace($a, $b, 1)", "[7.0]"},
    {"linspace(0, 1, 4)[3] + 0 * $a", "1.0"},
    {"each(i, 0, $i)", "[]"},
    {"each(i, 2, $list[$i] + $a)", "[8, 9]"},
    // The types of storage.
    {"cast(1.0 + 0.001 * $b, 'f16')", "1.001953125"},
    {"cast(65504.0 * $b / 2, 'float16')", "65504.0"},
    {"cast(3.0e-8 * $b, 'f16')", "5.960464477539063e-08"}, // the least
    {"cast(0.1 * $a, 'f32')", "0.699999988079071"},
    {"cast(257.0 + 0 * $a, 'bfloat16')", "256.0"},
    {"cast(259.0 + 0 * $a, 'bf16')", "260.0"},
};

INSTANTIATE_TEST_SUITE_P(Values, ExprTest, ::testing::ValuesIn(values));
INSTANTIATE_TEST_SUITE_P(Edges, ExprTest, ::testing::ValuesIn(edges));
INSTANTIATE_TEST_SUITE_P(Errors, ExprTest, ::testing::ValuesIn(errors));

TEST(Expr, NamesTheValuesInErrors) {
  Diagnostics diagnostics;
  Scalar scalar = parseScalar(scalarTree("$a / $b + $g.c / $b"), diagnostics);
  TableEnv env;
  EXPECT_FALSE(evaluate(scalar, env, diagnostics));
  ASSERT_EQ(diagnostics.all().at(0).notes.size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].notes[0], "with $a = 7, $b = 2, $g.c = 5");
}

TEST(Expr, RefusesDeepNesting) {
  EXPECT_EQ(run("$a + " + std::string(5000, '(') + "1"),
            "206: the expression is nested too deeply");
  EXPECT_EQ(run("$a + " + std::string(5000, '-') + "1").substr(0, 3), "205");
}

TEST(Expr, ExpandsNames) {
  Diagnostics diagnostics;
  TableEnv env;
  env.indices.emplace_back("i", Value(3));
  Template text =
      parseTemplate(scalarTree("blk.$i.${$a + $i}_${$w}.x"), diagnostics);
  EXPECT_EQ(expand(text, env, diagnostics), "blk.3.10_half.x");
  EXPECT_TRUE(diagnostics.ok());
  expand(parseTemplate(scalarTree("a.${$x}"), diagnostics), env, diagnostics);
  EXPECT_EQ(diagnostics.all().at(0).message,
            "a name can contain an int or a text, not 0.5");
}

TEST(Value, FloatsReadBackAsTheSameFloats) {
  for (double d :
       {1.0, 1e5, 500000.0, 1e-300, 0.1, -2.5e20, 9.999999747378752e-06}) {
    std::string text = print(Value(d));
    Diagnostics diagnostics;
    Scalar scalar = parseScalar(scalarTree(text), diagnostics);
    ASSERT_TRUE(scalar.literal.isFloat()) << text;
    EXPECT_EQ(scalar.literal.number(), d);
  }
}

} // namespace
