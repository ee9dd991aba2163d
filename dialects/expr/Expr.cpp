#include "dialects/expr/Expr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace sluice::expr {

static Type elementOf(Expr x) { return getElementTypeOrSelf(x.type()); }
static bool isFloat(Expr x) { return isa<FloatType>(elementOf(x)); }

// The type of x with another element type.
static Type withElement(Expr x, Type element) {
  if (auto vector = dyn_cast<VectorType>(x.type()))
    return VectorType::get(vector.getShape(), element);
  return element;
}

Expr Expr::like(double number) const {
  Type element = getElementTypeOrSelf(type());
  TypedAttr attr;
  if (auto floatType = dyn_cast<FloatType>(element)) {
    // Through f32 where that is the type: the constant must be the f32 that C
    // code would use.
    APFloat exact(number);
    bool losesInfo;
    exact.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    attr = FloatAttr::get(floatType, exact);
  } else {
    attr = builder->getIntegerAttr(element, static_cast<int64_t>(number));
  }
  if (auto vector = dyn_cast<VectorType>(type()))
    attr = DenseElementsAttr::get(vector, attr);
  return {*builder, arith::ConstantOp::create(*builder, attr)};
}

Expr Expr::operator-() const {
  if (isFloat(*this))
    return {*builder, arith::NegFOp::create(*builder, value)};
  return like(0) - *this;
}

template <typename FloatOp, typename IntOp>
static Expr binary(Expr left, Expr right) {
  assert(left.type() == right.type() && "operands of one type");
  if (isFloat(left))
    return {left.b(), FloatOp::create(left.b(), left, right)};
  return {left.b(), IntOp::create(left.b(), left, right)};
}

template <typename IntOp> static Expr integer(Expr left, Expr right) {
  assert(left.type() == right.type() && "operands of one type");
  return {left.b(), IntOp::create(left.b(), left, right)};
}

static Expr compare(Expr left, Expr right, arith::CmpFPredicate floats,
                    arith::CmpIPredicate integers) {
  assert(left.type() == right.type() && "operands of one type");
  if (isFloat(left))
    return {left.b(), arith::CmpFOp::create(left.b(), floats, left, right)};
  return {left.b(), arith::CmpIOp::create(left.b(), integers, left, right)};
}

Expr operator+(Expr left, Expr right) {
  return binary<arith::AddFOp, arith::AddIOp>(left, right);
}
Expr operator-(Expr left, Expr right) {
  return binary<arith::SubFOp, arith::SubIOp>(left, right);
}
Expr operator*(Expr left, Expr right) {
  return binary<arith::MulFOp, arith::MulIOp>(left, right);
}
Expr operator/(Expr left, Expr right) {
  return binary<arith::DivFOp, arith::DivUIOp>(left, right);
}
Expr operator%(Expr left, Expr right) {
  return integer<arith::RemUIOp>(left, right);
}
Expr operator&(Expr left, Expr right) {
  return integer<arith::AndIOp>(left, right);
}
Expr operator|(Expr left, Expr right) {
  return integer<arith::OrIOp>(left, right);
}
Expr operator<<(Expr left, Expr right) {
  return integer<arith::ShLIOp>(left, right);
}
Expr operator>>(Expr left, Expr right) {
  return integer<arith::ShRUIOp>(left, right);
}
Expr operator<(Expr left, Expr right) {
  return compare(left, right, arith::CmpFPredicate::OLT,
                 arith::CmpIPredicate::slt);
}
Expr operator<=(Expr left, Expr right) {
  return compare(left, right, arith::CmpFPredicate::OLE,
                 arith::CmpIPredicate::sle);
}
Expr operator>(Expr left, Expr right) {
  return compare(left, right, arith::CmpFPredicate::OGT,
                 arith::CmpIPredicate::sgt);
}
Expr operator>=(Expr left, Expr right) {
  return compare(left, right, arith::CmpFPredicate::OGE,
                 arith::CmpIPredicate::sge);
}
Expr operator==(Expr left, Expr right) {
  return compare(left, right, arith::CmpFPredicate::OEQ,
                 arith::CmpIPredicate::eq);
}
Expr operator!=(Expr left, Expr right) {
  return compare(left, right, arith::CmpFPredicate::UNE,
                 arith::CmpIPredicate::ne);
}

Expr fma(Expr a, Expr b, Expr c) {
  return {a.b(), math::FmaOp::create(a.b(), a, b, c)};
}
Expr max(Expr a, Expr b) { return select(a > b, a, b); }
Expr min(Expr a, Expr b) { return select(a < b, a, b); }
Expr select(Expr condition, Expr yes, Expr no) {
  return {yes.b(), arith::SelectOp::create(yes.b(), condition, yes, no)};
}
Expr ceilDiv(Expr a, int64_t b) { return (a + (b - 1)) / b; }

template <typename Op> static Expr unary(Expr x) {
  return {x.b(), Op::create(x.b(), static_cast<Value>(x))};
}
Expr abs(Expr x) { return unary<math::AbsFOp>(x); }
Expr sqrt(Expr x) { return unary<math::SqrtOp>(x); }
Expr exp(Expr x) { return unary<math::ExpOp>(x); }
Expr log(Expr x) { return unary<math::LogOp>(x); }
Expr log1p(Expr x) { return unary<math::Log1pOp>(x); }
Expr tanh(Expr x) { return unary<math::TanhOp>(x); }
Expr erf(Expr x) { return unary<math::ErfOp>(x); }
Expr sin(Expr x) { return unary<math::SinOp>(x); }
Expr cos(Expr x) { return unary<math::CosOp>(x); }
Expr floor(Expr x) { return unary<math::FloorOp>(x); }
Expr roundEven(Expr x) { return unary<math::RoundEvenOp>(x); }

Expr splat(Expr scalar, int64_t lanes) {
  auto type = VectorType::get({lanes}, scalar.type());
  return {scalar.b(), vector::BroadcastOp::create(scalar.b(), type, scalar)};
}

template <typename Op> static Expr convert(Expr x, Type element) {
  return {x.b(),
          Op::create(x.b(), withElement(x, element), static_cast<Value>(x))};
}

Expr bitcast(Expr x, Type element) {
  return convert<arith::BitcastOp>(x, element);
}

Expr toFloat(Expr x, Type element) {
  if (isa<IndexType>(elementOf(x)))
    x = convert<arith::IndexCastOp>(x, x.b().getI64Type());
  if (elementOf(x) == element)
    return x;
  if (!isFloat(x))
    return convert<arith::SIToFPOp>(x, element);
  if (elementOf(x).getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth())
    return convert<arith::ExtFOp>(x, element);
  return convert<arith::TruncFOp>(x, element);
}

Expr toInt(Expr x, Type element) {
  if (isa<IndexType>(elementOf(x)))
    return convert<arith::IndexCastOp>(x, element);
  return convert<arith::FPToSIOp>(x, element);
}

Expr toIndex(Expr x) {
  if (isa<IndexType>(elementOf(x)))
    return x;
  return convert<arith::IndexCastOp>(x, x.b().getIndexType());
}

static Expr gelu(Expr x, Expr inner) { return x * 0.5 * (inner + 1.0); }

Expr activation(StringRef word, Expr x, double beta) {
  if (word == "none")
    return x;
  if (word == "silu")
    return x / (exp(-x) + 1.0);
  if (word == "swish")
    return x / (exp(-(x * beta)) + 1.0);
  if (word == "gelu_tanh")
    return gelu(x, tanh((x + x * x * x * 0.044715) * 0.7978845608028654));
  if (word == "gelu_erf")
    return gelu(x, erf(x * 0.7071067811865476));
  if (word == "relu")
    return max(x, x.like(0));
  if (word == "relu2") {
    Expr positive = max(x, x.like(0));
    return positive * positive;
  }
  if (word == "sigmoid")
    return 1.0 / (exp(-x) + 1.0);
  if (word == "tanh")
    return tanh(x);
  // max(x, 0) + log1p(exp(-|x|)) does not overflow.
  if (word == "softplus")
    return max(x, x.like(0)) + log1p(exp(-abs(x)));
  if (word == "exp")
    return exp(x);
  if (word == "log")
    return log(x);
  if (word == "log1p")
    return log1p(x);
  if (word == "floor")
    return floor(x);
  if (word == "sqrt")
    return sqrt(x);
  if (word == "sin")
    return sin(x);
  if (word == "cos")
    return cos(x);
  if (word == "neg")
    return -x;
  return {};
}

SmallVector<StringRef> activationWords() {
  return {"none",  "silu",    "swish", "gelu_tanh", "gelu_erf", "relu",
          "relu2", "sigmoid", "tanh",  "softplus",  "exp",      "log",
          "log1p", "floor",   "sqrt",  "sin",       "cos",      "neg"};
}

} // namespace sluice::expr
