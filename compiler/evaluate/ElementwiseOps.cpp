// Arithmetic on single elements, reductions of the last axis, and changes of
// shape.
#include "compiler/evaluate/Arithmetic.h"

#include "compiler/checkpoint/DType.h"
#include "compiler/formula/FromRegion.h"

#include <algorithm>
#include <numbers>

using namespace mlir;

namespace sluice::evaluate {

std::vector<int64_t> broadcastRow(ArrayRef<int64_t> to,
                                  ArrayRef<int64_t> from) {
  std::vector<int64_t> taken(size_t(elementsOf(to)));
  size_t missing = to.size() - from.size();
  for (int64_t i = 0; i < int64_t(taken.size()); ++i) {
    int64_t rest = i, step = 1;
    for (size_t axis = to.size(); axis-- > missing; rest /= to[axis]) {
      int64_t size = from[axis - missing];
      taken[size_t(i)] += size == 1 ? 0 : rest % to[axis] * step;
      step *= size;
    }
  }
  return taken;
}

namespace {

// The operands of an elementwise op, element by element of its result.
class Elements {
public:
  Elements(Run &run, Operation *op, ValueRange operands) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    row = llm::rowElements(type);
    for (mlir::Value value : operands) {
      auto of = cast<RankedTensorType>(value.getType());
      inputs.push_back({run.tensor(value),
                        broadcastRow(llm::rowShape(type), llm::rowShape(of)),
                        llm::hasRows(of) ? llm::rowElements(of) : 0});
      if (llm::hasRows(of))
        rows = inputs.back().tensor->shape[0];
    }
    if (llm::hasRows(type))
      shape.push_back(rows);
    llvm::append_range(shape, llm::rowShape(type));
  }

  float at(size_t operand, int64_t element) const {
    const Input &input = inputs[operand];
    return input.tensor->data[size_t(element / row * input.row +
                                     input.taken[size_t(element % row)])];
  }

  template <typename Fn> Tensor map(Fn fn) const {
    Tensor y{shape};
    for (int64_t i = 0; i < int64_t(y.data.size()); ++i)
      y.data[size_t(i)] = fn(i);
    return y;
  }

private:
  struct Input {
    const Tensor *tensor;
    std::vector<int64_t> taken;
    int64_t row; // elements of a row; 0: the same for every row
  };
  SmallVector<Input> inputs;
  Shape shape;
  int64_t row = 1, rows = 1;
};

float apply(llm::BinaryKind kind, float x, float y) {
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
    return std::min(x, y);
  case llm::BinaryKind::max:
    return std::max(x, y);
  }
  llvm_unreachable("unknown arithmetic");
}

Tensor binary(Run &run, llm::BinaryOp op) {
  Elements in(run, op, op->getOperands());
  return in.map(
      [&](int64_t i) { return apply(op.getKind(), in.at(0, i), in.at(1, i)); });
}

Tensor lerp(Run &run, llm::LerpOp op) {
  Elements in(run, op, op->getOperands());
  return in.map([&](int64_t i) {
    return in.at(0, i) + (in.at(1, i) - in.at(0, i)) * in.at(2, i);
  });
}

Tensor select(Run &run, llm::SelectOp op) {
  Elements in(run, op, op->getOperands());
  return in.map(
      [&](int64_t i) { return in.at(2, i) == 1 ? in.at(1, i) : in.at(0, i); });
}

Tensor act(Run &run, llm::ActOp op) {
  float beta = op.getBeta().value_or(1);
  return each(*run.tensor(op.getX()),
              [&](float x) { return activation(op.getFn(), x, beta); });
}

Tensor clamp(Run &run, llm::ClampOp op) {
  return each(*run.tensor(op.getX()), [&](float x) {
    float y = op.getHigh() ? std::min(x, *op.getHigh()) : x;
    return op.getLow() ? std::max(y, *op.getLow()) : y;
  });
}

Tensor softcap(Run &run, llm::SoftcapOp op) {
  float limit = op.getLimit();
  return each(*run.tensor(op.getX()),
              [&](float x) { return limit * std::tanh(x / limit); });
}

Tensor round(Run &run, llm::RoundOp op) {
  return each(*run.tensor(op.getX()),
              [&](float x) { return roundTo(x, op.getTo()); });
}

// Any other elementwise op by its formula, which the compiler uses, too.
FailureOr<Tensor> scalar(Run &run, llm::ScalarInterface op) {
  Region region;
  Block &body = region.emplaceBlock();
  OpBuilder b(op->getContext());
  ImplicitLocOpBuilder builder(op.getLoc(), b);
  SmallVector<expr::Expr> in;
  for (size_t i = 0; i < op->getNumOperands(); ++i)
    in.emplace_back(builder,
                    body.addArgument(builder.getF32Type(), op.getLoc()));
  builder.setInsertionPointToEnd(&body);
  llm::YieldOp::create(builder, op.scalar(builder, in));
  FailureOr<formula::Formula> formula = formula::fromRegion(region);
  if (failed(formula))
    return op->emitError("its formula cannot be evaluated");
  Elements elements(run, op, op->getOperands());
  std::vector<float> values(op->getNumOperands());
  std::vector<const float *> pointers;
  for (float &value : values)
    pointers.push_back(&value);
  return elements.map([&](int64_t i) {
    for (size_t operand = 0; operand < values.size(); ++operand)
      values[operand] = elements.at(operand, i);
    float y;
    formula::evaluate(*formula, pointers, 1, &y);
    return y;
  });
}

Tensor sum(Run &run, llm::SumOp op) {
  const Tensor &x = *run.tensor(op.getX());
  Shape shape = x.shape;
  shape.back() = 1;
  Tensor y{shape};
  for (int64_t r = 0; r < x.count(); ++r)
    y.data[size_t(r)] =
        float(std::accumulate(x.at(r), x.at(r) + x.width(), 0.0));
  return y;
}

Tensor softmax(Run &run, llm::SoftmaxOp op) {
  return softmaxOf(*run.tensor(op.getX()));
}

Tensor logSoftmax(Run &run, llm::LogSoftmaxOp op) {
  Tensor y = *run.tensor(op.getX());
  for (int64_t r = 0; r < y.count(); ++r) {
    float *row = y.at(r);
    double most = *std::max_element(row, row + y.width()), sum = 0;
    for (int64_t i = 0; i < y.width(); ++i)
      sum += std::exp(row[i] - most);
    for (int64_t i = 0; i < y.width(); ++i)
      row[i] = float(row[i] - most - std::log(sum));
  }
  return y;
}

Tensor reshape(Run &run, llm::ReshapeOp op) {
  return reshaped(*run.tensor(op.getX()), op.getTo());
}

// Elements from .. from + size of the last axis.
Tensor cut(const Tensor &x, int64_t from, int64_t size) {
  Shape shape = x.shape;
  shape.back() = size;
  Tensor y{shape};
  for (int64_t r = 0; r < x.count(); ++r)
    std::copy_n(x.at(r) + from, size, y.at(r));
  return y;
}

Tensor slice(Run &run, llm::SliceOp op) {
  return cut(*run.tensor(op.getX()), op.getFrom(), op.getSize());
}

std::vector<Value> split(Run &run, llm::SplitOp op) {
  std::vector<Value> parts;
  int64_t from = 0;
  for (int64_t size : op.getSizes()) {
    parts.push_back(share(cut(*run.tensor(op.getX()), from, size)));
    from += size;
  }
  return parts;
}

Tensor concat(Run &run, llm::ConcatOp op) {
  Shape shape = run.tensor(op.getParts()[0])->shape;
  shape.back() = op.getType().getShape().back();
  Tensor y{shape};
  for (int64_t r = 0; r < y.count(); ++r) {
    float *out = y.at(r);
    for (mlir::Value part : op.getParts()) {
      const Tensor &x = *run.tensor(part);
      out = std::copy_n(x.at(r), x.width(), out);
    }
  }
  return y;
}

Tensor repeatHeads(Run &run, llm::RepeatHeadsOp op) {
  const Tensor &x = *run.tensor(op.getX());
  int64_t times = op.getTimes();
  Tensor y{Shape{x.shape[0], x.shape[1] * times, x.shape[2]}};
  for (int64_t head = 0; head < y.count(); ++head)
    std::copy_n(x.at(head / times), x.width(), y.at(head));
  return y;
}

} // namespace

float activation(llm::Act fn, float value, float beta) {
  double x = value;
  switch (fn) {
  case llm::Act::silu:
    return float(x / (1 + std::exp(-x)));
  case llm::Act::swish:
    return float(x / (1 + std::exp(-beta * x)));
  case llm::Act::gelu_erf:
    return float(x * (1 + std::erf(x / std::numbers::sqrt2)) / 2);
  case llm::Act::gelu_tanh:
    return float(x *
                 (1 + std::tanh(std::sqrt(2 * std::numbers::inv_pi) *
                                (x + 0.044715 * x * x * x))) /
                 2);
  case llm::Act::relu:
    return float(std::max(x, 0.0));
  case llm::Act::relu2:
    return float(std::max(x, 0.0) * std::max(x, 0.0));
  case llm::Act::sigmoid:
    return float(1 / (1 + std::exp(-x)));
  case llm::Act::tanh:
    return float(std::tanh(x));
  case llm::Act::softplus:
    return float(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))));
  case llm::Act::exp:
    return float(std::exp(x));
  case llm::Act::log:
    return float(std::log(x));
  case llm::Act::log1p:
    return float(std::log1p(x));
  case llm::Act::floor:
    return float(std::floor(x));
  case llm::Act::sqrt:
    return float(std::sqrt(x));
  case llm::Act::sin:
    return float(std::sin(x));
  case llm::Act::cos:
    return float(std::cos(x));
  }
  llvm_unreachable("unknown function");
}

float roundTo(float x, llm::RoundTo type) {
  using namespace checkpoint;
  return type == llm::RoundTo::f16 ? f16ToFloat(floatToF16(x))
                                   : bf16ToFloat(floatToBf16(x));
}

Tensor sumOf(const Tensor &x, const Tensor &y) {
  Tensor sum = x;
  for (size_t i = 0; i < sum.data.size(); ++i)
    sum.data[i] += y.data[i];
  return sum;
}

Tensor softmaxOf(const Tensor &x) {
  Tensor y = x;
  for (int64_t r = 0; r < x.count(); ++r) {
    float *row = y.at(r);
    float most = *std::max_element(row, row + x.width());
    double sum = 0;
    for (int64_t i = 0; i < x.width(); ++i)
      sum += row[i] = std::exp(row[i] - most);
    for (int64_t i = 0; i < x.width(); ++i)
      row[i] = float(row[i] / sum);
  }
  return y;
}

void addElementwiseOps(OpTable &table) {
  table.add<llm::BinaryOp>(binary);
  table.add<llm::LerpOp>(lerp);
  table.add<llm::SelectOp>(select);
  table.add<llm::ActOp>(act);
  table.add<llm::ClampOp>(clamp);
  table.add<llm::SoftcapOp>(softcap);
  table.add<llm::RoundOp>(round);
  table.addInterface<llm::ScalarInterface>(scalar);
  table.add<llm::SumOp>(sum);
  table.add<llm::SoftmaxOp>(softmax);
  table.add<llm::LogSoftmaxOp>(logSoftmax);
  table.add<llm::ReshapeOp>(reshape);
  table.add<llm::SliceOp>(slice);
  table.add<llm::SplitOp>(split);
  table.add<llm::ConcatOp>(concat);
  table.add<llm::RepeatHeadsOp>(repeatHeads);
}

} // namespace sluice::evaluate
