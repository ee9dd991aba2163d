// Each op against numbers worked out by hand.
#include "Fixture.h"

using namespace mlir;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::FloatNear;
using testing::Pointwise;

namespace sluice::evaluate {
namespace {

using Numbers = std::vector<float>;

// Every op of the dialect has a function or is no computation.
TEST_F(Fixture, EveryOpCanBeEvaluated) {
  std::set<std::string> none = {"llm.weight", "llm.state", "llm.yield"};
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "llm") {
      EXPECT_NE(opTable().contains(op.getStringRef()) ||
                    op.hasInterface<llm::ScalarInterface>(),
                none.count(op.getStringRef().str()) == 1)
          << op.getStringRef().str();
    }
}

struct Case {
  const char *name;
  int64_t columns;
  Numbers x;
  const char *body, *result;
  Numbers expected;
  Numbers w = {};
  const char *symbols = "";
};

class Ops : public Fixture, public testing::WithParamInterface<Case> {};

TEST_P(Ops, GiveTheNumbers) {
  const Case &one = GetParam();
  weights = {{"x", one.x}, {"w", one.w}};
  parse(one.columns, one.body, one.result, one.symbols);
  std::string ids = "0";
  for (size_t r = 1; r < one.x.size() / size_t(one.columns); ++r)
    ids += "," + std::to_string(r);
  EXPECT_THAT(run(ids), Pointwise(FloatNear(1e-5f), one.expected));
}

constexpr const char *two = "tensor<?x2xf32>", *three = "tensor<?x3xf32>",
                     *four = "tensor<?x4xf32>", *six = "tensor<?x6xf32>";

const Case elementwise[] = {
    {"Broadcast",
     4,
     {1, 2, 3, 4},
     "%v = llm.use @w : tensor<2x1xf32> %z = llm.reshape %x to [2, 2] : "
     "(tensor<?x4xf32>) -> tensor<?x2x2xf32> %p = llm.binary mul %z, %v : "
     "(tensor<?x2x2xf32>, tensor<2x1xf32>) -> tensor<?x2x2xf32> %y = "
     "llm.reshape %p to [4] : (tensor<?x2x2xf32>) -> tensor<?x4xf32>",
     four,
     {10, 20, 300, 400},
     {10, 100},
     "llm.weight @w : tensor<2x1xf32>"},
    {"SubIsInOrder",
     2,
     {1, 5},
     "%c = llm.constant 3.0 %y = llm.binary sub %c, %x : (tensor<f32>, "
     "tensor<?x2xf32>) -> tensor<?x2xf32>",
     two,
     {2, -2}},
    {"Lerp",
     2,
     {2, 4},
     "%a = llm.constant 1.0 %t = llm.constant 0.25 %y = llm.lerp %a, %x by %t "
     ": (tensor<f32>, tensor<?x2xf32>, tensor<f32>) -> tensor<?x2xf32>",
     two,
     {1.25, 1.75}},
    {"Select",
     3,
     {0, 1, 1},
     "%a = llm.constant 5.0 %c = llm.constant 7.0 %y = llm.select %a, %c by %x "
     ": (tensor<f32>, tensor<f32>, tensor<?x3xf32>) -> tensor<?x3xf32>",
     three,
     {5, 7, 7}},
    {"Swish",
     2,
     {0, 1},
     "%y = llm.act swish %x beta 2.0 : tensor<?x2xf32>",
     two,
     {0, 0.880797f}},
    {"GeluErf",
     2,
     {1, -1},
     "%y = llm.act gelu_erf %x : tensor<?x2xf32>",
     two,
     {0.841345f, -0.158655f}},
    {"GeluTanh",
     2,
     {1, -1},
     "%y = llm.act gelu_tanh %x : tensor<?x2xf32>",
     two,
     {0.841192f, -0.158808f}},
    {"Relu2",
     2,
     {3, -3},
     "%y = llm.act relu2 %x : tensor<?x2xf32>",
     two,
     {9, 0}},
    {"Softplus",
     2,
     {0, 100},
     "%y = llm.act softplus %x : tensor<?x2xf32>",
     two,
     {0.693147f, 100}},
    {"Clamp",
     3,
     {-5, 0.5, 5},
     "%y = llm.clamp %x low -1.0 high 2.0 : tensor<?x3xf32>",
     three,
     {-1, 0.5, 2}},
    {"Softcap",
     2,
     {0, 100},
     "%y = llm.softcap %x limit 3.0 : tensor<?x2xf32>",
     two,
     {0, 3}},
    {"Round",
     2,
     {1.00390625f, 1.01171875f},
     "%y = llm.round %x to bf16 : tensor<?x2xf32>",
     two,
     {1, 1.015625f}},
    {"Map",
     2,
     {1, 4},
     "%y = llm.map %x : (tensor<?x2xf32>) -> tensor<?x2xf32> { ^bb0(%a: f32): "
     "%s = math.sqrt %a : f32 %t = arith.addf %s, %a : f32 llm.yield %t : f32 "
     "}",
     two,
     {2, 6}},
};

const Case shapes[] = {
    {"Sum",
     3,
     {1, 2, 3, 4, 5, 6},
     "%y = llm.sum %x : (tensor<?x3xf32>) -> tensor<?x1xf32>",
     "tensor<?x1xf32>",
     {6, 15}},
    {"Softmax",
     2,
     {0, 0.693147f, 1000, 1000},
     "%y = llm.softmax %x : tensor<?x2xf32>",
     two,
     {1.f / 3, 2.f / 3, 0.5, 0.5}},
    {"Slice",
     3,
     {1, 2, 3, 4, 5, 6},
     "%y = llm.slice %x from 1 size 2 : (tensor<?x3xf32>) -> tensor<?x2xf32>",
     two,
     {2, 3, 5, 6}},
    {"SplitAndConcat",
     3,
     {1, 2, 3, 4, 5, 6},
     "%p, %q = llm.split %x into [1, 2] : (tensor<?x3xf32>) -> "
     "(tensor<?x1xf32>, tensor<?x2xf32>) %y = llm.concat %q, %p : "
     "(tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>",
     three,
     {2, 3, 1, 5, 6, 4}},
    {"RepeatHeads",
     2,
     {1, 2},
     "%h = llm.reshape %x to [2, 1] : (tensor<?x2xf32>) -> tensor<?x2x1xf32> "
     "%r = llm.repeat_heads %h times 3 : (tensor<?x2x1xf32>) -> "
     "tensor<?x6x1xf32> %y = llm.reshape %r to [6] : (tensor<?x6x1xf32>) -> "
     "tensor<?x6xf32>",
     six,
     {1, 1, 1, 2, 2, 2}},
};

const Case products[] = {
    {"Linear",
     2,
     {1, 2, 3, 4},
     "%v = llm.use @w : tensor<3x2xf32> %y = llm.linear %x, %v : "
     "(tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>",
     three,
     {5, 11, 17, 11, 25, 39},
     {1, 2, 3, 4, 5, 6},
     "llm.weight @w : tensor<3x2xf32>"},
    // 1.00390625 lies between two bf16 numbers and becomes the even one, 1.
    {"LinearInBf16",
     2,
     {1.00390625f, 0},
     "%v = llm.use @w : tensor<1x2xf32> %y = llm.linear %x, %v compute bf16 : "
     "(tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>",
     "tensor<?x1xf32>",
     {512},
     {512, 1},
     "llm.weight @w : tensor<1x2xf32>"},
    {"RmsNorm",
     2,
     {3, 4},
     "%v = llm.use @w : tensor<2xf32> %y = llm.rms_norm %x, %v eps 0.0 : "
     "(tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>",
     two,
     {0.848528f, 11.31371f},
     {1, 10},
     "llm.weight @w : tensor<2xf32>"},
    {"NormOfHeads",
     4,
     {3, 3, 4, 4},
     "%v = llm.use @w : tensor<2x2xf32> %h = llm.reshape %x to [2, 2] : "
     "(tensor<?x4xf32>) -> tensor<?x2x2xf32> %n = llm.rms_norm %h, %v eps 0.0 "
     ": (tensor<?x2x2xf32>, tensor<2x2xf32>) -> tensor<?x2x2xf32> %y = "
     "llm.reshape %n to [4] : (tensor<?x2x2xf32>) -> tensor<?x4xf32>",
     four,
     {1, 2, 3, 4},
     {1, 2, 3, 4},
     "llm.weight @w : tensor<2x2xf32>"},
    {"LayerNorm",
     2,
     {1, 3},
     "%v = llm.use @w : tensor<2xf32> %y = llm.layer_norm %x bias %v eps 3.0 : "
     "(tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>",
     two,
     {9.5, 20.5},
     {10, 20},
     "llm.weight @w : tensor<2xf32>"},
    {"L2NormSum",
     2,
     {3, 4},
     "%y = llm.l2_norm %x eps 75.0 in sum : tensor<?x2xf32>",
     two,
     {0.3f, 0.4f}},
    {"L2NormMax",
     2,
     {3, 4, 12, 16},
     "%y = llm.l2_norm %x eps 10.0 in max : tensor<?x2xf32>",
     two,
     {0.3f, 0.4f, 0.6f, 0.8f}},
};

const Case routing[] = {
    {"PickOfTopK",
     4,
     {1, 7, 7, 9},
     "%i = llm.top_k %x, 3 : (tensor<?x4xf32>) -> tensor<?x3xi32> %y = "
     "llm.pick %x at %i : (tensor<?x4xf32>, tensor<?x3xi32>) -> "
     "tensor<?x3xf32>",
     three,
     {9, 7, 7}},
    {"Normalize",
     2,
     {1, 3},
     "%y = llm.normalize %x eps 4.0 : tensor<?x2xf32>",
     two,
     {0.125, 0.375}},
    // Experts multiply by 10 and 100; row 0 chooses 1 then 0.
    {"Experts",
     2,
     {1, 2, 5, 3},
     "%v = llm.use @w : tensor<2x1x2xf32> %i = llm.top_k %x, 2 : "
     "(tensor<?x2xf32>) -> tensor<?x2xi32> %y = llm.experts %x at %i with(%v) "
     "out_scale %x : (tensor<?x2xf32>, tensor<?x2xi32>, tensor<2x1x2xf32>, "
     "tensor<?x2xf32>) -> tensor<?x1xf32> { ^bb0(%h: tensor<?x2xf32>, %e: "
     "tensor<1x2xf32>): %r = llm.linear %h, %e : (tensor<?x2xf32>, "
     "tensor<1x2xf32>) -> tensor<?x1xf32> llm.yield %r : tensor<?x1xf32> }",
     // 1 * (100 * 1) + 2 * (10 * 1); 5 * (10 * 5) + 3 * (100 * 5)
     "tensor<?x1xf32>",
     {120, 1750},
     {10, 0, 100, 0},
     "llm.weight @w : tensor<2x1x2xf32>"},
};

const Case rope[] = {
    // theta 100 and 4 dims: frequencies 1 and 0.1, at position 1.
    {"RopeHalf",
     4,
     {1, 1, 0, 0, 1, 1, 0, 0},
     "%f = llm.rope_freqs 4 theta 100.0 : tensor<2xf32> %h = llm.reshape %x to "
     "[1, 4] : (tensor<?x4xf32>) -> tensor<?x1x4xf32> %r = llm.rope half %h, "
     "%pos, %f : (tensor<?x1x4xf32>, tensor<?xi32>, tensor<2xf32>) -> "
     "tensor<?x1x4xf32> %y = llm.reshape %r to [4] : (tensor<?x1x4xf32>) -> "
     "tensor<?x4xf32>",
     four,
     {1, 1, 0, 0, 0.540302f, 0.995004f, 0.841471f, 0.099833f}},
    {"RopeAdjacentFromTwo",
     4,
     {0, 0, 0, 0, 7, 8, 1, 0},
     "%f = llm.rope_freqs 2 theta 100.0 : tensor<1xf32> %h = llm.reshape %x to "
     "[1, 4] : (tensor<?x4xf32>) -> tensor<?x1x4xf32> %r = llm.rope adjacent "
     "%h, %pos, %f from 2 amplitude 2.0 : (tensor<?x1x4xf32>, tensor<?xi32>, "
     "tensor<1xf32>) -> tensor<?x1x4xf32> %y = llm.reshape %r to [4] : "
     "(tensor<?x1x4xf32>) -> tensor<?x4xf32>",
     four,
     {0, 0, 0, 0, 7, 8, 1.080605f, 1.682942f}},
};

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Elementwise, Ops, testing::ValuesIn(elementwise),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(Shapes, Ops, testing::ValuesIn(shapes), nameOf);
INSTANTIATE_TEST_SUITE_P(Products, Ops, testing::ValuesIn(products), nameOf);
INSTANTIATE_TEST_SUITE_P(Routing, Ops, testing::ValuesIn(routing), nameOf);
INSTANTIATE_TEST_SUITE_P(Rope, Ops, testing::ValuesIn(rope), nameOf);

// Frequencies 1 and 1/100: the first turns often, the second never.
TEST_F(Fixture, ScaledFrequencies) {
  weights = {{"x", {0}}};
  std::string freqs = "%f = llm.rope_freqs 4 theta 10000.0 : tensor<2xf32> ";
  parse(2,
        freqs + "%y = llm.freqs_llama3 %f {factor = 8.0 : f32, low = 1.0 : "
                "f32, high = 4.0 : f32, original = 64 : i64} : tensor<2xf32>",
        "tensor<2xf32>");
  EXPECT_THAT(run(), ElementsAre(1, FloatNear(0.00125f, 1e-7f)));
  parse(2,
        freqs + "%y = llm.freqs_yarn %f {factor = 4.0 : f32, theta = 10000.0 "
                ": f32, original = 64 : i64, fast = 8.0 : f32, slow = 1.0 : "
                "f32, truncate = true} : tensor<2xf32>",
        "tensor<2xf32>");
  // lo = floor(0.05) = 0, hi = ceil(0.50) = 1.
  EXPECT_THAT(run(), ElementsAre(1, FloatNear(0.0025f, 1e-7f)));
}

// Softmax of three scores of keys 0, 0 and 0 with a bias is that of the bias.
class BiasTest : public Fixture {
protected:
  // Per query its weights of the keys: values are unit vectors, queries are 0.
  Numbers weightsOf(const std::string &bias, const std::string &mask) {
    weights["x"] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    parse(3,
          bias +
              "%h = llm.reshape %x to [1, 3] : (tensor<?x3xf32>) -> "
              "tensor<?x1x3xf32> %z = llm.constant 0.0 %q = llm.binary mul "
              "%h, %z : (tensor<?x1x3xf32>, tensor<f32>) -> "
              "tensor<?x1x3xf32> %a = llm.attention %q over %h, %h for %b "
              "mask [" +
              mask +
              "] scale 1.0 bias %s : (tensor<?x1x3xf32>, tensor<?x1x3xf32>, "
              "tensor<?x1x3xf32>, !llm.batch, !llm.bias<1>) -> "
              "tensor<?x1x3xf32> %y = llm.reshape %a to [3] : "
              "(tensor<?x1x3xf32>) -> tensor<?x3xf32>",
          "tensor<?x3xf32>", "llm.weight @w : tensor<4x1xf32>");
    return run();
  }
};

TEST_F(BiasTest, Alibi) {
  // One head: slope 2^-8, times 256.
  Numbers y = weightsOf("%s = llm.alibi 1 times 256.0 ", "#llm.mask<causal>");
  float e = std::exp(1.0f);
  EXPECT_THAT(y, Pointwise(FloatNear(1e-5f),
                           Numbers{1, 0, 0, 1 / (1 + e), e / (1 + e), 0,
                                   1 / (1 + e + e * e), e / (1 + e + e * e),
                                   e * e / (1 + e + e * e)}));
}

TEST_F(BiasTest, Buckets) {
  // Both ways: distance 0, 1 and more before; 1 and more after.
  weights["w"] = {0, std::log(2.0f), -100, std::log(4.0f)};
  Numbers y = weightsOf("%v = llm.use @w : tensor<4x1xf32> %s = "
                        "llm.bucket_bias %v max_distance 8 both_ways true : "
                        "tensor<4x1xf32> ",
                        "#llm.mask<all>");
  EXPECT_THAT(y, Pointwise(FloatNear(1e-5f),
                           Numbers{1.f / 9, 4.f / 9, 4.f / 9, 2.f / 7, 1.f / 7,
                                   4.f / 7, 0.4f, 0.4f, 0.2f}));
}

TEST_F(BiasTest, Distances) {
  // Query i has 1 at distance i, and 0 at others.
  Numbers y = weightsOf("%d = llm.reshape %x to [1, 3] : (tensor<?x3xf32>) -> "
                        "tensor<?x1x3xf32> %s = llm.distance_bias %d : "
                        "(tensor<?x1x3xf32>) -> !llm.bias<1> ",
                        "#llm.mask<causal>");
  float e = std::exp(1.0f);
  EXPECT_THAT(y, Pointwise(FloatNear(1e-5f),
                           Numbers{1, 0, 0, e / (1 + e), 1 / (1 + e), 0,
                                   e / (2 + e), 1 / (2 + e), 1 / (2 + e)}));
}

TEST_F(BiasTest, Masks) {
  auto seen = [&](const std::string &mask) {
    Numbers y = weightsOf("%s = llm.alibi 1 times 0.0 ", mask);
    std::string text;
    for (float p : y)
      text += p > 0 ? '1' : '0';
    return text;
  };
  EXPECT_EQ(seen("#llm.mask<all>"), "111111111");
  EXPECT_EQ(seen("#llm.mask<causal>"), "100110111");
  EXPECT_EQ(seen("#llm.mask<window, 2>"), "100110011");
  EXPECT_EQ(seen("#llm.mask<band, 1>"), "110111011");
  EXPECT_EQ(seen("#llm.mask<chunk, 2>"), "110110001");
  EXPECT_EQ(seen("#llm.mask<chunk, 2>, #llm.mask<causal>"), "100110001");
}

// A sink takes its share of the weights and gives nothing.
TEST_F(Fixture, SinksAndCap) {
  weights = {{"x", {2}}, {"w", {std::log(3.0f)}}};
  parse(1,
        "%v = llm.use @w : tensor<1xf32> %h = llm.reshape %x to [1, 1] : "
        "(tensor<?x1xf32>) -> tensor<?x1x1xf32> %a = llm.attention %h over "
        "%h, %h for %b mask [#llm.mask<all>] scale 0.0 cap 5.0 sinks %v : "
        "(tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, "
        "!llm.batch, tensor<1xf32>) -> tensor<?x1x1xf32> %y = llm.reshape %a "
        "to [1] : (tensor<?x1x1xf32>) -> tensor<?x1xf32>",
        "tensor<?x1xf32>", "llm.weight @w : tensor<1xf32>");
  EXPECT_THAT(run("0"), ElementsAre(FloatNear(0.5f, 1e-6f)));
}

} // namespace
} // namespace sluice::evaluate
