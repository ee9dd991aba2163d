// Math functions of kernels as polynomials.
#include "compiler/codegen/Lowering.h"

#include "dialects/expr/Expr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace sluice::codegen {
namespace {

using expr::Expr;

// x * (c[0] + x^2 * (c[1] + ...)) or without the leading x.
Expr polynomial(Expr square, ArrayRef<double> coefficients) {
  Expr sum = square.like(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, square, square.like(coefficient));
  return sum;
}

struct SineCosine {
  Expr sine, cosine;
};

// Of f64 angles below 2^31 in size; the error is far below half an ulp of f32.
SineCosine sineAndCosine(Expr angle) {
  // angle = quarters * pi / 2 + rest, |rest| <= pi / 4.
  Expr quarters = roundEven(angle * 0.63661977236758134);
  Expr rest = fma(quarters, angle.like(-1.5707963267948966), angle);
  rest = fma(quarters, angle.like(-6.123233995736766e-17), rest);
  Expr square = rest * rest;
  // Taylor series: the first terms left out are below 2e-15 here.
  Expr sine = rest * polynomial(square, {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040,
                                         1.0 / 362880, -1.0 / 39916800,
                                         1.0 / 6227020800.0});
  Expr cosine = polynomial(square, {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720,
                                    1.0 / 40320, -1.0 / 3628800,
                                    1.0 / 479001600, -1.0 / 87178291200.0});
  Expr quadrant = toInt(quarters, angle.b().getI32Type());
  Expr odd = (quadrant & 1) != 0;
  Expr sineNegative = (quadrant & 2) != 0;
  Expr cosineNegative = ((quadrant + 1) & 2) != 0;
  Expr s = select(odd, cosine, sine), c = select(odd, sine, cosine);
  return {select(sineNegative, -s, s), select(cosineNegative, -c, c)};
}

// Sine and cosine of f32, taken in f64: near angle 1e5, where positions get, an
// f32 range reduction is wrong in the third digit.
template <typename Op> struct ExpandTurn : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not of f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SineCosine both =
        sineAndCosine(toFloat(Expr(b, op.getOperand()), b.getF64Type()));
    Expr result = std::is_same_v<Op, math::SinOp> ? both.sine : both.cosine;
    rewriter.replaceOp(op, static_cast<Value>(toFloat(result, b.getF32Type())));
    return success();
  }
};

struct ExpandMathPass
    : public PassWrapper<ExpandMathPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandMathPass)

  StringRef getArgument() const override { return "expand-kernel-math"; }
  StringRef getDescription() const override {
    return "Replace math functions by polynomials";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, vector::VectorDialect>();
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(
        patterns, [](StringRef name) { return isExpanded(name); });
    patterns.add<ExpandTurn<math::SinOp>, ExpandTurn<math::CosOp>>(
        patterns.getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();

    WalkResult left = getOperation().walk([](Operation *op) {
      if (!isa<math::MathDialect>(op->getDialect()) || isInstruction(op))
        return WalkResult::advance();
      op->emitError("has no expansion for ") << op->getResult(0).getType();
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }

  static bool isExpanded(StringRef name) {
    return llvm::is_contained({"math.exp", "math.expm1", "math.log",
                               "math.log1p", "math.log2", "math.tanh",
                               "math.erf"},
                              name);
  }

  // Operations that the processor has, or that LLVM expands without a library.
  static bool isInstruction(Operation *op) {
    return isa<math::SqrtOp, math::RsqrtOp, math::FloorOp, math::CeilOp,
               math::TruncOp, math::RoundEvenOp, math::AbsFOp, math::AbsIOp,
               math::FmaOp, math::CopySignOp, math::CtPopOp,
               math::CountLeadingZerosOp, math::CountTrailingZerosOp,
               math::IsNaNOp, math::IsInfOp, math::IsFiniteOp>(op);
  }
};

} // namespace

std::unique_ptr<Pass> createExpandMathPass() {
  return std::make_unique<ExpandMathPass>();
}

} // namespace sluice::codegen
