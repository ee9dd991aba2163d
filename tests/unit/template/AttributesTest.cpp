#include "tests/unit/template/Render.h"

namespace sluice::test {
namespace {

TEST(TemplateAttributes, DotsPreferMethodsAndBracketsItems) {
  expectValues({
      {"d.a, d['a'], d['items'], d.b.0, d.b[-1]", "(1, 1, 5, 1, 2)"},
      {"d.items() | list | length", "3"},
      {"'abc'['upper']()", "ABC"},
      {"m[0].role ~ m[1]['n'] ~ m[0].n", "user2"},
      {"s[6] ~ s[-1] ~ s[100]", "w🙂"},
  });
}

TEST(TemplateAttributes, WhatIsNotThereIsUndefined) {
  expectValues({
      {"n.x ~ i.x ~ l.x ~ l[9] ~ d.x ~ d[[]] ~ d[(l,)]", ""},
      {"d.x is defined", "False"},
  });
  expectErrors({
      {"a\n{{ d.x.y }}",
       "line 2, column 7: a value of type 'dict' has no attribute 'x'"},
      {"{{ undef.y }}", "column 9: 'undef' is undefined"},
      {"{{ undef['y'] }}", "'undef' is undefined"},
      {"{{ undef() }}", "'undef' is undefined"},
      {"{{ i() }}", "a value of type 'int' can't be called"},
  });
}

TEST(TemplateAttributes, NothingCanBeChanged) {
  expectTemplates({{"{{ l.append }}{{ d.update }}{{ l.__class__ }}", ""}});
  expectErrors({
      {"{{ l.append(1) }}", "the attribute 'append' of 'list' must not be"},
      {"{{ d.pop('a') }}", "the attribute 'pop' of 'dict' must not be used"},
      {"{{ s.__class__.__mro__.x }}", "must not be used"},
      {"{% set d.x = 1 %}", "only attributes of a namespace() can be set"},
  });
}

TEST(TemplateAttributes, MethodsOfContainers) {
  expectValues({
      {"d.get('a'), d.get('x'), d.get('x', 0)", "(1, None, 0)"},
      {"d.values() | list", "[1, [1, 2], 5]"},
      {"l.index(1), l.count(3), (1, 1).count(1)", "(1, 1, 2)"},
  });
}

} // namespace
} // namespace sluice::test
