// Faults put into passes on purpose, which bisect must find.
#include "compiler/pipeline/Bisect.h"

#include "compiler/evaluate/Difference.h"
#include "compiler/evaluate/Steps.h"
#include "compiler/transforms/Passes.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace sluice::pipeline {
namespace {

// Two layers; a place for each op.
constexpr const char *model = R"mlir(
llm.weight @embed : tensor<8x6xf32>
llm.weight @layers.n : tensor<6xf32> layers [0, 1]
llm.weight @layers.up : tensor<10x6xf32> layers [0, 1]
llm.weight @layers.down : tensor<6x10xf32> layers [0, 1]
llm.state @layers.kv cache {k = [3, 2], v = [3, 2]} layers [0, 1]
func.func private @layer(%l: index, %b: !llm.batch, %x: tensor<?x6xf32>, %pos: tensor<?xi32>, %f: tensor<1xf32>) -> tensor<?x6xf32> {
  %h = llm.reshape %x to [3, 2] : (tensor<?x6xf32>) -> tensor<?x3x2xf32>
  %q = llm.rope half %h, %pos, %f : (tensor<?x3x2xf32>, tensor<?xi32>, tensor<1xf32>) -> tensor<?x3x2xf32> loc("q"("a.yaml":10:1))
  %c = llm.append @layers.kv[%l] (%q, %h) for %b : tensor<?x3x2xf32>, tensor<?x3x2xf32>
  %a = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 50.0 : (tensor<?x3x2xf32>, !llm.cache, !llm.batch) -> tensor<?x3x2xf32> loc("a"("a.yaml":11:1))
  %r = llm.reshape %a to [6] : (tensor<?x3x2xf32>) -> tensor<?x6xf32>
  %w0 = llm.use @layers.n[%l] : tensor<6xf32>
  %n = llm.rms_norm %r, %w0 eps 1.0e-5 : (tensor<?x6xf32>, tensor<6xf32>) -> tensor<?x6xf32> loc("n"("a.yaml":12:1))
  %w1 = llm.use @layers.up[%l] : tensor<10x6xf32>
  %u = llm.linear %n, %w1 : (tensor<?x6xf32>, tensor<10x6xf32>) -> tensor<?x10xf32> loc("u"("a.yaml":13:1))
  %t = llm.act tanh %u : tensor<?x10xf32> loc("t"("a.yaml":14:1))
  %w2 = llm.use @layers.down[%l] : tensor<6x10xf32>
  %d = llm.linear %t, %w2 : (tensor<?x10xf32>, tensor<6x10xf32>) -> tensor<?x6xf32> loc("d"("a.yaml":15:1))
  %y = llm.binary add %x, %d : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32> loc("y"("a.yaml":16:1))
  return %y : tensor<?x6xf32>
}
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x8xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %f = llm.rope_freqs 2 theta 10.0 : tensor<1xf32>
  %e = llm.use @embed : tensor<8x6xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<8x6xf32>) -> tensor<?x6xf32>
  %l0 = arith.constant 0 : index
  %x0 = call @layer(%l0, %b, %x, %pos, %f) : (index, !llm.batch, tensor<?x6xf32>, tensor<?xi32>, tensor<1xf32>) -> tensor<?x6xf32>
  %l1 = arith.constant 1 : index
  %x1 = call @layer(%l1, %b, %x0, %pos, %f) : (index, !llm.batch, tensor<?x6xf32>, tensor<?xi32>, tensor<1xf32>) -> tensor<?x6xf32>
  %h = llm.linear %x1, %e : (tensor<?x6xf32>, tensor<8x6xf32>) -> tensor<?x8xf32> loc("logits"("a.yaml":20:1))
  %y = llm.wanted_rows %h for %b : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
)mlir";

using Fault = std::function<void(ModuleOp)>;
using Factory = std::unique_ptr<Pass> (*)(FusionReport *);

// A pass of the compiler that makes a mistake at its end.
class Faulty : public PassWrapper<Faulty, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Faulty)
  Faulty(StringRef name, Factory factory, Fault fault)
      : name(name), factory(factory), fault(std::move(fault)) {}

  StringRef getArgument() const final { return name; }
  void runOnOperation() final {
    // Of its own, so that nothing is evaluated before the mistake.
    PassManager inner(&getContext());
    inner.addPass(factory(nullptr));
    if (failed(inner.run(getOperation())))
      signalPassFailure();
    fault(getOperation());
  }

private:
  StringRef name;
  Factory factory;
  Fault fault;
};

class Bisect : public testing::Test {
protected:
  Bisect() {
    context.loadDialect<llm::LLMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
    module = parseSourceString<ModuleOp>(model, &context);
  }

  // What bisect says when the pass called `faulty` makes the fault.
  std::string run(StringRef faulty, const Fault &fault, Trial trial) {
    PassManager passes(&context);
    for (auto [name, factory] :
         {std::pair<StringRef, Factory>("share-rope", createShareRope),
          {"wanted-rows", createWantedRows},
          {"merge-siblings", createMergeSiblings},
          {"fuse-norm-matmul", createFuseNormMatmul},
          {"fuse-swiglu", createFuseSwiglu},
          {"fuse-epilogue", createFuseEpilogue},
          {"fuse-rope-attention", createFuseRopeAttention},
          {"fuse-elementwise", createFuseElementwise}})
      if (name == faulty)
        passes.addPass(std::make_unique<Faulty>(name, factory, fault));
      else
        passes.addPass(factory(nullptr));
    Result<std::vector<evaluate::Step>> steps = trialSteps(*module, trial);
    EXPECT_TRUE(steps.ok()) << steps.status().message();
    llvm::raw_string_ostream out(table);
    return bisect(*module, passes, evaluate::seededWeights(3), *steps,
                  trial.tolerance, out)
        .message();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  const Trial two = {{{1, 2, 3, 4}, {5, 6}}, {}};
  std::string table;
};

TEST_F(Bisect, FindsNothingInSoundPasses) {
  EXPECT_EQ(run("", {}, two), "");
  EXPECT_THAT(table, HasSubstr("no pass moves the outputs"));
  EXPECT_THAT(table, HasSubstr("fuse-elementwise"));
}

// Also op by op: what is fused has its counterparts.
TEST_F(Bisect, SoundPassesMoveNoOp) {
  Result<std::vector<evaluate::Step>> steps = trialSteps(*module, two);
  auto before =
      evaluate::runSteps(*module, evaluate::seededWeights(3), *steps, true);
  run("", {}, two);
  auto after =
      evaluate::runSteps(*module, evaluate::seededWeights(3), *steps, true);
  EXPECT_FALSE(evaluate::firstMoved(*steps, *before, *after, 1e-6));
}

TEST_F(Bisect, FindsAWrongNumber) {
  std::string found = run(
      "fuse-norm-matmul",
      [](ModuleOp module) {
        module.walk([](llm::FusedLinearOp op) {
          if (llm::NormAttr norm = op.getNormAttr())
            op.setNormAttr(
                llm::NormAttr::get(op.getContext(), norm.getKind(),
                                   OpBuilder(op).getF32FloatAttr(1.0f)));
        });
      },
      two);
  EXPECT_THAT(
      found,
      HasSubstr("the pass 'fuse-norm-matmul' moves the outputs; "
                "a.yaml:13:1: llm.fused_linear (u) of layer 0 in step 1"));
  EXPECT_THAT(found, HasSubstr("fused from a.yaml:12:1"));
  // Nothing is evaluated any more.
  EXPECT_THAT(table, Not(HasSubstr("fuse-swiglu")));
}

TEST_F(Bisect, FindsALostPart) {
  std::string found = run(
      "fuse-epilogue",
      [](ModuleOp module) {
        module.walk([](llm::FusedLinearOp op) {
          llm::Epilogue epilogue = op.epilogue();
          epilogue.act = std::nullopt;
          op.setEpilogueAttr(
              epilogue ? llm::EpilogueAttr::get(op.getContext(), epilogue)
                       : llm::EpilogueAttr());
        });
      },
      two);
  EXPECT_THAT(found, HasSubstr("the pass 'fuse-epilogue' moves the outputs; "
                               "a.yaml:14:1: llm.fused_linear"));
}

// What goes wrong at one position only shows once it is reached.
TEST_F(Bisect, FindsAWrongMaskInALaterStep) {
  auto fault = [](ModuleOp module) {
    module.walk([](llm::FusedAttentionOp op) {
      op.setMaskAttr(OpBuilder(op).getArrayAttr(
          {llm::MaskAttr::get(op.getContext(), llm::MaskKind::window, 3, {})}));
    });
  };
  EXPECT_EQ(run("fuse-rope-attention", fault, {{{1, 2, 3}}, {}}), "");
  module = parseSourceString<ModuleOp>(model, &context);
  EXPECT_THAT(run("fuse-rope-attention", fault, two),
              AllOf(HasSubstr("the pass 'fuse-rope-attention'"),
                    HasSubstr("a.yaml:11:1: llm.fused_attention"),
                    HasSubstr("of layer 0 in step 2")));
}

TEST_F(Bisect, FindsAFaultOutsideOfTheBlocks) {
  std::string found = run(
      "share-rope",
      [](ModuleOp module) {
        module.walk([](llm::RopeTableOp op) { op.setAmplitude(2.0f); });
      },
      two);
  EXPECT_THAT(found,
              HasSubstr("the pass 'share-rope' moves the outputs; a.yaml:10:1: "
                        "llm.rotate (q) of layer 0 in step 1"));
}

} // namespace
} // namespace sluice::pipeline
