#include "compiler/formula/Formula.h"

#include "compiler/checkpoint/DType.h"

#include <algorithm>
#include <cmath>

namespace sluice::formula {

using namespace checkpoint;

static float apply(const Step &step, float a, float b, float c) {
  switch (step.op) {
  case Op::Constant:
    return step.value;
  case Op::Add:
    return a + b;
  case Op::Sub:
    return a - b;
  case Op::Mul:
    return a * b;
  case Op::Div:
    return a / b;
  case Op::Less:
    return a < b;
  case Op::LessEqual:
    return a <= b;
  case Op::Greater:
    return a > b;
  case Op::GreaterEqual:
    return a >= b;
  case Op::Equal:
    return a == b;
  case Op::Unequal:
    return a != b;
  case Op::Select:
    return a == 1.0f ? b : c;
  case Op::Fma:
    return std::fma(a, b, c);
  case Op::Neg:
    return -a;
  case Op::Abs:
    return std::abs(a);
  case Op::Sqrt:
    return std::sqrt(a);
  case Op::Exp:
    return std::exp(a);
  case Op::Log:
    return std::log(a);
  case Op::Log1p:
    return std::log1p(a);
  case Op::Tanh:
    return std::tanh(a);
  case Op::Erf:
    return std::erf(a);
  case Op::Sin:
    return std::sin(a);
  case Op::Cos:
    return std::cos(a);
  case Op::Floor:
    return std::floor(a);
  case Op::RoundEven:
    return std::nearbyint(a);
  case Op::RoundF16:
    return f16ToFloat(floatToF16(a));
  case Op::RoundBf16:
    return bf16ToFloat(floatToBf16(a));
  }
  return 0;
}

void evaluate(const Formula &formula, std::span<const float *const> inputs,
              int64_t count, float *out) {
  // One step at a time for so many elements, so that the switch costs little.
  constexpr int64_t block = 256;
  std::vector<float> made(formula.steps.size() * block);
  for (int64_t from = 0; from < count; from += block) {
    int64_t size = std::min(block, count - from);
    auto values = [&](int number) -> const float * {
      return number < formula.inputs
                 ? inputs[size_t(number)] + from
                 : made.data() + (number - formula.inputs) * block;
    };
    for (size_t i = 0; i < formula.steps.size(); ++i) {
      const Step &step = formula.steps[i];
      bool leaf = step.op == Op::Constant;
      const float *a = leaf ? nullptr : values(step.a),
                  *b = leaf ? nullptr : values(step.b),
                  *c = leaf ? nullptr : values(step.c);
      float *to = made.data() + int64_t(i) * block;
      for (int64_t k = 0; k < size; ++k)
        to[k] = leaf ? step.value : apply(step, a[k], b[k], c[k]);
    }
    std::copy_n(values(formula.result), size, out + from);
  }
}

} // namespace sluice::formula
