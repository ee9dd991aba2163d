// A family put over its base, key by key: the rules of compiler/spec/Extend.h
// on trees, which the reader takes as if one file had said all of it.
#include "compiler/spec/Extend.h"

#include <gtest/gtest.h>

using namespace sluice::spec;

namespace {

// On one line, as in {a: [1, 2], b: x}.
std::string flow(const Tree &tree) {
  if (tree.isScalar())
    return tree.quoted ? "'" + tree.text + "'" : tree.text;
  std::string text;
  for (size_t i = 0; i < tree.items.size(); ++i)
    text += (i ? ", " : "") + (tree.isMap() ? tree.keys[i].text + ": " : "") +
            flow(tree.items[i]);
  return tree.isMap() ? "{" + text + "}" : "[" + text + "]";
}

Tree read(const std::string &file, const std::string &text) {
  Diagnostics diagnostics;
  std::optional<Tree> tree = readTree(file, text, diagnostics);
  EXPECT_TRUE(tree) << diagnostics.print();
  return tree ? std::move(*tree) : Tree();
}

struct Extended {
  Tree tree;
  std::string messages;
};

Extended extended(const std::string &base, const std::string &own) {
  Diagnostics diagnostics;
  Extended out{read("base.yaml", base), {}};
  extend(out.tree, read("own.yaml", own), diagnostics);
  out.messages = diagnostics.print();
  return out;
}

struct Case {
  const char *name, *base, *own, *expected;
};

void PrintTo(const Case &one, std::ostream *out) { *out << one.name; }

class Extend : public ::testing::TestWithParam<Case> {};

TEST_P(Extend, GivesOneSpec) {
  Extended found = extended(GetParam().base, GetParam().own);
  EXPECT_EQ(found.messages, "");
  EXPECT_EQ(flow(found.tree), GetParam().expected);
}

const Case cases[] = {
    {"NewKeysStandBehindThoseOfTheBase", "{sluice: 1, config: {a: 1}}",
     "{doc: x, config: {b: 2}}", "{sluice: 1, config: {a: 1, b: 2}, doc: x}"},
    {"AWordTakesThePlaceOfAWord", "{config: {a: 1, b: 2}}", "{config: {b: 3}}",
     "{config: {a: 1, b: 3}}"},
    {"AMappingIsPutOverAMapping", "{config: {n: {type: int, default: 3}}}",
     "{config: {n: {default: 4}}}", "{config: {n: {type: int, default: 4}}}"},
    {"AMappingTakesThePlaceOfAWord", "{config: {n: 3}}",
     "{config: {n: {type: int}}}", "{config: {n: {type: int}}}"},
    {"AWordTakesThePlaceOfAMapping", "{config: {n: {type: int}}}",
     "{config: {n: 3}}", "{config: {n: 3}}"},
    {"NoneOfAParameterIsAValue", "{config: {n: {type: int}}}",
     "{config: {n: none}}", "{config: {n: none}}"},
    {"SourcesAreReplacedWhole",
     "{config: {n: {hf: [a, b], values: {x: 1, y: 2}}}}",
     "{config: {n: {hf: c, values: {z: 3}}}}",
     "{config: {n: {hf: c, values: {z: 3}}}}"},
    {"DefaultsByFormatAreReplacedWhole",
     "{config: {n: {default: {hf: 1, gguf: 2}}}}",
     "{config: {n: {default: {hf: 3}}}}", "{config: {n: {default: {hf: 3}}}}"},
    {"ChecksGrow", "{check: [{that: a}]}", "{check: [{that: b}]}",
     "{check: [{that: a}, {that: b}]}"},
    {"WordsGrow", "{words: [a]}", "{words: [b, c]}", "{words: [a, b, c]}"},
    {"InertKeysOfAFormatGrow", "{inert: {hf: [a], gguf: [b]}}",
     "{inert: {hf: [c]}}", "{inert: {hf: [a, c], gguf: [b]}}"},
    {"IgnoredNamesOfAFormatGrow", "{ignore: {hf: [a]}}",
     "{ignore: {hf: [b], raw: [c]}}", "{ignore: {hf: [a, b], raw: [c]}}"},
    {"OtherListsAreReplaced", "{weights: {w: {shape: [1, 2], hf: w}}}",
     "{weights: {w: {shape: [3]}}}", "{weights: {w: {shape: [3], hf: w}}}"},
    {"NodesOfABlockAreReplaced",
     "{blocks: {b: {inputs: [x], nodes: [{x: {neg: x}}]}}}",
     "{blocks: {b: {nodes: [{x: {exp: x}}]}}}",
     "{blocks: {b: {inputs: [x], nodes: [{x: {exp: x}}]}}}"},
    {"NoneTakesAWeightAway", "{weights: {a: {shape: [1]}, b: {shape: [2]}}}",
     "{weights: {a: none}}", "{weights: {b: {shape: [2]}}}"},
    {"NoneTakesAWayInAGroup",
     "{weights: {g: {a: {shape: [1]}, b: {shape: [2]}}}}",
     "{weights: {g: {b: none}}}", "{weights: {g: {a: {shape: [1]}}}}"},
    {"NoneTakesAKeyOfAWeightAway", "{weights: {a: {shape: [1], bias: true}}}",
     "{weights: {a: {bias: none}}}", "{weights: {a: {shape: [1]}}}"},
    {"NoneTakesStatesBlocksEntriesAndLibrariesAway",
     "{use: {l: f}, state: {s: {fixed: [1]}}, blocks: {b: {nodes: []}}, "
     "entries: {e: {nodes: []}}}",
     "{use: {l: none}, state: {s: none}, blocks: {b: none}, entries: {e: "
     "none}}",
     "{use: {}, state: {}, blocks: {}, entries: {}}"},
    {"AQuotedNoneIsAWord", "{weights: {a: {shape: [1]}}}",
     "{weights: {a: 'none'}}", "{weights: {a: 'none'}}"},
    {"AFusedWeightTakesItsPartsAway",
     "{weights: {g: {q: {shape: [1]}, k: {shape: [2]}, o: {shape: [3]}}}}",
     "{weights: {g: {qk: {holds: [{q: 1}, {k: 2}], cols: 4}}}}",
     "{weights: {g: {o: {shape: [3]}, qk: {holds: [{q: 1}, {k: 2}], cols: "
     "4}}}}"},
    {"AFusedWeightMayBeCalledAsOneOfItsParts",
     "{weights: {q: {shape: [1], hf: q}, k: {shape: [2]}}}",
     "{weights: {q: {holds: [{q: 1}, {k: 2}], cols: 4}}}",
     "{weights: {q: {holds: [{q: 1}, {k: 2}], cols: 4}}}"},
    {"AWeightOfItsOwnIsNotTheFusedOne",
     "{weights: {qk: {holds: [{q: 1}], cols: 4, hf: qk}}}",
     "{weights: {qk: {shape: [1, 4]}}}", "{weights: {qk: {shape: [1, 4]}}}"},
    {"TiesAreReplacedWhole",
     "{weights: {head: {shape: [1], absent: {use: embed, when: a}}}}",
     "{weights: {head: {absent: {use: other}}}}",
     "{weights: {head: {shape: [1], absent: {use: other}}}}"},
    {"IndicesAreReplacedWhole",
     "{weights: {g: {each: {i: 2}, w: {shape: [1]}}}}",
     "{weights: {g: {each: {j: 3}}}}",
     "{weights: {g: {each: {j: 3}, w: {shape: [1]}}}}"},
    {"PrefixesOfFormatsAreReplaced",
     "{weights: {g: {prefix: {hf: a., gguf: b.}}}}",
     "{weights: {g: {prefix: {hf: c.}}}}",
     "{weights: {g: {prefix: {hf: c., gguf: b.}}}}"},
    {"MatchIsPutOverMatch", "{match: {hf: {architectures: [A]}}}",
     "{match: {hf: {architectures: [B]}}}",
     "{match: {hf: {architectures: [B]}}}"},
};
INSTANTIATE_TEST_SUITE_P(Rules, Extend, ::testing::ValuesIn(cases),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST(ExtendErrors, WhatIsNotThereCannotBeTakenAway) {
  Extended found =
      extended("{weights: {gate: {shape: [1]}}}", "weights:\n  gaet: none\n");
  EXPECT_NE(found.messages.find("own.yaml:2:3: error: the base has no 'gaet' "
                                "to take away; did you mean 'gate'?"),
            std::string::npos)
      << found.messages;
  found = extended("{weights: {g: {w: {shape: [1]}}}}",
                   "weights:\n  g:\n    v: none\n");
  EXPECT_NE(found.messages.find("own.yaml:3:5: error: the base has no 'v'"),
            std::string::npos)
      << found.messages;
}

// A section that the base has not got is new as it stands.
TEST(ExtendErrors, NoneInASectionOfItsOwnIsNoRemoval) {
  Extended found = extended("{sluice: 1}", "{weights: {w: none}}");
  EXPECT_EQ(found.messages, "");
  EXPECT_EQ(flow(found.tree), "{sluice: 1, weights: {w: none}}");
}

TEST(ExtendPlaces, AreThoseOfTheFileThatSaysIt) {
  Extended found = extended("config:\n  a: {type: int, hf: a}\n  b: 2\n",
                            "config:\n  b: 3\n  a: {hf: c}\n");
  const Tree &config = *found.tree.find("config");
  EXPECT_EQ(config.keys[0].text, "a");
  EXPECT_EQ(config.keys[0].location.file, "own.yaml");
  EXPECT_EQ(config.keys[0].location.line, 3);
  EXPECT_EQ(config.items[0].find("type")->location.file, "base.yaml");
  EXPECT_EQ(config.items[0].find("hf")->location.file, "own.yaml");
  EXPECT_EQ(config.items[1].location.line, 2);
}

} // namespace
