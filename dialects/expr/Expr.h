// Arithmetic on IR values in C++ notation: `a * b + 1` emits arith.mulf or
// arith.muli by the type of a. A number beside an Expr becomes a constant of
// the Expr's type (a splat for vectors). Comparisons give i1 (or vectors of
// it); integers and indices are signed in < and unsigned in / % >>.
#pragma once

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <type_traits>

namespace sluice::expr {

class Expr {
public:
  Expr() = default;
  Expr(mlir::ImplicitLocOpBuilder &builder, mlir::Value value)
      : builder(&builder), value(value) {}

  operator mlir::Value() const { return value; }
  explicit operator bool() const { return static_cast<bool>(value); }
  mlir::Type type() const { return value.getType(); }
  mlir::ImplicitLocOpBuilder &b() const { return *builder; }

  // A constant of this type.
  Expr like(double number) const;
  // Sign, absolute value and so on keep the type.
  Expr operator-() const;

private:
  mlir::ImplicitLocOpBuilder *builder = nullptr;
  mlir::Value value;
};

template <typename T>
concept Number = std::is_arithmetic_v<T>;

#define SLUICE_EXPR_OPERATOR(op)                                               \
  Expr operator op(Expr left, Expr right);                                     \
  template <Number T> Expr operator op(Expr left, T right) {                   \
    return left op left.like(static_cast<double>(right));                      \
  }                                                                            \
  template <Number T> Expr operator op(T left, Expr right) {                   \
    return right.like(static_cast<double>(left)) op right;                     \
  }
SLUICE_EXPR_OPERATOR(+)
SLUICE_EXPR_OPERATOR(-)
SLUICE_EXPR_OPERATOR(*)
SLUICE_EXPR_OPERATOR(/)
SLUICE_EXPR_OPERATOR(%)
SLUICE_EXPR_OPERATOR(&)
SLUICE_EXPR_OPERATOR(|)
SLUICE_EXPR_OPERATOR(<<)
SLUICE_EXPR_OPERATOR(>>)
SLUICE_EXPR_OPERATOR(<)
SLUICE_EXPR_OPERATOR(<=)
SLUICE_EXPR_OPERATOR(>)
SLUICE_EXPR_OPERATOR(>=)
SLUICE_EXPR_OPERATOR(==)
SLUICE_EXPR_OPERATOR(!=)
#undef SLUICE_EXPR_OPERATOR

// Free functions. All are elementwise; float ones take f32 (or f64) scalars and
// vectors of any length.
Expr fma(Expr a, Expr b, Expr c); // one rounding; never formed otherwise
// The second operand where either is NaN: one instruction each on x86. Also
// for index and integers (signed).
Expr max(Expr a, Expr b);
Expr min(Expr a, Expr b);
Expr select(Expr condition, Expr yes, Expr no);
Expr abs(Expr x);
Expr sqrt(Expr x);
Expr exp(Expr x);
Expr log(Expr x);
Expr log1p(Expr x);
Expr tanh(Expr x);
Expr erf(Expr x);
Expr sin(Expr x);
Expr cos(Expr x);
Expr floor(Expr x);
Expr roundEven(Expr x);
Expr ceilDiv(Expr a, int64_t b);

// Conversions. f32 -> bf16 is not here: it depends on the target, see
// KernelBuilder::toBf16.
Expr splat(Expr scalar, int64_t lanes);
Expr bitcast(Expr x, mlir::Type element); // same shape, other element type
Expr toFloat(Expr x, mlir::Type element); // from index, signed integers, floats
Expr toInt(Expr x, mlir::Type element);   // index, or floats towards zero
Expr toIndex(Expr x);                     // from signed integers

// The activations of the `act` op by their spec words: silu, swish (beta),
// gelu_tanh, gelu_erf, relu, relu2, sigmoid, tanh, softplus, exp, log, log1p,
// floor, sqrt, sin, cos, neg; "none" gives x. Null for another word. One
// definition for the epilogue of products and for elementwise regions, so that
// fused and unfused programs give the same bits.
Expr activation(llvm::StringRef word, Expr x, double beta = 1.0);
llvm::SmallVector<llvm::StringRef> activationWords();

} // namespace sluice::expr
