#include "dialects/plan/PlanDialect.h"

#include "gtest/gtest.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace {

class PlanDialect : public testing::Test {
protected:
  PlanDialect()
      : handler(&context, [this](Diagnostic &diagnostic) {
          messages += diagnostic.str() + "\n";
        }) {
    context.loadDialect<sluice::plan::PlanDialect>();
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, &context);
  }

  std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return text;
  }

  MLIRContext context;
  std::string messages;
  ScopedDiagnosticHandler handler;
};

const char *const kPlan = R"(
plan.weight @embed f32 rows [256, 64] of ["embed"]
plan.weight @layers.qkv bf16 panel [128, 64] of ["layers.q", "layers.k", "layers.v"] layers [0, 1]
plan.weight @freqs f32 rows [2] value dense<[1.0, 0.5]> : tensor<2xf32>
plan.state @layers.kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768 layers [0, 1]
plan.kernel @embedding "embedding" {weight = "f32"} (ids, w) -> (y) dims (N, y.stride)
plan.kernel @linear "linear" {compute = "bf16"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.kernel @twice "map" {} (x) -> (y) dims (N) body(%x: f32) {
  plan.yield %x : f32
}
plan.entry @generate "generate" inputs {ids = "tokens"} limits [256] outputs (rows) start 0 positions {kind = "linear"}
plan.program @generate.decode for @generate tokens 1 to 8 {
  %ids = input "ids" i32[1]
  %x = buffer "x" tokens f32[64] at [0, 256, 0]
  %qkv = buffer "qkv" tokens * 2 f32[128]
  dispatch @embedding(ids = %ids, w = @embed[0]) -> (y = %x) dims {N = 64, y.stride = 64} rows tokens
  dispatch @linear(x = %x, w = @layers.qkv[1]) -> (y = %qkv[64]) dims {K = 64, N = 128, x.stride = 64, y.stride = 128} rows tokens * 2 scratch 1024 nowait layer 1
  output "rows" %x tokens[64]
}
)";

TEST_F(PlanDialect, PrintsWhatItParses) {
  OwningOpRef<ModuleOp> module = parse(kPlan);
  ASSERT_TRUE(module) << messages;
  std::string text = print(*module);
  OwningOpRef<ModuleOp> again = parse(text);
  ASSERT_TRUE(again) << messages << text;
  EXPECT_EQ(print(*again), text);
  EXPECT_NE(text.find("dispatch @linear(x = %x, w = @layers.qkv[1]) -> "
                      "(y = %qkv[64]) dims {K = 64, N = 128, x.stride = 64, "
                      "y.stride = 128} rows tokens * 2 scratch 1024 nowait "
                      "layer 1"),
            std::string::npos)
      << text;
}

TEST_F(PlanDialect, OperandsAreFoundByName) {
  OwningOpRef<ModuleOp> module = parse(kPlan);
  ASSERT_TRUE(module) << messages;
  SmallVector<sluice::plan::Operand> operands;
  module->walk([&](sluice::plan::StepOpInterface step) {
    operands = sluice::plan::operandsOf(step);
  });
  ASSERT_EQ(operands.size(), 3u);
  EXPECT_EQ(operands[0].name, "x");
  EXPECT_EQ(sluice::plan::shapeOf(operands[0].buffer).columns, 64);
  EXPECT_EQ(operands[1].symbol.getValue(), "layers.qkv");
  EXPECT_EQ(operands[1].index, 1);
  EXPECT_FALSE(operands[1].written);
  EXPECT_EQ(operands[2].index, 64);
  EXPECT_TRUE(operands[2].written);
}

struct Bad {
  const char *text, *message;
};

TEST_F(PlanDialect, RefusesInconsistentOps) {
  const Bad cases[] = {
      {"plan.weight @w f16 rows [2] of [\"w\"]", "expected f32, bf16 or i32"},
      {"plan.weight @w f32 panel [2] of [\"w\"]", "found rank 1"},
      {"plan.weight @w f32 panel_glu [2, 2] of [\"w\"]", "gate and up"},
      {"plan.weight @w f32 rows [2]", "either parts or a value"},
      {"plan.weight @w f32 rows [2] of [\"w\"] layers [1, 1]", "ascend"},
      {"plan.kernel @k \"map\" {} (x) -> (x) dims (N)", "'x' twice"},
      {"plan.program @p for @e tokens 3 to 2 {}", "empty range"},
      {"plan.program @p for @e tokens 1 { %a = buffer \"a\" one f32[4] "
       "dispatch @k() -> (y = %a[4]) dims {} rows one }",
       "from column 4"},
      {"plan.program @p for @e tokens 1 { %a = buffer \"a\" one f32[4] at "
       "[0, 8, 0] }",
       "multiples of 64"},
      {"plan.program @p for @e tokens 1 { %a = input \"a\" i32[1] "
       "dispatch @k() -> (y = %a) dims {} rows one }",
       "to an input"},
  };
  for (const Bad &bad : cases) {
    messages.clear();
    EXPECT_FALSE(parse(bad.text)) << bad.text;
    EXPECT_NE(messages.find(bad.message), std::string::npos) << bad.text << "\n"
                                                             << messages;
  }
}

} // namespace
