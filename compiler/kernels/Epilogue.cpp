#include "compiler/kernels/Epilogue.h"

using namespace mlir;

namespace sluice::kernels {

static std::optional<double> optionalReal(const Attrs &attrs, StringRef name) {
  if (!attrs.has(name))
    return std::nullopt;
  return attrs.real(name);
}

Epilogue::Epilogue(const Attrs &attrs)
    : bias(attrs.flag("bias")), glu(attrs.flag("glu")),
      residual(attrs.flag("residual")), act(attrs.word("act")),
      beta(attrs.real("beta", 1.0)), gateMax(optionalReal(attrs, "gate_max")),
      upLimit(optionalReal(attrs, "up_limit")),
      upAdd(optionalReal(attrs, "up_add")), scale(optionalReal(attrs, "scale")),
      cap(optionalReal(attrs, "cap")) {}

SmallVector<Attribute> Epilogue::attributes() {
  return {{Attribute::Flag, "bias"},
          {Attribute::Flag, "glu"},
          {Attribute::Flag, "residual"},
          {Attribute::Word, "act", activationWords()},
          {Attribute::Real, "beta"},
          {Attribute::Real, "gate_max"},
          {Attribute::Real, "up_limit"},
          {Attribute::Real, "up_add"},
          {Attribute::Real, "scale"},
          {Attribute::Real, "cap"}};
}

Expr Epilogue::apply(KernelBuilder &k, function_ref<Expr(int64_t)> acc,
                     function_ref<Expr(int64_t)> biasOf,
                     function_ref<Expr()> residualOf) const {
  auto sum = [&](int64_t part) {
    return bias ? acc(part) + biasOf(part) : acc(part);
  };
  Expr v = sum(0);
  if (glu && gateMax)
    v = min(v, v.like(*gateMax));
  v = activation(act, v, beta);
  if (glu) {
    Expr up = sum(1);
    if (upLimit)
      up = max(min(up, up.like(*upLimit)), up.like(-*upLimit));
    if (upAdd)
      up = up + *upAdd;
    v = v * up;
  }
  if (scale)
    v = v * *scale;
  if (cap)
    v = tanh(v / *cap) * *cap;
  return residual ? v + residualOf() : v;
}

} // namespace sluice::kernels
