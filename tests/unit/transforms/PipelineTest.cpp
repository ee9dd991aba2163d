// The pipeline as a library call, and its report.
#include "compiler/transforms/Pipeline.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using testing::HasSubstr;

namespace sluice {
namespace {

constexpr const char *block = R"mlir(
func.func private @block(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %h = llm.rms_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = llm.linear %h, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %a = llm.act relu %y : tensor<?x64xf32>
  %z = llm.binary add %h, %a : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
)mlir";

class Pipeline : public testing::Test {
protected:
  Pipeline() {
    context.loadDialect<llm::LLMDialect, func::FuncDialect>();
    module = parseSourceString<ModuleOp>(block, &context, "block.mlir");
  }

  // Runs the pipeline and counts fused products.
  int run(const FusionOptions &options) {
    PassManager manager(&context);
    buildFusionPipeline(manager, options);
    EXPECT_TRUE(succeeded(manager.run(*module)));
    int fused = 0;
    module->walk([&](llm::FusedLinearOp) { ++fused; });
    return fused;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(Pipeline, ReportsWhatFiredAndWhatNearlyDid) {
  FusionReport report;
  EXPECT_EQ(run({.disabled = {}, .report = &report}), 1);
  std::string text;
  llvm::raw_string_ostream out(text);
  report.print(out);
  EXPECT_THAT(text, HasSubstr("fuse-norm-matmul: not fused at block.mlir:4:"));
  EXPECT_THAT(text, HasSubstr("(block.mlir:6:"));
  EXPECT_THAT(text, HasSubstr("fuse-epilogue: fused at block.mlir:5:"));
}

TEST_F(Pipeline, DisabledFusionsDoNotRun) {
  FusionOptions options;
  for (llvm::StringRef name : fusionNames())
    options.disabled.insert(name.str());
  EXPECT_EQ(run(options), 0);
}

} // namespace
} // namespace sluice
