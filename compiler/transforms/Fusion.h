// What the fusion passes share: matching helpers, locations and the report.
#pragma once

#include "compiler/transforms/FusionReport.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace sluice {

// The running pass as its patterns see it.
struct Fusion {
  llvm::StringRef pass;
  FusionReport *report;

  // All parts' locations, marked with the pass that fused them.
  mlir::Location locate(llvm::ArrayRef<mlir::Operation *> parts) const;

  void fired(mlir::Operation *op, const llvm::Twine &message) const;

  // A partial match that ends at `other`: told to the rewriter and the report.
  llvm::LogicalResult miss(mlir::RewriterBase &rewriter, mlir::Operation *op,
                           mlir::Operation *other,
                           const llvm::Twine &message) const;
};

template <typename Op> struct FusionPattern : mlir::OpRewritePattern<Op> {
  FusionPattern(mlir::MLIRContext *context, const Fusion &fusion)
      : mlir::OpRewritePattern<Op>(context), fusion(fusion) {}
  const Fusion &fusion;
};

// Applies patterns to the whole module until none matches.
llvm::LogicalResult
runFusion(mlir::ModuleOp module, const Fusion &fusion,
          llvm::function_ref<void(mlir::RewritePatternSet &, const Fusion &)>
              populate);

// The body of a fusion pass: `Base` is the class generated for it.
template <typename Base> struct FusionPassBase : Base {
  FusionPassBase() = default;
  explicit FusionPassBase(FusionReport *report) : report(report) {}
  // From the options struct that is generated with Base.
  template <typename Options>
    requires(std::is_class_v<Options> && !std::is_base_of_v<Base, Options>)
  explicit FusionPassBase(Options options) : Base(std::move(options)) {}

  virtual llvm::LogicalResult fuse(const Fusion &fusion) = 0;

  void runOnOperation() final {
    FusionReport own;
    FusionReport *target = report ? report : &own;
    if (failed(fuse({this->getArgument(), target})))
      this->signalPassFailure();
    if (this->print)
      target->print(llvm::errs());
  }

  FusionReport *report = nullptr;
};

// The only op that reads the value, taps aside; null if there are several
// readers or none. An op that reads it twice counts once.
mlir::Operation *onlyUser(mlir::Value value);

// A reader other than `user`, taps aside; null if there is none.
mlir::Operation *otherUser(mlir::Value value, mlir::Operation *user);

// Taps of values that a fusion removes.
void dropTaps(mlir::RewriterBase &rewriter, mlir::Value value);

// The number that `llm.constant` makes, if the value is one.
std::optional<float> numberOf(mlir::Value value);

// Moves the op that reads a weight in front of `before`, if it stands later in
// the same block. False if the value is not known there.
bool makeAvailable(mlir::RewriterBase &rewriter, mlir::Value weight,
                   mlir::Operation *before);

// What weights must have in common to be packed side by side as one: a packed
// weight has one layer index, and all its parts are there in every layer.
struct Packing {
  bool declared = false;        // read by `llm.use`
  const void *layer = nullptr;  // the constant or the value, null for none
  const void *layers = nullptr; // attribute of those that have the weight
  auto operator<=>(const Packing &) const = default;
};
Packing packingOf(mlir::Value weight);

// Why weights cannot be packed so; null if they can.
const char *whyNotPacked(llvm::ArrayRef<mlir::Value> weights);

// `linear` and `fused_linear` seen alike, with what a fusion may add to them.
struct LinearForm {
  mlir::Operation *op = nullptr;
  mlir::Value x, normWeight, normBias;
  llvm::SmallVector<mlir::Value> weights, biases;
  mlir::Value residual;
  llm::NormAttr norm;
  llm::ComputeAttr compute;
  llm::Epilogue epilogue;

  // Null `op` if the value's op is no product.
  static LinearForm of(mlir::Operation *op);
  explicit operator bool() const { return op != nullptr; }

  // Only the sum of products and a bias.
  bool isPlain() const { return !norm && !epilogue && !residual; }

  // The fused op, in front of the rewriter's insertion point.
  llm::FusedLinearOp build(mlir::OpBuilder &builder, mlir::Location loc) const;
};

} // namespace sluice
