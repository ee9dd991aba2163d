// Weights that cannot be what the spec says: the message and the place to which
// it points.
#include "tests/unit/spec/Tiny.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

class WeightErrors : public ::testing::TestWithParam<Mistake> {};

TEST_P(WeightErrors, AreReportedWhereTheyStand) { expectSaid(GetParam()); }

std::string nameOf(const ::testing::TestParamInfo<Mistake> &info) {
  return info.param.name;
}

const Mistake shapes[] = {
    {"SizeOfNothing", "norm: {shape: [$hidden]",
     "norm: {shape: [<!>$hidden - 8]", "a size cannot be 0"},
    {"SizeBelowNothing", "norm: {shape: [$hidden]", "norm: {shape: [<!>-8]",
     "a size cannot be -8"},
    {"SizeOfAWord", "norm: {shape: [$hidden]", "norm: {shape: [<!>$act]",
     "expected an int, found 'gelu_erf'"},
    {"FourAxes", "norm: {shape: [$hidden]", "norm: {shape: [<!>1, 1, 1, 8]",
     "a weight has at most three axes, found [1, 1, 1, 8]"},
    {"NoInstances", "    each: {i: $depth}\n    prefix",
     "    each: <!>{i: $depth - 2}\n    prefix",
     "group 'layers' cannot have 0 instances, only 1 to"},
    {"AnotherFormat", "hf: norm.weight}", "gguf: norm.weight}",
     "weight 'layers[0].norm' does not say where it lies in this format (hf)"},
};
INSTANTIATE_TEST_SUITE_P(Shapes, WeightErrors, ::testing::ValuesIn(shapes),
                         nameOf);

#define QKV                                                                    \
  "qkv:  {holds: [q: $hidden, k: $hidden, v: $hidden], cols: $hidden, hf: "    \
  "qkv.weight}"
#define HOLDS "qkv:  {holds: [q: $hidden, k: $hidden, v: $hidden], "
const Mistake fused[] = {
    {"PartsOfAPlainOne", "hf: norm.weight}",
     "hf: <!>{a: norm.weight, b: up.bias}}",
     "a source by parts belongs to a weight with `holds`"},
    {"PerNothing", QKV, HOLDS "cols: $hidden, per: <!>0, hf: qkv.weight}",
     "per cannot be 0"},
    {"PerTooMany", QKV, HOLDS "cols: $hidden, per: <!>2000000, hf: qkv.weight}",
     "per cannot be 2000000"},
    {"PerOfTheTensor", QKV,
     HOLDS "cols: $hidden, hf: {name: qkv.weight, per: <!>-1}}",
     "per cannot be -1"},
    {"PerMoreRowsThanThereAre", QKV,
     HOLDS "cols: $hidden, per: 2, hf: qkv.weight}",
     "tensor 'layers.0.qkv.weight' gives [24, 8]"},
    {"OrderOfSome", QKV,
     HOLDS "cols: $hidden, hf: <!>{name: qkv.weight, order: [q, k]}}",
     "order must name every part once"},
    {"OrderTwice", QKV,
     HOLDS "cols: $hidden, hf: <!>{name: qkv.weight, order: [q, k, v, v]}}",
     "order must name every part once"},
    {"OrderOfOthers", QKV,
     HOLDS "cols: $hidden, hf: <!>{name: qkv.weight, order: [q, k, w]}}",
     "order must name every part once"},
    {"PartsOfSome", QKV,
     HOLDS "cols: $hidden, hf: <!>{q: qkv.weight, k: norm.weight}}",
     "a source by parts names every part of `holds`, found q, k"},
    {"TooManyRows", QKV,
     "<!>qkv:  {holds: [q: 1099511627776, k: 1, v: 1], per: 1048576, cols: "
     "$hidden, hf: {name: qkv.weight, blocks: true}}",
     "the parts have too many rows"},
    {"ColumnsOfNothing", QKV, HOLDS "cols: <!>0, hf: qkv.weight}",
     "a size cannot be 0"},
    {"RowsOfNothing", QKV,
     "qkv:  {holds: [q: $hidden, k: <!>0, v: $hidden], cols: $hidden, hf: "
     "qkv.weight}",
     "a size cannot be 0"},
    {"AbsentAltogether", QKV,
     HOLDS "cols: $hidden, hf: other, absent: <!>embed}",
     "a fused weight cannot be another one"},
};
INSTANTIATE_TEST_SUITE_P(Fused, WeightErrors, ::testing::ValuesIn(fused),
                         nameOf);

const Mistake sources[] = {
    {"StackOfNothing", "hf: norm.weight}",
     "hf: {stack: norm.weight, each: <!>{e: 0}}}", "cannot stack 0 tensors"},
    {"StackOfTooMany", "hf: norm.weight}",
     "hf: {stack: norm.weight, each: <!>{e: 100001}}}",
     "cannot stack 100001 tensors"},
    {"JoinOfOtherShapes", "hf: {name: down.weight, apply: [transpose]}",
     "hf: {concat: [down.weight, <!>up.bias]}",
     "tensor 'layers.0.up.bias' [16]: cannot be joined with a tensor of shape "
     "[16, 8]"},
    {"JoinedShape", "hf: {name: down.weight, apply: [transpose]}",
     "hf: {concat: [down.weight, gate.weight]}", "gives [32, 8]"},
    {"Format", "hf: norm.weight}",
     "hf: <!>{name: norm.weight, scales: up.bias, format: int3}}",
     "tensor 'layers.0.norm.weight' [8]: unknown tensor format 'int3'; known: "
     "mxfp4, fp8_block128"},
    {"AbsentBiasOfItsOwn", "hf: norm.weight}",
     "bias: {hf: other}, hf: norm.weight}",
     "weight 'layers[0].norm.bias' is not in the checkpoint: no tensor "
     "layers.0.other"},
    {"BiasOfItsOwnElsewhere", "hf: norm.weight}",
     "bias: {gguf: other}, hf: <!>norm.weight}",
     "a weight with a bias needs a name that ends in '.*', found "
     "'norm.weight'"},
    {"AbsentBiasBesideTheWeight", "hf: norm.weight}",
     "bias: {gguf: other}, hf: norm.*}", "no tensor layers.0.norm.bias"},
    {"Mxfp4OfOtherBlocks", "hf: norm.weight}",
     "hf: <!>{name: norm.weight, scales: up.bias, format: mxfp4}}",
     "tensor 'layers.0.norm.weight' [8]: mxfp4 needs [..., blocks, 16], found "
     "[8]"},
    {"TransposeOfAVector", "hf: norm.weight}",
     "hf: <!>{name: norm.weight, apply: [transpose]}}",
     "tensor 'layers.0.norm.weight': transpose needs two axes, found [8]"},
    {"TapOfAMatrix", "{name: down.weight, apply: [transpose]}",
     "<!>{name: down.weight, apply: [{kernel_at: 0}]}",
     "tensor 'layers.0.down.weight': kernel_at needs more than two axes, found "
     "[16, 8]"},
    {"SinusoidsOfAVector", "hf: norm.weight}",
     "hf: <!>{name: norm.weight, apply: [{sinusoids: {positions: 4, theta: "
     "100.0}}]}}",
     "tensor 'layers.0.norm.weight': sinusoids of 4 positions need rows of an "
     "even width, not more than 16777216, found [8]"},
    {"SwapOfOtherHeads", "{name: down.weight, apply: [transpose]}",
     "<!>{name: down.weight, apply: [{swap_heads: {outer: 3, inner: 2}}]}",
     "tensor 'layers.0.down.weight': swap_heads cannot cut the rows of [16, 8] "
     "into 3 x 2"},
    {"RopeOfAnOddPart", "{name: down.weight, apply: [transpose]}",
     "<!>{name: down.weight, apply: [{rope_rows: {heads: 4, to: half, dims: "
     "3}}]}",
     "tensor 'layers.0.down.weight': a head of 4 rows has no even number of "
     "rotated ones after skip 0"},
    {"RopeBehindTheHead", "{name: down.weight, apply: [transpose]}",
     "<!>{name: down.weight, apply: [{rope_rows: {heads: 4, to: half, skip: "
     "5}}]}",
     "tensor 'layers.0.down.weight': a head of 4 rows has no even number of "
     "rotated ones after skip 5"},
};
INSTANTIATE_TEST_SUITE_P(Sources, WeightErrors, ::testing::ValuesIn(sources),
                         nameOf);

const char *const head =
    "  head:  {shape: [$vocab, $hidden], hf: head.weight, absent: embed}";
const Mistake ties[] = {
    {"ToItself", head,
     "  <!>head:  {shape: [$vocab, $hidden], hf: head.weight, absent: head}",
     "weight 'head' stands for 'head', which this checkpoint does not have"},
    {"ToAnotherShape", head,
     "  <!>head:  {shape: [$vocab, 1], hf: head.weight, absent: embed}",
     "weight 'head' [10, 1] stands for 'embed' [10, 8]"},
    {"OfAConditionThatIsNone", head,
     "  head:  {shape: [$vocab, $hidden], hf: head.weight, absent: {use: "
     "embed, when: <!>$act}}",
     "expected a bool, found 'gelu_erf'"},
    {"OfAConditionThatIsFalse", head,
     "  head:  {shape: [$vocab, $hidden], hf: head.weight, absent: {use: "
     "embed, when: not $gated}}",
     "weight 'head' is not in the checkpoint: no tensor head.weight"},
};
INSTANTIATE_TEST_SUITE_P(Ties, WeightErrors, ::testing::ValuesIn(ties), nameOf);

TEST(WeightNames, AreGivenOnce) {
  Shapes more = tensors();
  for (std::string i : {"0", "1"})
    more["layers." + i + ".extra"] = {8, 8};
  expectSaid({"", "    up:   {shape",
              "    <!>extra: {holds: [q: $hidden], cols: $hidden, hf: extra}\n"
              "    up:   {shape",
              "two weights are named 'layers[0].q'"},
             config, more);
}

TEST(WeightTypes, WholeNumbersAreNoWeights) {
  Folder dir;
  dir.add("config.json", "{}");
  std::string header =
      R"({"w":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}})";
  uint64_t size = header.size();
  dir.add("model.safetensors", std::string(reinterpret_cast<char *>(&size), 8) +
                                   header + std::string(4, '\0'));
  sluice::checkpoint::Checkpoint ck = openCheckpoint(dir.path());
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpecText(
      "spec.yaml",
      "sluice: 1\nfamily: w\nweights:\n  table: {shape: [2, 2], hf: w}\n"
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n    outputs: {rows: x}\n",
      diagnostics);
  ASSERT_TRUE(parsed) << diagnostics.print();
  EXPECT_FALSE(bind(*parsed, ck, diagnostics));
  EXPECT_NE(diagnostics.print().find(
                "spec.yaml:4:30: error: tensor 'w' [2, 2]: it holds whole "
                "numbers (I8), expected a floating-point type"),
            std::string::npos)
      << diagnostics.print();
}

} // namespace
