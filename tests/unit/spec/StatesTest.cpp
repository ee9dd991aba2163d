// States as they are bound: their shapes, limits, conditions and instances.
#include "tests/unit/spec/Fixture.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

using Shape = std::vector<int64_t>;

struct BoundStates : Bound {
  const State *state(const std::string &path, int64_t index = -1) const {
    return model ? model->state({path, index}) : nullptr;
  }
};

// A spec of these states. An entry that its config leaves out could use any of
// them, but only those that `nodes` or the nodes of a layer use are kept.
struct Uses {
  std::string nodes{}, layer{}, blocks{};
};

BoundStates bound(const std::string &states, const Uses &uses = {},
                  const std::string &configText = "{}") {
  Folder dir;
  dir.add("config.json", configText);
  dir.writeTensors(
      "model.safetensors",
      {{"emb", {5, 4}}, {"taps", {4, 2}}, {"l.0", {4}}, {"l.1", {4}}});
  std::string text =
      "sluice: 1\nfamily: s\nconfig:\n"
      "  n: {type: int, hf: n, default: 3}\n"
      "  nothing: none\n  word: text\n"
      "weights:\n  table: {shape: [5, 4], hf: emb}\n"
      "  taps: {shape: [4, 2], hf: taps}\n"
      "  layers:\n    each: {i: 2}\n    w: {shape: [4], hf: l.$i}\n"
      "state:\n" +
      states + "blocks:\n" + uses.blocks +
      "  b:\n    params: {odd: bool}\n    inputs: [x]\n    returns: [x]\n"
      "    nodes:\n      - x: {mul: [x, w.w], when: $odd or not $odd}\n" +
      uses.layer +
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - h: {reshape: x, to: [2, 2]}\n"
      "      - x: {reshape: h, to: [4]}\n" +
      uses.nodes +
      "      - x: {repeat: layers, block: b, x: x, odd: $i % 2 == 1}\n"
      "    outputs: {rows: x}\n"
      "  embed:\n    when: $n == 99\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - x: {pool_rows: x, by: mean}\n    outputs: {vector: x}\n";
  return {bindText(text, openCheckpoint(dir.path()))};
}

std::string conv(const std::string &state, const std::string &more = "") {
  return "      - x: {causal_conv: x, w: taps, state: " + state + more + "}\n";
}

void expectRefused(const std::string &states, const std::string &message) {
  BoundStates found = bound(states);
  EXPECT_FALSE(found.model) << states;
  EXPECT_NE(found.messages.find(message), std::string::npos)
      << states << found.messages;
}

TEST(States, ACacheHasKeysAndValuesWhateverTheirOrder) {
  BoundStates found = bound("  kv: {cache: {v: [$n, 5], k: [$n, $n + 1]}}\n",
                            {"      - _: {append: kv, k: h, v: h}\n"});
  const State *state = found.state("kv");
  ASSERT_TRUE(state) << found.messages;
  ASSERT_EQ(state->fields.size(), 2u);
  EXPECT_EQ(state->fields[0], (std::pair<std::string, Shape>{"k", {3, 4}}));
  EXPECT_EQ(state->fields[1], (std::pair<std::string, Shape>{"v", {3, 5}}));
  EXPECT_FALSE(state->once);
  EXPECT_FALSE(state->fixed);
}

TEST(States, ACacheMayHaveKeysAlone) {
  BoundStates found = bound("  kv: {cache: {k: [1, 7]}}\n"
                            "  odd: {cache: {k: [2, 2]}}\n",
                            {"      - _: {append: odd, k: h}\n"});
  const State *state = found.state("odd");
  ASSERT_TRUE(state) << found.messages;
  ASSERT_EQ(state->fields.size(), 1u);
  EXPECT_EQ(state->fields[0], (std::pair<std::string, Shape>{"k", {2, 2}}));
  expectRefused("  kv: {cache: {v: [1, 7]}}\n",
                "without v if the values are channels of the keys");
}

TEST(States, AFixedOneHasAShapeAndAValueToBeginWith) {
  BoundStates found =
      bound("  a: {fixed: [$n, 2]}\n  b: {fixed: [7], init: -1}\n"
            "  c: {fixed: [1, 2, 3], init: $n / 2.0}\n",
            {conv("a") + conv("b") + conv("c")});
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_TRUE(found.state("a")->fixed);
  EXPECT_EQ(found.state("a")->fields[0],
            (std::pair<std::string, Shape>{"value", {3, 2}}));
  EXPECT_EQ(found.state("a")->init, 0);
  EXPECT_EQ(found.state("b")->init, -1);
  EXPECT_EQ(found.state("c")->init, 1.5);
}

TEST(States, AFixedOneMayBeginWithAWeight) {
  BoundStates found = bound("  a: {fixed: [4, 2], init: w.taps}\n"
                            "  layers:\n    each: {i: 2}\n"
                            "    b: {fixed: [4], init: w.w}\n",
                            {conv("a"), conv("b")});
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.state("a")->start, (WeightRef{"taps", -1}));
  EXPECT_EQ(found.state("layers.b", 1)->start, (WeightRef{"layers.w", 1}));
  expectRefused("  a: {fixed: [4], init: w.taps}\n",
                "spec.yaml:14:25: error: the state has the shape [4], the "
                "weight that it begins with has [4, 2]");
  expectRefused("  a: {fixed: [4, 2], init: w.tap}\n",
                "unknown weight 'tap'; did you mean 'taps'?");
}

TEST(States, LimitsArePositiveOrNone) {
  const std::string cache = "  kv: {cache: {k: [1, 4], v: [1, 4]}, ";
  const Uses appended = {"      - _: {append: kv, k: h, v: h}\n"};
  BoundStates found = bound(cache + "keep: $n, chunk: $n * 2}\n", appended);
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.state("kv")->keep, 3);
  EXPECT_EQ(found.state("kv")->chunk, 6);
  found = bound(cache + "keep: none, chunk: $nothing}\n", appended);
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.state("kv")->keep, 0);
  EXPECT_EQ(found.state("kv")->chunk, 0);
  for (const char *limit : {"keep", "chunk"})
    for (const auto &[value, shown] : {std::pair("0", "0"),
                                       {"-3", "-3"},
                                       {"1.5", "1.5"},
                                       {"$word", "'text'"}})
      expectRefused(cache + limit + ": " + value + "}\n",
                    std::string("expected a positive int or none, found ") +
                        shown);
}

TEST(States, InitIsANumber) {
  for (const auto &[value, shown] :
       {std::pair("true", "true"), {"none", "none"}, {"$word", "'text'"}})
    expectRefused(std::string("  a: {fixed: [4], init: ") + value + "}\n",
                  std::string("expected a number, found ") + shown);
}

TEST(States, SizesArePositive) {
  expectRefused("  a: {fixed: [4, 0]}\n", "a size cannot be 0");
  expectRefused("  a: {fixed: [$n - 4]}\n", "a size cannot be -1");
  expectRefused("  kv: {cache: {k: [1, 0], v: [1, 4]}}\n",
                "spec.yaml:14:23: error: a size cannot be 0");
  expectRefused("  kv: {cache: {k: [1, 4], v: [1, $word]}}\n",
                "expected an int, found 'text'");
}

TEST(States, ACacheHasAsManyHeadsOfKeysAsOfValues) {
  expectRefused("  kv: {cache: {k: [2, 4], v: [3, 4]}}\n",
                "spec.yaml:14:3: error: a cache has as many heads of keys as "
                "of values, found [2, 4] and [3, 4]");
}

TEST(States, AFalseConditionLeavesAStateOrAGroupOut) {
  const std::string states = "  a: {fixed: [4], when: $n == 3}\n"
                             "  g:\n    when: $n > 3\n    b: {fixed: [4]}\n";
  const Uses uses = {conv("a", ", when: $n == 3") +
                     conv("g.b", ", when: $n > 3")};
  BoundStates found = bound(states, uses);
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_TRUE(found.state("a"));
  EXPECT_FALSE(found.state("g.b"));
  found = bound(states, uses, R"({"n": 4})");
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_FALSE(found.state("a"));
  EXPECT_TRUE(found.state("g.b"));
}

TEST(States, AGroupHasAnInstanceForEachIndex) {
  BoundStates found = bound("  layers:\n    each: {i: 2}\n"
                            "    a: {fixed: [$i + 1]}\n"
                            "    odd: {fixed: [4], when: $i % 2 == 1}\n",
                            {.layer = conv("a") + conv("odd", ", when: $odd")});
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.state("layers.a", 0)->fields[0].second, (Shape{1}));
  EXPECT_EQ(found.state("layers.a", 1)->fields[0].second, (Shape{2}));
  EXPECT_FALSE(found.state("layers.a", 2));
  EXPECT_FALSE(found.state("layers.odd", 0));
  EXPECT_TRUE(found.state("layers.odd", 1));
}

// Only one index is kept apart; an inner one becomes part of the path.
TEST(States, AGroupWithinAGroupIsNumberedInItsPath) {
  auto found =
      bound("  layers:\n    each: {i: 2}\n    inner:\n"
            "      each: {j: 3}\n"
            "      a: {fixed: [10 * $i + $j + 1]}\n",
            {.layer = "      - x: {block: deep, in: \"inner[2]\", x: x}\n",
             .blocks = "  deep:\n    inputs: [x]\n    returns: [x]\n"
                       "    nodes:\n" +
                       conv("a")});
  ASSERT_TRUE(found.model) << found.messages;
  const State *state = found.state("layers.inner[2].a", 1);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->fields[0].second, (Shape{13}));
}

TEST(States, AGroupHasTheInstancesOfTheGroupOfWeights) {
  expectRefused("  layers:\n    each: {i: 3}\n    a: {fixed: [4]}\n",
                "spec.yaml:14:3: error: group 'layers' of states has 3 "
                "instances, the group of weights has 2");
  EXPECT_TRUE(
      bound("  others:\n    each: {i: 3}\n    a: {fixed: [4]}\n").model);
}

TEST(States, AGroupHasAtLeastOneInstance) {
  for (const char *count : {"0", "$n - 4"})
    expectRefused(
        std::string("  g:\n    each: {i: ") + count +
            "}\n    a: {fixed: [4]}\n",
        std::string("spec.yaml:15:11: error: group 'g' cannot have ") +
            (*count == '0' ? "0" : "-1") + " instances");
}

} // namespace
