// Specs with one mistake each, and what the reader says about it.
#include "tests/unit/spec/Tiny.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

TEST(Broken, TheBaseIsNot) { EXPECT_EQ(messages(tiny, config, tensors()), ""); }

struct Case {
  const char *name, *from, *to, *message;
};

class BrokenSpec : public ::testing::TestWithParam<Case> {};

TEST_P(BrokenSpec, Says) {
  std::string text = replaced(tiny, GetParam().from, GetParam().to);
  EXPECT_NE(messages(text, config, tensors()).find(GetParam().message),
            std::string::npos)
      << messages(text, config, tensors());
}

const Case specs[] = {
    // Stage 1: keys.
    {"Version", "sluice: 1", "sluice: 2",
     "tiny.yaml:1:9: error: this reader knows language version 1, not '2'"},
    {"UnknownKey", "state:\n", "states:\n",
     "unknown key 'states' of the spec; did you mean 'state'?"},
    {"ParameterKey", "eps, default", "eps, defalt",
     "unknown key 'defalt' of parameter 'eps'; did you mean 'default'?"},
    {"Type", "type: float", "type: flot",
     "unknown type 'flot'; did you mean 'float'?"},
    {"WeightKey", "absent: embed", "absant: embed",
     "unknown key 'absant' of weight 'head'; did you mean 'absent'?"},
    {"ShapeAndHolds", "holds: [q", "shape: [1], holds: [q",
     "a weight has `shape` or `holds`, not both"},
    {"Keep", "norm.weight}", "norm.weight, keep: f16}", "keep knows only f32"},
    {"Transform", "[transpose]", "[transposed]",
     "unknown transform 'transposed'; did you mean 'transpose'?"},
    {"Op", "rms_norm:", "rmsnorm:",
     "tiny.yaml:46:13: error: unknown op 'rmsnorm'; did you mean 'rms_norm'?"},
    {"TwoOps", "linear: h, w: q", "linear: h, act: h, w: q",
     "a node has one op, found 'linear' and 'act'"},
    {"Duplicate", "depth:  {", "heads:  {", "duplicate key 'heads'"},
    {"YamlBoolean", "      - u: {linear", "      - on: {linear",
     "'on' is a boolean in YAML 1.1"},
    {"Kind", "    inputs: {ids: tokens}",
     "    kind: generat\n    inputs: {ids: tokens}",
     "unknown kind of entry 'generat'; did you mean 'generate'?"},
    {"InputType", "ids: tokens", "ids: token",
     "unknown type of input 'token'; did you mean 'tokens'?"},
    {"FullOf", "v: [$heads, $dim]}}", "v: [$heads, $dim]}, full_of: 0}",
     "tiny.yaml:30:66: error: a cache that is full says how many rows it "
     "keeps, and is not `once`"},
    {"FullOfOnes", "v: [$heads, $dim]}}",
     "v: [$heads, $dim]}, keep: 4, full_of: 1}",
     "tiny.yaml:30:75: error: a cache can be full of 0 or none, found 1"},
    {"FullMask", "v: [$heads, $dim]}}",
     "v: [$heads, $dim]}, keep: 4, full_of: 0}",
     "the mask reaches beyond the 4 rows that state"},
    {"FixedInit", "kv: {cache: {k: [$heads, $dim], v: [$heads, $dim]}}",
     "kv: {fixed: [3, $hidden], init: w.head}",
     "tiny.yaml:30:37: error: the state has the shape [3, 8], the weight that "
     "it "
     "begins with has [10, 8]"},
    {"CacheFields", "cache: {k: [", "cache: {key: [",
     "tiny.yaml:30:17: error: a cache has keys and values, and is written {k: "
     "[heads, width], v: [heads, width]}"},
    {"CacheFieldAxes", "cache: {k: [$heads, $dim]", "cache: {k: [$hidden]",
     "a cache has keys and values"},
    {"InputOptional", "ids: tokens", "ids: {tokens: none, optional: true}",
     "only an input of type 'rows' is `optional`"},
    {"InputRows", "ids: tokens}", "ids: tokens, x: {rows: [$hiden]}}",
     "unknown parameter '$hiden'; did you mean 'hidden'?"},
    {"InputRowsNone", "ids: tokens}", "ids: tokens, x: {rows: $hidden}}",
     "tiny.yaml:60:37: error: the rows of an input must be a list of sizes"},
    {"InputRowsKey", "ids: tokens}",
     "ids: tokens, x: {rows: [4], optionl: true}}",
     "unknown key 'optionl' of an input of type 'rows'"},
    {"InputRowsUnused", "ids: tokens}", "ids: tokens, x: {rows: [4]}}",
     "tiny.yaml:60:27: error: input 'x' is never used"},
    {"InputNone", "ids: tokens}", "x: {rows: [4], optional: true}}",
     "it says how long a sequence is"},
    {"InputLater", "ids: tokens}", "ids: tokens, s: segments}",
     "tiny.yaml:60:30: error: an input of type 'segments' is not supported "
     "yet"},
    {"InputParameters", "ids: tokens", "ids: {tokens: 3}",
     "an input of type 'tokens' takes no parameters"},
    {"PositionsLater", "    inputs: {ids: tokens}",
     "    positions: {kind: grid3}\n    inputs: {ids: tokens}",
     "tiny.yaml:60:23: error: the kind of positions 'grid3' is not supported "
     "yet"},
    {"PositionsKey", "    inputs: {ids: tokens}",
     "    positions: {kind: linear, step: 2}\n    inputs: {ids: tokens}",
     "unknown key 'step' of positions"},
    {"RecomputePast", "    inputs: {ids: tokens}",
     "    recompute_past: 8\n    inputs: {ids: tokens}",
     "tiny.yaml:60:21: error: `recompute_past` is not supported yet"},
    {"Labels", "    inputs: {ids: tokens}",
     "    labels: names\n    inputs: {ids: tokens}",
     "`labels` is not supported yet"},
    {"Vision", "    inputs: {ids: tokens}",
     "    kind: vision\n    inputs: {ids: tokens}",
     "an entry of kind 'vision' is not supported yet"},
    {"StartElsewhere", "    inputs: {ids: tokens}",
     "    kind: encode\n    start: 0\n    inputs: {ids: tokens}",
     "`start` belongs to an entry of kind generate"},
    {"NoLogits", "outputs: {logits: logits}", "outputs: {scores: logits}",
     "tiny.yaml:65:15: error: an entry of kind generate needs the output "
     "'logits'"},
    {"NoTokens", "ids: tokens", "ids: positions",
     "an entry of kind generate needs an input of type tokens"},
    {"BlockLists", "  mlp:\n", "  mlp:\n    weights: [up]\n",
     "this block lists the weights that it takes from its scope; 'gate' is not "
     "in `weights`"},
    {"RowOrder", "hf: norm.weight}", "hf: {name: norm.weight, order: [q]}}",
     "`blocks`, `per` and `order` belong to the one tensor of a weight with "
     "`holds`"},
    {"FormatAlone", "hf: norm.weight}",
     "hf: {name: norm.weight, format: mxfp4}}",
     "`scales` and `format` go together"},
    {"ScalesCondition", "hf: norm.weight}",
     "hf: {name: norm.weight, scales: {name: s, when: $coded}, format: mxfp4}}",
     "unknown parameter '$coded'"},
    {"ParameterDefault", "{fn: word}\n    inputs: [h]",
     "{n: {type: int, default: $m + 1}, m: int, fn: word}\n    inputs: [h]",
     "unknown parameter '$m'"},
    {"ParameterDefaultType", "{fn: word}",
     "{fn: word, n: {type: int, default: $act}}",
     "parameter 'n' of block 'mlp' must be int, found 'gelu_erf'"},
    {"InputLeftOut", "    inputs: [h]\n    returns: [y]\n    nodes:\n",
     "    inputs: [h, {z: none}]\n    returns: [y]\n    nodes:\n"
     "      - h: {add: [h, z]}\n",
     "the input 'z' was not given; what needs it stands under `when: "
     "given(z)`"},
    {"GivenRequired", "when: $gated}\n      - g: {act",
     "when: given(h)}\n      - g: {act",
     "given() asks about an input that may be left out; 'h' is not one"},
    {"GivenElsewhere", "default: true}", "default: given(x)}",
     "given() asks about an input that may be left out; 'x' is not one"},
    {"RepeatNever", "- m: {block: mlp, h: a",
     "- m: {repeat: {n: $depth - 2}, block: mlp, h: a",
     "a block can be repeated once or more, not 0 times"},
    {"BiasOfNothing", "when: $gated}\n      - g: {act",
     "when: has(gaet.bias)}\n      - g: {act",
     "has() asks for an unknown weight 'gaet.bias'"},
    {"NameTwice", "  mlp:\n    params: {fn: word}",
     "  mlp:\n    weights: [fn, up, gate, down]\n    params: {fn: word}",
     "'fn' is an input or a parameter, and also a weight or state of the "
     "scope"}, // Stage 2: expressions and names.
    {"Expression", "$hidden / $heads", "$hidden / / $heads",
     "tiny.yaml:13:21: error: expected a value, found '/'"},
    {"Parameter", "[$vocab, $hidden], hf: embed", "[$vocab, $hiden], hf: embed",
     "tiny.yaml:17:27: error: unknown parameter '$hiden'; did you mean "
     "'hidden'?"},
    {"Index", "layers.$i.", "layers.$j.", "unknown index '$j' in a name"},
    {"ParameterInName", "layers.$i.", "layers.$depth.",
     "a parameter is written ${$depth}"},
    {"Function", "each(i, $depth", "eech(i, $depth",
     "unknown function 'eech'; did you mean 'each'?"},
    {"Slot", "norm, eps: $eps", "norm, epss: $eps",
     "unknown slot 'epss' of rms_norm; did you mean 'eps'?"},
    {"MissingSlot", "scale: 1.0, ", "", "attention needs 'scale': "},
    {"Weight", "w: norm", "w: nrm",
     "unknown weight 'nrm'; did you mean 'norm'?"},
    {"State", "append: kv", "append: kw",
     "unknown state 'kw'; did you mean 'kv'?"},
    {"Value", "[x, m]", "[x, n]", "'n' is used before it is bound"},
    {"Block", "block: mlp", "block: mpl",
     "unknown block 'mpl'; did you mean 'mlp'?"},
    {"Library", "block: mlp", "block: lib.mlp", "unknown library 'lib'"},
    {"Argument", "h: a, fn", "h: a, fun: 1, fn",
     "unknown argument 'fun' of block 'mlp'; did you mean 'fn'?"},
    {"MissingArgument", "h: a, fn: $act", "h: a",
     "block 'mlp' needs the parameter 'fn'"},
    {"MissingInput", "{block: mlp, h: a,", "{block: mlp,",
     "block 'mlp' needs the input 'h'"},
    {"Group", "repeat: layers", "repeat: layer",
     "unknown group 'layer'; did you mean 'layers'?"},
    {"UnusedResult", "      - x: {add: [x, m]}", "      - x: {add: [x, x]}",
     "result 'm' is never used; `_` throws one away"},
    {"UnusedInput", "inputs: [x]", "inputs: [x, y]", "input 'y' is never used"},
    {"NeverCalled", "{block: mlp, h: a, fn: $act}", "{identity: a}",
     "block 'mlp' is never called"},
    {"Recursion", "{linear: u, w: down}", "{block: mlp, h: u, fn: $fn}",
     "block 'mlp' calls itself"},
    {"Word", "{act: g, fn: $fn", "{act: g, fn: silou",
     "unknown word 'silou' for 'fn' of act; did you mean 'silu'?"},
    {"NotANumber", "scale: 1.0", "scale: eps",
     "'scale' of attention takes a number, not the word 'eps'; a parameter is "
     "written $eps"},
    {"Alias", "absent: embed", "absent: embeds",
     "unknown weight 'embeds'; did you mean 'embed'?"},
    {"Has", "default: true", "default: has(layers.gates)",
     "has() asks for an unknown weight 'layers.gates'"},
    {"MatchWord", "block: layer, x: x",
     "block: {match: \"$kinds[$i]\", wide: layer}, x: x",
     "no block is given for 'thin', which '$kinds' can be"},
    // Stage 3: parameters.
    {"NoValue", "hf: num_hidden_layers", "hf: [n_layers, layers]",
     "parameter '$depth' has no value: looked for n_layers, layers"},
    {"WrongType", "type: int, hf: hidden_size", "type: int, hf: hidden_act",
     "config.json: hidden_act must be int, found 'gelu'"},
    {"Spelling", "gelu: gelu_erf", "relu: relu",
     "config.json: hidden_act is 'gelu', which this spec does not support"},
    {"Check", "$heads % 2 == 0", "$heads % 3 == 0",
     "an even number of heads is needed"},
    {"Cycle", "$hidden / $heads", "$dim + 1",
     "parameter '$dim' depends on itself"},
    {"NotWhole", "$hidden / $heads", "$hidden / 3",
     "8 / 3 is not whole; use // or a float"},
    {"Length", "\"each(i, $depth, 'wide')\"", "[wide]",
     "has 1 elements, expected 2"},
    {"DefaultType", "default: 1.0e-5", "default: small",
     "must be float, found 'small'"},
    // Stage 4: weights.
    {"Missing", "embed.weight", "embeds.weight",
     "weight 'embed' is not in the checkpoint: no tensor embeds.weight; the "
     "nearest one is 'embed.weight'"},
    {"Shape", "up:   {shape: [2 * $hidden, $hidden]",
     "up:   {shape: [3 * $hidden, $hidden]",
     "weight 'layers[0].up' is declared [3 * $hidden = 24, $hidden = 8], but "
     "tensor 'layers.0.up.weight' gives [16, 8]"},
    {"FusedShape", "k: $hidden, v: $hidden]", "k: $hidden, v: 1]",
     "gives [24, 8]"},
    {"NoTranspose", ", apply: [transpose]", "",
     "tensor 'layers.0.down.weight' gives [16, 8]"},
    {"Unused", "    gate: {when: $gated, ", "    gate: {when: not $gated, ",
     "tensor 'layers.0.gate.weight' [16, 8] of the checkpoint is used by no "
     "weight"},
    {"BiasNotWanted", "bias: true, hf: up", "bias: false, hf: up",
     "tensor 'layers.0.up.bias' [16] of the checkpoint is used by no weight"},
    {"BiasMissing", "hf: norm.weight}", "bias: true, hf: norm.*}",
     "weight 'layers[0].norm' is not in the checkpoint: no tensor "
     "layers.0.norm.bias"},
    {"BiasName", "hf: norm.weight}", "bias: true, hf: norm.weight}",
     "a weight with a bias needs a name that ends in '.*'"},
    {"OneTensorTwice",
     "gate: {when: $gated, shape: [2 * $hidden, $hidden], hf: gate",
     "gate: {when: $gated, shape: [2 * $hidden, $hidden], hf: up",
     "tensor 'layers.0.up.weight' is weight 'layers[0].gate' and also "
     "'layers[0].up'"},
    {"TwoAlternatives", "hf: norm.weight}", "hf: [norm.weight, up.bias]}",
     "is in the checkpoint more than once"},
    {"RowsOutside", "apply: [transpose]", "apply: [transpose, {rows: [0, 9]}]",
     "rows 0 to 9 are outside of [8, 16]"},
    {"Reshape", "apply: [transpose]", "apply: [{reshape: [8, 15]}]",
     "reshape to [8, 15] does not keep the elements of [16, 8]"},
    {"RopeRows", "apply: [transpose]",
     "apply: [transpose, {rope_rows: {heads: 3, to: half}}]",
     "8 rows cannot be cut into 3 heads"},
    {"TransformArgument", "apply: [transpose]",
     "apply: [{rope_rows: {head: 2, to: half}}]",
     "unknown argument 'head' of rope_rows; did you mean 'heads'?"},
    {"Instances", "    each: {i: $depth}\n    kv",
     "    each: {i: $depth + 1}\n    kv",
     "group 'layers' of states has 3 instances, the group of weights has 2"},
    {"CacheHeads", "v: [$heads, $dim]}}", "v: [1, $dim]}}",
     "a cache has as many heads of keys as of values, found [2, 4] and [1, 4]"},
    // Stage 5: the graph.
    {"PositionsStart", "    inputs: {ids: tokens}",
     "    positions: {kind: linear, start: -1}\n    inputs: {ids: tokens}",
     "expected an int from 0 to 2147483647 or none, found -1"},
    {"Start", "    inputs: {ids: tokens}",
     "    start: 1.5\n    inputs: {ids: tokens}",
     "expected an int from 0 to 2147483647 or none, found 1.5"},
    {"RemovedBinding", "w: gate, when: $gated", "w: gate, when: not $gated",
     "'g' has no value here: its only binding was left out because `not "
     "$gated` is false with $gated = true"},
    {"UsedByNoNode", "{linear: x, w: head}", "{linear: x, w: embed}",
     "weight 'head' is used by no node"},
    {"StateUnused", "{attention: q, kv: kv, scale",
     "{attention: q, k: k, v: v, scale", "result 'kv' is never used"},
    {"WrittenTwice", "      - a: {attention",
     "      - _: {append: kv, k: k, v: v}\n      - a: {attention",
     "state 'layers[0].kv' is written twice in entry 'generate'"},
    {"Field", "append: kv, k: k, v: v", "append: kv, k: k, w: v",
     "unknown slot 'w' of append"},
    {"FieldMissing",
     "v: {reshape: v, to: [$heads, $dim]}\n      - kv: {append: kv, k: k, v: "
     "v}",
     "_: {reshape: v, to: [$heads, $dim]}\n      - kv: {append: kv, k: k}",
     "append needs a value for the field 'v'"},
    {"OnceOutsideSource", "kv: {cache: {k: [$heads, $dim], v: [$heads, $dim]}}",
     "kv: {cache: {k: [$heads, $dim], v: [$heads, $dim]}, once: true}",
     "state 'layers[0].kv' is written once, by an entry of kind source"},
    {"MaskBeyondKeep", "v: [$heads, $dim]}}", "v: [$heads, $dim]}, keep: 4}",
     "the mask reaches beyond the 4 rows that state 'layers[0].kv' keeps; it "
     "needs {window: 4} or less"},
    {"MaskBeyondChunk", "v: [$heads, $dim]}}", "v: [$heads, $dim]}, chunk: 4}",
     "the mask reaches beyond the chunk of 4 rows after which state "
     "'layers[0].kv' is emptied"},
    {"SlotType", "to: [$hidden]}", "to: [1.5]}",
     "'to' of reshape must be a list of ints, found [1.5]"},
    {"NoneInRequiredSlot", "scale: 1.0", "scale: none",
     "'scale' of attention cannot be none"},
    {"ParameterType", "fn: $act}", "fn: $eps}",
     "parameter 'fn' of block 'mlp' must be word, found 1e-05"},
    {"Mask", "mask: [causal]", "mask: [casual]",
     "unknown mask term 'casual'; did you mean 'causal'?"},
    {"MaskArgument", "mask: [causal]", "mask: [{window: 1.5}]",
     "mask argument 'window' must be a positive int or none, found 1.5"},
    {"MaskOfNothing", "mask: [causal]", "mask: [causal, {window: 0}]",
     "tiny.yaml:54:71: error: mask argument 'window' must be a positive int or "
     "none, found 0"},
    {"MaskNegative", "mask: [causal]", "mask: [causal, {window: -3}]",
     "must be a positive int or none, found -3"},
    {"MaskOfNone", "mask: [causal]", "mask: [{window: none}]",
     "every term of the mask is none; `all` allows every key"},
    {"MaskAnyOfNone", "mask: [causal]", "mask: [{any: []}]",
     "mask term 'any' takes a list of terms"},
    {"MaskValue", "mask: [causal]", "mask: [causal, {window: h}]",
     "mask term 'window' takes a number, not a value of the graph"},
    {"MaskNumber", "mask: [causal]", "mask: [causal, {segments: 3}]",
     "mask term 'segments' takes a value of ints"},
    {"MaskBlocks", "mask: [causal]", "mask: [causal, {blocks: {size: 4}}]",
     "mask term 'blocks' needs 'local', an int of 1 or more, found 0"},
    {"MaskBlocksKey", "mask: [causal]",
     "mask: [causal, {blocks: {size: 4, locl: 2, stride: 1}}]",
     "unknown key 'locl' of mask term 'blocks'; did you mean 'local'?"},
    {"MaskAnyNotCausal", "mask: [causal]", "mask: [{any: [causal, {band: 4}]}]",
     "the mask must be causal"},
    {"MaskNotCausal", "mask: [causal]", "mask: [all]",
     "tiny.yaml:54:13: error: the mask must be causal: a token of generation "
     "would see later ones when they come in the same step"},
    {"MaskBandInGeneration", "mask: [causal]", "mask: [{band: 4}]",
     "the mask must be causal"},
    {"NoCacheInGeneration",
     "- kv: {append: kv, k: k, v: v}\n      - a: {attention: q, kv: kv,",
     "- _: {append: kv, k: k, v: v}\n      - a: {attention: q, k: k, v: v,",
     "in an entry of kind generate attention needs a cache"},
    {"CachedBeforeAppend", "- kv: {append: kv, k: k, v: v}",
     "- kv: {cached: kv}\n      - _: {append: kv, k: k, v: v}",
     "tiny.yaml:53:14: error: state 'layers[0].kv' must be appended to before "
     "it "
     "is read in this entry; only a state with `once: true` has been written "
     "by another one"},
    {"SourceOfNotOnce", "    inputs: {ids: tokens}",
     "    kind: source\n    inputs: {ids: tokens}",
     "state 'layers[0].kv' needs `once: true` to be written by an entry of "
     "kind "
     "source"},
    {"MaskNoArgument", "mask: [causal]", "mask: [window]",
     "mask term 'window' needs an argument"},
    {"OneOperand", "[x, m]", "[m]", "add takes 2 or more values, found 1"},
    {"ResultCount", "- q: {linear: h, w: q}", "- q, _: {linear: h, w: q}",
     "linear gives 1 result, but 2 are named"},
    {"WeightOperand", "- u: {linear: h, w: up}",
     "- u: {linear: h, w: up}\n      - u: {add: [u, w.biases]}",
     "unknown weight 'biases'"},
};

INSTANTIATE_TEST_SUITE_P(Table, BrokenSpec, ::testing::ValuesIn(specs),
                         [](const ::testing::TestParamInfo<Case> &info) {
                           return info.param.name;
                         });

TEST(Broken, CallChains) {
  std::string text =
      replaced(tiny, "fn: $fn, when", "fn: $fn, beta: $fn, when");
  EXPECT_NE(messages(text, config, tensors())
                .find("  in mlp (tiny.yaml:56:13)\n"
                      "  in layer (tiny.yaml:63:29), repeated over layers[0] "
                      "by generate\n"),
            std::string::npos)
      << messages(text, config, tensors());
}

TEST(Broken, AllErrorsOfAStage) {
  std::string text = replaced(tiny, "w: norm", "w: nrm");
  text = replaced(text, "mask: [causal]", "masc: [causal]");
  std::string found = messages(text, config, tensors());
  EXPECT_NE(found.find("'nrm'"), std::string::npos) << found;
  EXPECT_NE(found.find("'masc'"), std::string::npos) << found;
  EXPECT_NE(found.find("attention needs 'mask'"), std::string::npos) << found;
}

TEST(Broken, AliasesThatDisagree) {
  std::string text =
      replaced(tiny, "hf: hidden_size", "hf: [hidden_size, n_embd]");
  std::string both = replaced(config, "\"hidden_size\": 8",
                              "\"hidden_size\": 8, \"n_embd\": 9");
  EXPECT_NE(messages(text, both, tensors())
                .find("warning: 'n_embd' is 9, but 'hidden_size' is 8"),
            std::string::npos);
}

TEST(Broken, ConfigFiles) {
  EXPECT_NE(messages(tiny, replaced(config, "10", "\"ten\""), tensors())
                .find("config.json: vocab_size must be int, found 'ten'"),
            std::string::npos);
  EXPECT_NE(
      messages(tiny, replaced(config, "10", "99999999999999999999"), tensors())
          .find("vocab_size"),
      std::string::npos);
  EXPECT_NE(messages(tiny, replaced(config, "10", "-10"), tensors())
                .find("a size cannot be -10"),
            std::string::npos);
}

TEST(Broken, Checkpoints) {
  Shapes extra = tensors();
  extra["layers.0.norm.weigth"] = {8};
  EXPECT_NE(messages(tiny, config, extra)
                .find("tensor 'layers.0.norm.weigth' [8] of the checkpoint is "
                      "used by no weight; the nearest one used is "
                      "'layers.0.norm.weight'"),
            std::string::npos);
  Shapes fewer = tensors();
  fewer.erase("layers.1.qkv.weight");
  EXPECT_NE(messages(tiny, config, fewer)
                .find("weight 'layers[1].qkv' is not in the checkpoint"),
            std::string::npos);
}

TEST(Libraries, ReportTheirOwnMistakes) {
  Folder dir;
  dir.add("lib.yaml", "sluice: 1\nlibrary: lib\nparams: {size: int}\n"
                      "blocks:\n  b:\n    inputs: [x]\n    returns: [y]\n"
                      "    nodes:\n      - y: {linear: x, w: q}\n");
  auto parse = [&](const std::string &use) {
    Diagnostics diagnostics;
    EXPECT_FALSE(parseSpecText(
        dir.path() + "/spec.yaml",
        replaced(tiny, "config:\n", "use: {lib: " + use + "}\nconfig:\n"),
        diagnostics));
    return diagnostics.print();
  };
  EXPECT_NE(parse("{file: lib.yaml, size: 3}")
                .find("lib.yaml:9:27: error: this block lists the weights that "
                      "it takes from its scope; 'q' is not in `weights`"),
            std::string::npos);
  EXPECT_NE(parse("lib.yaml").find("library 'lib' needs the parameter 'size'"),
            std::string::npos);
  EXPECT_NE(parse("{file: lib.yaml, size: 3, other: 4}")
                .find("library 'lib' has no parameter 'other'"),
            std::string::npos);
  EXPECT_NE(parse("none.yaml").find("cannot read library"), std::string::npos);
  EXPECT_NE(parse("/etc/passwd").find("relative to the spec's folder"),
            std::string::npos);
  dir.add("lib.yaml", "sluice: 1\nlibrary: lib\nuse: {lib: lib.yaml}\n");
  EXPECT_NE(parse("lib.yaml").find("uses itself"), std::string::npos);
}

} // namespace
