// Embedding, matrix products and normalisations.
#include "compiler/evaluate/Arithmetic.h"

#include "compiler/checkpoint/DType.h"

using namespace mlir;

namespace sluice::evaluate {

namespace {

FailureOr<Tensor> embedding(Run &run, llm::EmbeddingOp op) {
  const Ints &ids = run.ints(op.getIds());
  const Tensor &w = *run.tensor(op.getW());
  Tensor y{Shape{ids.shape[0], w.width()}};
  for (int64_t r = 0; r < y.count(); ++r) {
    int64_t id = ids.data[size_t(r)] - op.getFrom().value_or(0);
    bool inside = id >= 0 && id < w.count();
    if (!inside && op.getFrom())
      continue; // zeros
    if (!inside)
      return op.emitError("row ")
             << r << " has id " << id << ", the table " << w.count() << " rows";
    std::copy_n(w.at(id), w.width(), y.at(r));
  }
  return y;
}

Tensor linear(Run &run, llm::LinearOp op) {
  return product(*run.tensor(op.getX()), *run.tensor(op.getW()),
                 run.tensor(op.getBias()), op.getCompute());
}

Tensor headLinear(Run &run, llm::HeadLinearOp op) {
  const Tensor &x = *run.tensor(op.getX()), &w = *run.tensor(op.getW());
  const Tensor *bias = run.tensor(op.getBias());
  int64_t rows = x.shape[0], heads = x.shape[1], width = w.shape[1];
  auto part = [](const Tensor &of, Shape shape, int64_t from, int64_t step) {
    Tensor out{std::move(shape)};
    for (int64_t i = 0; i < out.count(); ++i)
      std::copy_n(of.at(from + i * step), of.width(), out.at(i));
    return out;
  };
  Tensor y{Shape{rows, heads, width}};
  for (int64_t head = 0; head < heads; ++head) {
    Tensor own, result;
    if (bias)
      own = part(*bias, {1, width}, head, 1);
    result = product(part(x, {rows, x.width()}, head, heads),
                     part(w, {width, w.width()}, head * width, 1),
                     bias ? &own : nullptr, op.getCompute());
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(result.at(row), width, y.at(row * heads + head));
  }
  return y;
}

Tensor rmsNorm(Run &run, llm::RmsNormOp op) {
  return norm(*run.tensor(op.getX()), llm::NormKind::rms, op.getEps(),
              run.tensor(op.getW()), nullptr);
}

Tensor layerNorm(Run &run, llm::LayerNormOp op) {
  return norm(*run.tensor(op.getX()), llm::NormKind::layer, op.getEps(),
              run.tensor(op.getW()), run.tensor(op.getBias()));
}

Tensor l2Norm(Run &run, llm::L2NormOp op) {
  Tensor y = *run.tensor(op.getX());
  for (int64_t r = 0; r < y.count(); ++r) {
    double squares = 0, eps = op.getEps();
    for (int64_t i = 0; i < y.width(); ++i)
      squares += double(y.at(r)[i]) * y.at(r)[i];
    double length = op.getEpsIn() == llm::EpsIn::sum
                        ? std::sqrt(squares + eps)
                        : std::max(std::sqrt(squares), eps);
    for (int64_t i = 0; i < y.width(); ++i)
      y.at(r)[i] = float(y.at(r)[i] / length);
  }
  return y;
}

} // namespace

// Multiples of max |x| / 127 for each 32 of a row.
static Tensor inBytes(Tensor x) {
  for (int64_t r = 0; r < x.count(); ++r)
    for (int64_t first = 0; first < x.width(); first += 32) {
      float *group = x.at(r) + first;
      int64_t size = std::min<int64_t>(32, x.width() - first);
      float most = 0;
      for (int64_t i = 0; i < size; ++i)
        most = std::max(most, std::abs(group[i]));
      for (int64_t i = 0; i < size && most > 0; ++i)
        group[i] = std::nearbyint(group[i] * (127 / most)) * (most / 127);
    }
  return x;
}

Tensor product(const Tensor &x, const Tensor &w, const Tensor *bias,
               llm::Compute compute) {
  auto factor = [&](float value) {
    return compute == llm::Compute::bf16
               ? checkpoint::bf16ToFloat(checkpoint::floatToBf16(value))
               : value;
  };
  Tensor a = compute == llm::Compute::i8 ? inBytes(x) : each(x, factor);
  Tensor b = each(w, factor);
  Tensor y{Shape{x.count(), w.count()}};
  for (int64_t r = 0; r < x.count(); ++r)
    for (int64_t n = 0; n < w.count(); ++n) {
      double sum = 0;
      for (int64_t k = 0; k < x.width(); ++k)
        sum += double(a.at(r)[k]) * b.at(n)[k];
      y.at(r)[n] = float(sum) + (bias ? bias->data[size_t(n)] : 0);
    }
  return y;
}

Tensor norm(const Tensor &x, llm::NormKind kind, float eps,
            const Tensor *weight, const Tensor *bias) {
  bool layer = kind == llm::NormKind::layer;
  Tensor y = x;
  for (int64_t r = 0; r < x.count(); ++r) {
    double mean = 0, squares = 0, width = double(x.width());
    for (int64_t i = 0; layer && i < x.width(); ++i)
      mean += x.at(r)[i] / width;
    for (int64_t i = 0; i < x.width(); ++i)
      squares += (x.at(r)[i] - mean) * (x.at(r)[i] - mean);
    double length = std::sqrt(squares / width + eps);
    // A weight of heads repeats after so many vectors.
    int64_t head = weight ? r % weight->count() : 0;
    for (int64_t i = 0; i < x.width(); ++i) {
      float value = float((x.at(r)[i] - mean) / length);
      value *= weight ? weight->at(head)[i] : 1;
      value += bias ? bias->at(r % bias->count())[i] : 0;
      y.at(r)[i] = value;
    }
  }
  return y;
}

Tensor norm(const Tensor &x, llm::NormAttr attr, const Tensor *weight,
            const Tensor *bias) {
  return attr ? norm(x, attr.getKind(),
                     attr.getEps().getValue().convertToFloat(), weight, bias)
              : x;
}

void addLinearOps(OpTable &table) {
  table.add<llm::EmbeddingOp>(embedding);
  table.add<llm::LinearOp>(linear);
  table.add<llm::HeadLinearOp>(headLinear);
  table.add<llm::RmsNormOp>(rmsNorm);
  table.add<llm::LayerNormOp>(layerNorm);
  table.add<llm::L2NormOp>(l2Norm);
}

} // namespace sluice::evaluate
