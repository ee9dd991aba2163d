#include "compiler/spec/Tree.h"
#include "compiler/spec/Names.h"

#include <gtest/gtest.h>

using namespace sluice::spec;

namespace {

std::string firstError(const std::string &text) {
  Diagnostics diagnostics;
  readTree("f", text, diagnostics);
  if (diagnostics.ok())
    return "";
  const Diagnostic &d = diagnostics.all()[0];
  return std::to_string(d.location.line) + ":" +
         std::to_string(d.location.column) + ": " + d.message;
}

TEST(Tree, KnowsThePlaceOfEveryScalar) {
  Diagnostics diagnostics;
  std::optional<Tree> tree = readTree(
      "f",
      "a: 1\nb:\n  - x\n  - {k: 'quoted', l: >-\n      folded\n      text}\n",
      diagnostics);
  // A folded scalar inside a flow mapping is not YAML.
  EXPECT_FALSE(tree);
  Diagnostics fine;
  tree = readTree("f", "a: 1\nb:\n  - x\n  - {k: 'q'}\nc: >-\n  two\n  lines\n",
                  fine);
  ASSERT_TRUE(tree) << fine.print();
  const Tree &item = tree->find("b")->items[1];
  EXPECT_EQ(item.find("k")->location, (Location{"f", 4, 9}));
  EXPECT_TRUE(item.find("k")->quoted);
  EXPECT_EQ(item.find("k")->textColumn, 10); // behind the quote
  EXPECT_EQ(tree->find("c")->text, "two lines");
  EXPECT_EQ(tree->find("c")->textColumn, 0); // not on one line
}

TEST(Tree, Refuses) {
  EXPECT_EQ(firstError("a: 1\nb: 2\na: 3\n"), "3:1: duplicate key 'a'");
  EXPECT_EQ(firstError("a: &x 1\n"), "1:4: anchors ('&name') are not allowed");
  EXPECT_EQ(firstError("a: &x 1\nb: *x\n").substr(0, 4), "1:4:");
  EXPECT_EQ(firstError("a: !!str 1\n"),
            "1:4: tags ('tag:yaml.org,2002:str') are not allowed");
  EXPECT_EQ(firstError("<<: {a: 1}\n"),
            "1:1: merge keys ('<<') are not allowed");
  EXPECT_EQ(firstError("on: 1\n"),
            "1:1: 'on' is a boolean in YAML 1.1 and cannot be a name");
  EXPECT_EQ(firstError("a:\n\tb: 1\n"),
            "2:1: a tab in the indentation; use spaces");
  EXPECT_EQ(firstError("a: 1\n---\nb: 2\n"),
            "0:0: a spec is one YAML document, not several");
  EXPECT_EQ(firstError(""), "0:0: the file is empty");
  EXPECT_NE(firstError("a: [1, 2\n"), "");
  EXPECT_EQ(firstError("'on': 1\n"), ""); // quoted, so no boolean
}

TEST(Diagnostics, ShowsTheLineAndACaret) {
  Diagnostics diagnostics;
  readTree("f.yaml", "a: 1\nb: {c: 2, c: 3}\n", diagnostics);
  EXPECT_EQ(diagnostics.print(), "f.yaml:2:11: error: duplicate key 'c'\n"
                                 "b: {c: 2, c: 3}\n"
                                 "          ^\n"
                                 "  first used at f.yaml:2:5\n");
}

TEST(Diagnostics, KeepsTwentyErrors) {
  Diagnostics diagnostics;
  for (int i = 0; i < 25; ++i)
    diagnostics.error({"f", i + 1, 1}, "wrong");
  EXPECT_EQ(diagnostics.all().size(), 20u);
  EXPECT_TRUE(diagnostics.print().ends_with("... and 5 more errors\n"));
}

TEST(Diagnostics, CountsErrorsThatDifferInNumbers) {
  Diagnostics diagnostics;
  for (int layer = 0; layer < 30; ++layer)
    diagnostics.error({"f", 3, 1}, "no tensor layers." + std::to_string(layer));
  diagnostics.error({"f", 4, 1}, "no tensor layers.0");
  EXPECT_EQ(diagnostics.errorCount(), 31);
  EXPECT_EQ(diagnostics.print(), "f:3:1: error: no tensor layers.0\n"
                                 "  and 29 more like this\n"
                                 "f:4:1: error: no tensor layers.0\n");
}

TEST(Names, Patterns) {
  EXPECT_TRUE(matchesPattern("a.*.c", "a.b.c"));
  EXPECT_FALSE(matchesPattern("a.*.c", "a.b.b.c"));
  EXPECT_TRUE(matchesPattern("a.**.c", "a.b.b.c"));
  EXPECT_TRUE(matchesPattern("**.inv_freq", "x.0.rotary.inv_freq"));
  EXPECT_FALSE(matchesPattern("**.inv_freq", "x.inv_freqs"));
  EXPECT_TRUE(matchesPattern("mtp.**", "mtp.layers.0.w"));
  EXPECT_TRUE(matchesPattern("a*c", "abbc"));
  EXPECT_FALSE(matchesPattern("a*c", "ab.c"));
  EXPECT_TRUE(matchesPattern("**", ""));
  EXPECT_FALSE(matchesPattern("a", ""));
  // Many stars on a long name end in reasonable time.
  EXPECT_FALSE(
      matchesPattern("**a**a**a**a**a**a**a**b", std::string(3000, 'a')));
}

TEST(Names, Suggestions) {
  EXPECT_EQ(suggest("epss", {"eps", "w", "when"}),
            "; did you mean 'eps'? (valid: eps, w, when)");
  EXPECT_EQ(suggest("zzzzzz", {"eps", "w"}), "; valid: eps, w");
  EXPECT_EQ(suggest("x", {}), "");
}

} // namespace
