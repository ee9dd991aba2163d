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
    int32_t id = ids.data[size_t(r)];
    if (id < 0 || id >= w.count())
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

Tensor product(const Tensor &x, const Tensor &w, const Tensor *bias,
               llm::Compute compute) {
  auto factor = [&](float value) {
    return compute == llm::Compute::bf16
               ? checkpoint::bf16ToFloat(checkpoint::floatToBf16(value))
               : value;
  };
  Tensor a = each(x, factor), b = each(w, factor);
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
  table.add<llm::RmsNormOp>(rmsNorm);
  table.add<llm::LayerNormOp>(layerNorm);
  table.add<llm::L2NormOp>(l2Norm);
}

} // namespace sluice::evaluate
