#include "compiler/transforms/ScalarForm.h"

#include "compiler/kernels/Expr.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace sluice::llm;
using sluice::kernels::Expr;

namespace sluice {

static Expr binary(BinaryKind kind, Expr x, Expr y) {
  switch (kind) {
  case BinaryKind::add:
    return x + y;
  case BinaryKind::sub:
    return x - y;
  case BinaryKind::mul:
    return x * y;
  case BinaryKind::div:
    return x / y;
  case BinaryKind::min:
    return kernels::min(x, y);
  case BinaryKind::max:
    return kernels::max(x, y);
  }
  llvm_unreachable("covered");
}

static Expr clamp(ClampOp op, Expr x) {
  if (op.getHigh())
    x = kernels::min(x, x.like(*op.getHigh()));
  if (op.getLow())
    x = kernels::max(x, x.like(*op.getLow()));
  return x;
}

static Expr round(RoundTo to, Expr x) {
  ImplicitLocOpBuilder &b = x.b();
  Type narrow = to == RoundTo::f16 ? Type(b.getF16Type()) : b.getBF16Type();
  Value rounded = arith::TruncFOp::create(b, narrow, static_cast<Value>(x));
  return {b, arith::ExtFOp::create(b, b.getF32Type(), rounded)};
}

static Value inlineMap(ImplicitLocOpBuilder &builder, MapOp op,
                       ValueRange arguments) {
  IRMapping mapping;
  Block &body = op.getBody().front();
  mapping.map(body.getArguments(), arguments);
  for (Operation &inner : body.without_terminator())
    builder.clone(inner, mapping);
  return mapping.lookup(cast<YieldOp>(body.getTerminator()).getValue());
}

bool hasScalarForm(Operation *op) { return op->hasTrait<Elementwise>(); }

Value emitScalar(OpBuilder &b, Location loc, Operation *op,
                 ValueRange arguments) {
  ImplicitLocOpBuilder builder(loc, b);
  if (auto map = dyn_cast<MapOp>(op))
    return inlineMap(builder, map, arguments);
  SmallVector<Expr> in;
  for (Value argument : arguments)
    in.emplace_back(builder, argument);
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](BinaryOp op) -> Value {
        return binary(op.getKind(), in[0], in[1]);
      })
      .Case([&](LerpOp) -> Value { return in[0] + (in[1] - in[0]) * in[2]; })
      .Case([&](SelectOp) -> Value {
        return kernels::select(in[2] == 1.0, in[1], in[0]);
      })
      .Case([&](ActOp op) -> Value {
        return kernels::activation(stringifyAct(op.getFn()), in[0],
                                   op.getBeta().value_or(1.0f));
      })
      .Case([&](ClampOp op) -> Value { return clamp(op, in[0]); })
      .Case([&](SoftcapOp op) -> Value {
        return kernels::tanh(in[0] / op.getLimit()) * op.getLimit();
      })
      .Case([&](RoundOp op) -> Value { return round(op.getTo(), in[0]); })
      .Default([](Operation *) { return Value(); });
}

} // namespace sluice
