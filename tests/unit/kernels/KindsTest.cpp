// What kinds of kernels say of themselves: signatures, and attributes that they
// refuse.
#include "compiler/kernels/Kinds.h"
#include "runtime/format/CallCheck.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "gmock/gmock.h"

using namespace mlir;
using namespace sluice;
using namespace sluice::kernels;

namespace {

class KindsTest : public ::testing::Test {
protected:
  // "x w -> y", or the message.
  std::string describe(const std::string &kind,
                       const std::string &attributes = "{}") {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message += diagnostic.str();
      return success();
    });
    auto attrs =
        dyn_cast_or_null<DictionaryAttr>(parseAttribute(attributes, &context));
    EXPECT_TRUE(attrs) << attributes;
    FailureOr<Signature> found = signature(
        kind, attrs, [&] { return emitError(UnknownLoc::get(&context)); });
    if (failed(found))
      return message;
    EXPECT_EQ(format::checkSignature(*found), "") << kind;
    std::string text;
    for (auto [i, operand] : llvm::enumerate(found->operands))
      text += (i == found->writes ? "-> " : "") + operand->name + " ";
    return text;
  }

  MLIRContext context;
};

struct Known {
  const char *kind, *attributes, *operands;
};

// A kind that is added stands here, next to the test of what it computes.
const Known known[] = {
    {"append", "{}", "k v -> cache "},
    {"attend",
     "{head_dim = 64 : i64, value_dim = 64 : i64, mask = [\"causal\", "
     "[\"prefix\", [\"keys\", \"window\"]]]}",
     "q cache prefix keys -> y "},
    {"causal_conv", "{bias}", "x w bias -> y state "},
    {"chosen", "{}", "idx -> y "},
    {"combine", "{weight, residual}", "x position weight residual -> y "},
    {"convert", "{}", "x -> y "},
    {"decaying_mean", "{bonus}", "v k decay bonus -> y state "},
    {"embedding", "{weight = \"i8x32\", layout = \"panel\"}", "ids w -> y "},
    {"gather_pairs", "{scale}", "x pairs weight -> y "},
    {"gather_rows", "{which = \"wanted\"}", "x -> y "},
    {"group", "{}", "idx -> offsets pairs position "},
    {"linear",
     "{weight = \"bf16\", compute = \"bf16\", norm = \"rms\", norm_weight, "
     "bias, residual}",
     "x norm_w w bias residual -> y "},
    {"linear_attention", "{decay = \"rows\", bonus = \"vector\", corrected}",
     "q k v read write decay bonus -> y state "},
    {"map", "{inputs = 2 : i64}", "x0 x1 -> y "},
    {"norm", "{kind = \"layer\", weight, bias, eps = 1.0e-5 : f32}",
     "x w b -> y "},
    {"equals", "{}", "x -> y "},
    {"positive", "{}", "x -> y "},
    {"flags", "{}", "x -> y "},
    {"normalize", "{}", "x -> y "},
    {"number", "{}", "x -> y "},
    {"offset", "{}", "x -> y "},
    {"pick", "{}", "x idx -> y "},
    {"pool_rows", "{by = \"max\"}", "x -> y "},
    {"post", "{glu, bias}", "x bias -> y "},
    {"prepare", nullptr, nullptr}, // in AttentionTest
    {"recurrence",
     "{cell = \"lstm\", weight = \"bf16\", compute = \"bf16\", bias}",
     "x w bias -> y state "},
    {"rope_table", "{}", "pos freqs -> y "},
    {"freqs_ntk", "{theta = 10000.0 : f32}", "x -> y "},
    {"rotate", "{pairing = \"half\"}", "x table -> y "},
    {"route", "{score = \"softmax\", order = \"score_first\"}",
     "x -> idx weight "},
    {"shift", "{}", "x -> y state "},
    {"softmax", "{}", "x -> y "},
    {"log_softmax", "{}", "x -> y "},
    {"start_after", "{}", "x -> y state "},
    {"sum", "{}", "x -> y "},
    {"top_k", "{}", "x -> idx "},
};

TEST_F(KindsTest, AreAllKnownHere) {
  std::vector<std::string> found, expected;
  for (const auto &entry : kinds())
    found.push_back(entry.getKey().str());
  for (const Known &one : known)
    expected.emplace_back(one.kind);
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected));
}

TEST_F(KindsTest, NameTheirOperandsInputsFirst) {
  for (const Known &one : known)
    if (one.attributes) {
      EXPECT_EQ(describe(one.kind, one.attributes), one.operands) << one.kind;
    }
}

TEST_F(KindsTest, RefuseWhatTheyDoNotKnow) {
  EXPECT_EQ(describe("lienar"), "no kernel kind 'lienar'");
  EXPECT_EQ(describe("softmax", "{eps = 1.0 : f32}"),
            "kernel kind 'softmax' has no attribute 'eps'");
  EXPECT_EQ(describe("pool_rows"),
            "kernel kind 'pool_rows' needs the attribute 'by'");
  EXPECT_EQ(describe("linear", "{weight = \"f32\"}"),
            "kernel kind 'linear' needs the attribute 'compute'");
}

TEST_F(KindsTest, RefuseAttributesOfAnotherType) {
  EXPECT_EQ(describe("causal_conv", "{bias = 1 : i64}"),
            "kernel attribute 'bias' is a flag, found 1 : i64");
  EXPECT_EQ(describe("normalize", "{eps = 1 : i64}"),
            "kernel attribute 'eps' is a float, found 1 : i64");
  EXPECT_EQ(describe("map", "{inputs = true}"),
            "kernel attribute 'inputs' is an integer, found true");
  EXPECT_EQ(describe("map", "{inputs = 1.0 : f32}"),
            "kernel attribute 'inputs' is an integer, found 1.000000e+00 : "
            "f32");
  EXPECT_EQ(describe("pool_rows", "{by = \"median\"}"),
            "kernel attribute 'by' is one of mean, max; found \"median\"");
  EXPECT_EQ(describe("causal_conv", "{fn = unit}").substr(0, 35),
            "kernel attribute 'fn' is one of non");
}

TEST_F(KindsTest, RefuseAttributesThatDoNotGoTogether) {
  EXPECT_EQ(describe("linear", "{weight = \"f32\", compute = \"bf16\"}"),
            "linear computes in bf16 only with bf16 weights");
  EXPECT_EQ(describe("linear", "{weight = \"i8x32\", compute = \"bf16\"}"),
            "linear computes in bf16 only with bf16 weights");
  for (std::string weight : {"f32", "bf16"})
    EXPECT_EQ(
        describe("linear", "{weight = \"" + weight + "\", compute = \"i8\"}"),
        "linear computes in i8 only with weights in blocks");
  EXPECT_EQ(describe("linear", "{weight = \"bf16\", compute = \"f32\", input "
                               "= \"bf16\"}"),
            "linear with rows of bf16 computes in bf16");
  EXPECT_EQ(describe("linear", "{weight = \"bf16\", compute = \"bf16\", input "
                               "= \"bf16\", norm = \"rms\"}"),
            "linear normalises rows of f32 only");
  EXPECT_EQ(
      describe("linear", "{weight = \"f32\", compute = \"f32\", norm_weight}"),
      "linear has a norm weight or bias but no norm");
  EXPECT_EQ(describe("attend", "{head_dim = 0 : i64, value_dim = 4 : i64}"),
            "attend needs a head_dim and a value_dim of at least 1");
  EXPECT_EQ(
      describe("linear", "{weight = \"f32\", compute = \"f32\", rows = "
                         "\"heads\", residual}"),
      "linear with a matrix for each head takes rows of f32 as they are, and "
      "adds no residual");
  EXPECT_EQ(describe("attend", "{head_dim = 4 : i64, keys_alone, value_dim = "
                               "5 : i64}"),
            "attend takes values from keys that have fewer channels");
  EXPECT_EQ(describe("attend", "{head_dim = 4 : i64, value_dim = 4 : i64, "
                               "mask = [[\"causel\"]]}"),
            "a mask has no term \"causel\"");
  EXPECT_EQ(describe("attend", "{head_dim = 4 : i64, value_dim = 4 : i64, "
                               "mask = \"causal\"}"),
            "kernel attribute 'mask' is a list, found \"causal\"");
  EXPECT_EQ(describe("map", "{inputs = 0 : i64}"),
            "map takes 1 to 16 inputs, found 0");
  EXPECT_EQ(describe("map", "{inputs = 17 : i64}"),
            "map takes 1 to 16 inputs, found 17");
  for (const char *splat : {"1", "012", "0x"})
    EXPECT_EQ(describe("map", std::string("{inputs = 2 : i64, splat = \"") +
                                  splat + "\"}"),
              std::string("map attribute 'splat' is a 0 or 1 for each of 2 "
                          "inputs, found '") +
                  splat + "'");
}

TEST_F(KindsTest, AFlagMayBeSaidToBeFalse) {
  EXPECT_EQ(describe("causal_conv", "{bias = false}"), "x w -> y state ");
  EXPECT_EQ(describe("causal_conv", "{bias = true}"), "x w bias -> y state ");
}

} // namespace
