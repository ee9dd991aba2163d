// Each rule of masks: the terms, what a state keeps, and what a kind of entry
// may see.
#include "tests/unit/spec/Fixture.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

struct Attention {
  std::string mask;
  std::string state{}; // keys of the cache, as ", keep: 4"
  std::string kind = "generate";
  bool cached = true;
  std::string inputs = "{ids: tokens}";
};

struct BoundMask : Bound {
  // As in "causal window 4 any(every(band 2 keys)) prefix".
  static std::string textOf(const Mask &mask) {
    std::string text;
    for (const MaskTerm &term : mask) {
      text += (text.empty() ? "" : " ") + term.kind;
      for (int64_t number : term.numbers)
        text += " " + std::to_string(number);
      if (!term.terms.empty())
        text += "(" + textOf(term.terms) + ")";
    }
    return text;
  }
  std::string mask() const {
    if (model)
      for (const Node &node : model->entries[0].nodes)
        if (const Operand *slot = node.slot("mask"))
          return textOf(*slot->get<Mask>());
    return {};
  }
};

BoundMask bound(const Attention &a) {
  Folder dir;
  dir.add("config.json", R"({"window": 4, "word": "x"})");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  std::string output = a.kind == "generate" ? "logits" : "rows";
  std::string text =
      "sluice: 1\nfamily: m\nconfig:\n"
      "  window: {type: int, hf: window}\n"
      "  none_at_all: none\n"
      "  word: {type: word, hf: word}\n"
      "weights: {table: {shape: [5, 4], hf: emb}}\n" +
      (a.cached
           ? "state:\n  kv: {cache: {k: [2, 2], v: [2, 2]}" + a.state + "}\n"
           : std::string()) +
      "entries:\n  " + a.kind + ":\n    inputs: " + a.inputs +
      "\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - h: {reshape: x, to: [2, 2]}\n" +
      (a.cached ? "      - kv: {append: kv, k: h, v: h}\n" : std::string()) +
      "      - h: {attention: h, " + (a.cached ? "kv: kv" : "k: h, v: h") +
      ", scale: 1.0, mask: " + a.mask +
      "}\n      - x: {reshape: h, to: [4]}\n    outputs: {" + output + ": x}\n";
  return {bindText(text, openCheckpoint(dir.path()))};
}

void expectMask(const Attention &a, const std::string &terms) {
  BoundMask found = bound(a);
  EXPECT_TRUE(found.model) << a.mask << "\n" << found.messages;
  EXPECT_EQ(found.mask(), terms) << a.mask;
}

void expectRefused(const Attention &a, const std::string &message) {
  BoundMask found = bound(a);
  EXPECT_FALSE(found.model) << a.mask;
  EXPECT_NE(found.messages.find("error: " + message), std::string::npos)
      << a.mask << "\n"
      << found.messages;
}

TEST(Masks, TermsAreWordsOrWordsWithANumber) {
  expectMask({"[causal]"}, "causal");
  expectMask({"[causal, {window: 3}]"}, "causal window 3");
  expectMask({"[{window: $window}]"}, "window 4");
  expectMask({"[{window: $window + 1}, {chunk: 2}]"}, "window 5 chunk 2");
  expectMask({.mask = "[all]", .kind = "encode", .cached = false}, "all");
  expectMask({.mask = "[{band: 2}]", .kind = "encode", .cached = false},
             "band 2");
}

TEST(Masks, LookAheadInAPrefixThatComesInOneStep) {
  std::string inputs = "{ids: tokens, m: prefix}\n    positions: "
                       "{kind: spans, begin: 2, anchors: [1, [3, 4]]}";
  expectMask({.mask = "[{any: [causal, {prefix: m}]}]", .inputs = inputs},
             "any(causal prefix)");
  expectRefused({.mask = "[{any: [causal, {prefix: ids}]}, {any: [causal, "
                         "{prefix: m}, all]}]",
                 .inputs = inputs},
                "the mask must be causal");
}

TEST(Masks, ATermOfNoneIsLeftOut) {
  expectMask({"[causal, {window: none}]"}, "causal");
  expectMask({"[causal, {window: $none_at_all}, {chunk: none}]"}, "causal");
  expectRefused({"[{window: none}, {chunk: $none_at_all}]"},
                "every term of the mask is none; `all` allows every key");
}

TEST(Masks, AreListsOfTerms) {
  expectRefused({"causal"}, "a mask is a list of terms");
  expectRefused({"{window: 4}"}, "a mask is a list of terms");
  expectRefused({"[]"},
                "a mask needs at least one term; `all` allows every key");
  expectRefused({"[[causal]]"}, "a mask term is a word or {word: argument}");
  expectRefused({"[{window: 4, chunk: 4}]"},
                "a mask term is a word or {word: argument}");
}

TEST(Masks, TakeTheArgumentsOfTheirTerms) {
  expectRefused({"[{causal: 4}]"}, "mask term 'causal' takes no argument");
  expectRefused({"[{all: none}]"}, "mask term 'all' takes no argument");
  for (const char *term : {"window", "band", "chunk"}) {
    expectRefused({std::string("[causal, ") + term + "]"},
                  std::string("mask term '") + term + "' needs an argument");
    for (const char *wrong : {"0", "-2", "1.0", "true", "$word"})
      expectRefused({std::string("[causal, {") + term + ": " + wrong + "}]"},
                    std::string("mask argument '") + term +
                        "' must be a positive int or none, found ");
  }
  expectRefused({"[causal, {window: h}]"},
                "mask term 'window' takes a number, not a value of the graph");
  expectRefused({"[{causel: 4}]"},
                "unknown mask term 'causel'; did you mean 'causal'?");
}

TEST(Masks, TellKeysByValuesOfRows) {
  for (const char *term : {"segments", "keys", "queries", "prefix", "from"}) {
    std::string named = std::string("{") + term + ": ids}";
    expectMask({.mask = "[" + named + "]", .kind = "encode", .cached = false},
               term);
    expectRefused({std::string("[causal, ") + term + "]"},
                  std::string("mask term '") + term + "' needs an argument");
    expectRefused({std::string("[causal, {") + term + ": 4}]"},
                  std::string("mask term '") + term +
                      "' takes a value of ints");
    expectRefused({std::string("[causal, {") + term + ": idz}]"},
                  "'idz' is used before it is bound; did you mean 'ids'?");
  }
}

// Which queries see nothing does not depend on how many tokens come in a step.
TEST(Masks, OfChosenQueriesAreForCachesToo) {
  expectMask({"[causal, {queries: ids}]"}, "causal queries");
  expectRefused({"[{queries: ids}]"}, "the mask must be causal");
}

TEST(Masks, BlocksHaveFourNumbers) {
  expectMask({"[causal, {blocks: {size: 4, local: 2, stride: 3, hop: 1}}]"},
             "causal blocks 4 2 3 1");
  expectMask({"[causal, {blocks: {size: $window, local: 2, stride: 3}}]"},
             "causal blocks 4 2 3 0");
  expectRefused({"[causal, {blocks: 4}]"},
                "mask term 'blocks' takes {size, local, stride, hop}");
  expectRefused({"[causal, {blocks: {size: 4, local: 0, stride: 3}}]"},
                "mask term 'blocks' needs 'local', an int of 1 or more, found "
                "0");
}

TEST(Masks, AnyIsOfTermsAndOfListsOfTerms) {
  expectMask({"[causal, {any: [{band: 2}, [{chunk: 3}, {window: 5}]]}]"},
             "causal any(band 2 every(chunk 3 window 5))");
  // A term of none is none of the alternatives.
  expectMask({"[causal, {any: [{window: none}, {band: 2}]}]"},
             "causal any(band 2)");
  expectMask({"[causal, {any: [{window: none}]}]"}, "causal");
  expectRefused({"[causal, {any: 4}]"},
                "mask term 'any' takes a list of terms");
}

// Of alternatives each must hold by itself.
TEST(Masks, AnyReachesAsFarAsItsTerms) {
  expectMask({"[{any: [causal, {window: 2}]}]"}, "any(causal window 2)");
  expectRefused({"[{any: [causal, {chunk: 4}]}]"}, "the mask must be causal");
  expectMask({"[{any: [[causal, {chunk: 4}], {window: 2}]}]", ", keep: 4"},
             "any(every(causal chunk 4) window 2)");
  expectRefused({"[causal, {any: [{window: 2}, {band: 2}]}]", ", keep: 4"},
                "the mask reaches beyond the 4 rows that state 'kv' keeps");
}

TEST(Masks, StayWithinTheRowsThatAStateKeeps) {
  const std::string keep = ", keep: 4";
  expectMask({"[{window: 4}]", keep}, "window 4");
  expectMask({"[{window: 3}]", keep}, "window 3");
  expectMask({"[causal, {chunk: 4}]", keep}, "causal chunk 4");
  std::string message = "the mask reaches beyond the 4 rows that state 'kv' "
                        "keeps; it needs {window: 4} or less";
  for (const char *mask : {"[causal]", "[{window: 5}]", "[causal, {chunk: 5}]",
                           "[causal, {band: 2}]"})
    expectRefused({mask, keep}, message);
}

TEST(Masks, StayWithinTheChunkAfterWhichAStateIsEmptied) {
  const std::string chunk = ", chunk: 4";
  expectMask({"[causal, {chunk: 4}]", chunk}, "causal chunk 4");
  expectMask({"[causal, {chunk: 2}]", chunk}, "causal chunk 2");
  std::string message = "the mask reaches beyond the chunk of 4 rows after "
                        "which state 'kv' is emptied; it needs {chunk: 4}";
  // A chunk of 3 ends inside of one of 4.
  for (const char *mask : {"[causal]", "[causal, {chunk: 3}]",
                           "[causal, {chunk: 8}]", "[{window: 1}]"})
    expectRefused({mask, chunk}, message);
}

TEST(Masks, OfGenerationAreCausal) {
  for (const char *mask :
       {"[causal]", "[{window: 4}]", "[causal, {band: 2}]", "[all, causal]"})
    EXPECT_TRUE(bound({mask}).model) << mask;
  for (const char *mask : {"[all]", "[{band: 2}]", "[{chunk: 4}]"})
    expectRefused({mask},
                  "the mask must be causal: a token of generation would "
                  "see later ones when they come in the same step");
}

TEST(Masks, OfOtherEntriesMaySeeAll) {
  for (const char *kind : {"encode", "embed", "classify", "fill"}) {
    BoundMask found = bound({.mask = "[all]", .kind = kind, .cached = false});
    // Some need outputs of other names; none refuses the mask.
    EXPECT_EQ(found.messages.find("mask"), std::string::npos)
        << kind << found.messages;
  }
  expectMask({.mask = "[{chunk: 4}]", .kind = "encode"}, "chunk 4");
}

TEST(Masks, OfGenerationNeedACache) {
  expectRefused({.mask = "[causal]", .cached = false},
                "in an entry of kind generate attention needs a cache: a step "
                "has some of the tokens only");
}

// An encoder writes a cache that a decoder reads: positions of one are not
// those of the other.
std::string crossed(const std::string &readMask,
                    const std::string &writeMask = "[all]") {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  sluice::checkpoint::Checkpoint ck = openCheckpoint(dir.path());
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpecText(
      "spec.yaml",
      "sluice: 1\nfamily: m\nweights: {table: {shape: [5, 4], hf: emb}}\n"
      "state:\n  kv: {cache: {k: [2, 2], v: [2, 2]}, once: true}\n"
      "entries:\n  source:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - h: {reshape: x, to: [2, 2]}\n"
      "      - kv: {append: kv, k: h, v: h}\n"
      "      - _: {attention: h, kv: kv, scale: 1.0, mask: " +
          writeMask +
          "}\n"
          "  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
          "      - x: {embedding: ids, w: table}\n"
          "      - h: {reshape: x, to: [2, 2]}\n"
          "      - kv: {cached: kv}\n"
          "      - h: {attention: h, kv: kv, scale: 1.0, mask: " +
          readMask +
          "}\n      - x: {reshape: h, to: [4]}\n    outputs: {rows: x}\n",
      diagnostics);
  if (parsed)
    bind(*parsed, ck, diagnostics);
  return diagnostics.print();
}

TEST(Masks, OfTheCacheOfAnotherEntryAllowAll) {
  EXPECT_EQ(crossed("[all]"), "");
  // The entry that writes it has positions of its own.
  EXPECT_EQ(crossed("[all]", "[causal]"), "");
  for (const char *mask : {"[causal]", "[all, causal]", "[{window: 4}]"})
    EXPECT_NE(crossed(mask).find("positions of state 'kv' are not those of "
                                 "this entry, so its mask must be [all]"),
              std::string::npos)
        << mask << crossed(mask);
}

} // namespace
