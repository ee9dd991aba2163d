// What the graph refuses once all is bound: the message and the place to which
// it points.
#include "tests/unit/spec/Tiny.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

class GraphErrors : public ::testing::TestWithParam<Mistake> {};

TEST_P(GraphErrors, AreRefusedWhereTheyStand) { expectSaid(GetParam()); }

std::string nameOf(const ::testing::TestParamInfo<Mistake> &info) {
  return info.param.name;
}

const Mistake operands[] = {
    {"WeightAsNumber", "w: norm, eps", "w: <!>3, eps",
     "'w' of rms_norm must name a weight"},
    {"StateAsNumber", "append: kv", "append: <!>3",
     "'state' of append must name a state"},
    {"ListAsNumber", "- x: {add: [x, m]}",
     "- x: {add: [x, m]}\n      - _: {add: <!>3.0}",
     "'x' of add must be a list of values"},
    {"EmptyList", "- x: {add: [x, m]}",
     "- x: {add: [x, m]}\n      - _: {add: <!>[]}",
     "'x' of add must be a list of values"},
    {"TextAsValue", "[x, m]", "[x, m, <!>$act]",
     "expected a value of the graph, w.name or a number, found 'gelu_erf'"},
    {"WordAsNumber", "scale: 1.0", "scale: <!>$act",
     "'scale' of attention must be a number, found 'gelu_erf'"},
    {"NumberAsInts", "to: [$hidden]}", "to: <!>$hidden}",
     "'to' of reshape must be a list of ints, found 8"},
    {"NumberAsWord", "fn: $fn, when", "fn: <!>$eps, when",
     "'fn' of act must be a word, found 1e-05"},
    {"IdentityOfANumber", "{block: mlp, h: a, fn: $act}",
     "{block: mlp, h: a, fn: $act}\n      - n: {<!>identity: 3.0}\n      - m: "
     "{add: [m, n]}",
     "identity needs a value"},
};
INSTANTIATE_TEST_SUITE_P(Operands, GraphErrors, ::testing::ValuesIn(operands),
                         nameOf);

const Mistake calls[] = {
    {"InputAsNumber", "{block: mlp, h: a, fn: $act}",
     "{block: mlp, h: <!>1.0, fn: $act}\n      - m: {add: [m, a]}",
     "input 'h' of block 'mlp' must be a value of the graph"},
    {"MatchOfAConfig", "block: mlp",
     "block: {match: <!>$act, gelu: mlp, silu: mlp}",
     "no block is given for 'gelu_erf'"},
    {"TooFewResults", "- m: {block: mlp", "- <!>m, _: {block: mlp",
     "block 'mlp' returns 1 value, but 2 are named"},
    {"RepeatResults", "- x: {repeat: layers", "- <!>x, _: {repeat: layers",
     "block 'layer' returns 1 value, but 2 are named"},
    {"InOfAGroup", "- logits: {linear: x, w: head}",
     "- _: {block: mlp, in: <!>layers, h: x, fn: $act}\n"
     "      - logits: {linear: x, w: head}",
     "group 'layers' has instances; write which one, or use `repeat`"},
    {"InOfABadIndex", "{linear: x, w: head}",
     "{block: mlp, in: <!>\"layers[-1]\", h: x, fn: $act}",
     "malformed index in 'layers[-1]'"},
    {"InOfAWord", "{linear: x, w: head}",
     "{block: mlp, in: <!>\"layers[one]\", h: x, fn: $act}",
     "malformed index in 'layers[one]'"},
    {"InWithoutAnOpeningBracket", "{linear: x, w: head}",
     "{block: mlp, in: <!>\"layers0]\", h: x, fn: $act}",
     "malformed group 'layers0]'"},
    {"InBehindTheEnd", "{linear: x, w: head}",
     "{block: mlp, in: <!>\"layers[2]\", h: x, fn: $act}",
     "group 'layers' has 2 instances"},
    {"InOfNothing", "{linear: x, w: head}",
     "{block: mlp, in: <!>layer, h: x, fn: $act}",
     "unknown group 'layer'; did you mean 'layers'?"},
};
INSTANTIATE_TEST_SUITE_P(Calls, GraphErrors, ::testing::ValuesIn(calls),
                         nameOf);

// None of the weights has experts, so each of these must stop earlier.
const Mistake experts[] = {
    {"ExpertsWithoutAt", "{block: mlp, h: a, fn: $act}",
     "{<!>block: mlp, experts: a, fn: $act}",
     "experts needs `at`: the chosen ones"},
    {"ExpertsOfANumber", "{block: mlp, h: a, fn: $act}",
     "{block: mlp, experts: <!>1.0, at: a, fn: $act}",
     "'x' of experts must be a value of the graph"},
    {"ExpertsAtANumber", "{block: mlp, h: a, fn: $act}",
     "{block: mlp, experts: a, at: <!>1, fn: $act}",
     "'at' of experts must be a value of the graph"},
    {"ExpertsOfAnUnknownValue", "{block: mlp, h: a, fn: $act}",
     "{block: mlp, experts: a, at: <!>idx, fn: $act}",
     "'idx' is used before it is bound"},
    {"ExpertsOfTwoInputs", "inputs: [h]\n    returns: [y]\n    nodes:\n",
     "inputs: [h, g2]\n    returns: [y]\n    nodes:\n      - h: {add: [h, "
     "g2]}\n",
     "block 'mlp' needs the input 'g2'"},
};
INSTANTIATE_TEST_SUITE_P(Experts, GraphErrors, ::testing::ValuesIn(experts),
                         nameOf);

TEST(GraphCalls, AnArgumentForAWeightNamesOne) {
  std::string text =
      replaced(tiny, "  mlp:\n", "  mlp:\n    weights: [up, gate, down]\n");
  expectSaid({"", "h: a, fn: $act}", "h: a, up: <!>3, fn: $act}",
              "'up' must name a weight"},
             config, tensors(), text);
}

TEST(GraphCalls, ABlockWithoutResultsIsCalledForNone) {
  std::string text = replaced(tiny, "    returns: [y]\n", "");
  text =
      replaced(text, "- y: {linear: u, w: down}", "- _: {linear: u, w: down}");
  expectSaid({"", "- m: {block", "- <!>m: {block",
              "block 'mlp' returns 0 values, but 1 are named; write _ for "
              "none"},
             config, tensors(), text);
}

TEST(GraphCalls, ABlockOfExpertsHasOneInput) {
  std::string text =
      replaced(tiny, "inputs: [h]\n    returns: [y]\n    nodes:\n",
               "inputs: [h, {z: none}]\n    returns: [y]\n    nodes:\n"
               "      - h: {add: [h, z], when: given(z)}\n");
  expectSaid({"", "{block: mlp, h: a, fn: $act}",
              "{<!>block: mlp, experts: a, at: q, fn: $act}",
              "a block of experts has one input and one result"},
             config, tensors(), text);
}

TEST(GraphCalls, BlocksOfOneRepeatReturnTheSame) {
  std::string text = replaced(
      tiny, "  layer:\n    inputs: [x]\n",
      "  other:\n    inputs: [x]\n    nodes:\n      - _: {linear: x, w: up}\n"
      "  layer:\n    inputs: [x]\n");
  text = replaced(text, "default: \"each(i, $depth, 'wide')\"",
                  "default: [wide, thin]");
  expectSaid({"", "- x: {repeat: layers, block: layer, x: x}",
              "- x: {repeat: layers, block: {match: \"$kinds[$i]\", wide: "
              "layer, thin: other}, x: x}",
              "block 'layer' returns 0 values, but 1 are named"},
             config, tensors(), text);
}

// With a state written once by a source.
TEST(GraphStates, AreReadOnlyWhereTheyAreWritten) {
  std::string once =
      replaced(tiny, "v: [$heads, $dim]}}", "v: [$heads, $dim]}, once: true}");
  expectSaid({"", "append: kv", "append: kv",
              "state 'layers[0].kv' is written once, by an entry of kind "
              "source, not by 'generate'"},
             config, tensors(), once);
  std::string read = replaced(once, "- kv: {append: kv, k: k, v: v}",
                              "- _: {add: [k, v]}\n      - kv: {cached: kv}");
  read = replaced(read, "mask: [causal]", "mask: [all]");
  expectSaid({"", "cached: kv", "cached: kv",
              "state 'layers[0].kv' is read but no entry writes it"},
             config, tensors(), read);
}

} // namespace
