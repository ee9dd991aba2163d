#include "compiler/transforms/Pipeline.h"

#include "compiler/transforms/Passes.h"

#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace sluice {

namespace {
struct Fusion {
  StringRef name;
  std::unique_ptr<Pass> (*create)(FusionReport *);
};

// Siblings merge before a norm is pulled in: a norm with three readers does
// not fuse. Gated units are recognised on merged siblings. Experts are matched
// last, when their bodies have become two fused products.
constexpr Fusion fusions[] = {
    {"share-rope", createShareRope},
    {"wanted-rows", createWantedRows},
    {"merge-siblings", createMergeSiblings},
    {"fuse-norm-matmul", createFuseNormMatmul},
    {"fuse-swiglu", createFuseSwiglu},
    {"fuse-epilogue", createFuseEpilogue},
    {"fuse-rope-attention", createFuseRopeAttention},
    {"fuse-moe-dispatch", createFuseMoeDispatch},
    {"fuse-elementwise", createFuseElementwise},
};

struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  ListOption<std::string> disable{*this, "disable",
                                  llvm::cl::desc("fusions to leave out")};
};
} // namespace

ArrayRef<StringRef> fusionNames() {
  static const SmallVector<StringRef> names = llvm::map_to_vector(
      fusions, [](const Fusion &fusion) { return fusion.name; });
  return names;
}

void buildFusionPipeline(OpPassManager &manager, const FusionOptions &options) {
  manager.addPass(createVerifyModel());
  for (const Fusion &fusion : fusions)
    if (!options.disabled.contains(fusion.name.str()))
      manager.addPass(fusion.create(options.report));
  manager.addPass(createVerifyFused());
}

void registerFusionPassesAndPipeline() {
  registerFusionPasses();
  PassPipelineRegistration<PipelineOptions>(
      "fusion-pipeline", "All fusions in their order, between verifications",
      [](OpPassManager &manager, const PipelineOptions &options) {
        FusionOptions fusion;
        fusion.disabled.insert(options.disable.begin(), options.disable.end());
        buildFusionPipeline(manager, fusion);
      });
}

} // namespace sluice
