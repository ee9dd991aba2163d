#include "compiler/lowering/Scalar.h"

#include "compiler/kernels/Expr.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sluice::plan {

using kernels::Expr;

static Expr binary(llm::BinaryKind kind, Expr x, Expr y) {
  switch (kind) {
  case llm::BinaryKind::add:
    return x + y;
  case llm::BinaryKind::sub:
    return x - y;
  case llm::BinaryKind::mul:
    return x * y;
  case llm::BinaryKind::div:
    return x / y;
  case llm::BinaryKind::min:
    return kernels::min(x, y);
  case llm::BinaryKind::max:
    return kernels::max(x, y);
  }
  return {};
}

static Expr clamp(llm::ClampOp op, Expr x) {
  if (op.getLow())
    x = kernels::max(x, x.like(op.getLowAttr().getValueAsDouble()));
  if (op.getHigh())
    x = kernels::min(x, x.like(op.getHighAttr().getValueAsDouble()));
  return x;
}

static Expr softcap(llm::SoftcapOp op, Expr x) {
  double limit = op.getLimitAttr().getValueAsDouble();
  return kernels::tanh(x / limit) * limit;
}

static Expr round(llm::RoundOp op, Expr x) {
  ImplicitLocOpBuilder &b = x.b();
  Type narrow = op.getTo() == llm::RoundTo::bf16 ? Type(b.getBF16Type())
                                                 : Type(b.getF16Type());
  Value rounded = arith::TruncFOp::create(b, narrow, x);
  return {b, arith::ExtFOp::create(b, x.type(), rounded)};
}

Value emitScalar(OpBuilder &builder, Location loc, Operation *op,
                 ValueRange arguments) {
  ImplicitLocOpBuilder b(loc, builder);
  SmallVector<Expr> x;
  for (Value argument : arguments)
    x.push_back({b, argument});
  return llvm::TypeSwitch<Operation *, Expr>(op)
      .Case<llm::BinaryOp>(
          [&](auto op) { return binary(op.getKind(), x[0], x[1]); })
      .Case<llm::LerpOp>([&](auto) { return x[0] + (x[1] - x[0]) * x[2]; })
      .Case<llm::SelectOp>([&](auto) {
        return kernels::select(x[2] == x[2].like(1), x[1], x[0]);
      })
      .Case<llm::ActOp>([&](auto op) {
        FloatAttr beta = op.getBetaAttr();
        return kernels::activation(llm::stringifyAct(op.getFn()), x[0],
                                   beta ? beta.getValueAsDouble() : 1.0);
      })
      .Case<llm::ClampOp>([&](auto op) { return clamp(op, x[0]); })
      .Case<llm::SoftcapOp>([&](auto op) { return softcap(op, x[0]); })
      .Case<llm::RoundOp>([&](auto op) { return round(op, x[0]); })
      .Default([](Operation *) { return Expr(); });
}

} // namespace sluice::plan
