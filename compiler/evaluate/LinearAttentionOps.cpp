// Linear attention: what is remembered of the tokens has a fixed size.
#include "compiler/evaluate/Arithmetic.h"

using namespace mlir;

namespace sluice::evaluate {

namespace {

// What one head of one token has, [keys] of each; factors that are left out
// are null.
struct Head {
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  const float *decay = nullptr, *bonus = nullptr;
  const float *read = nullptr, *write = nullptr;
  int64_t keys = 0, values = 0;
  int64_t decayStep = 0, bonusStep = 0; // 0: one for all keys
};

// The head's matrix [keys, values] after the token, and what it gives.
void attendOnce(const Head &head, float *matrix, float *y) {
  for (int64_t c = 0; c < head.values; ++c) {
    double correction = 0, sum = 0;
    for (int64_t i = 0; head.read && i < head.keys; ++i)
      correction += double(head.read[i]) * matrix[i * head.values + c];
    for (int64_t i = 0; i < head.keys; ++i) {
      float &element = matrix[i * head.values + c];
      double product = double(head.k[i]) * head.v[c], old = element;
      double next = product;
      next += head.decay ? head.decay[i * head.decayStep] * old : old;
      if (head.write)
        next += head.write[i] * correction;
      element = float(next);
      sum +=
          head.q[i] *
          (head.bonus ? old + head.bonus[i * head.bonusStep] * product : next);
    }
    y[c] = float(sum);
  }
}

} // namespace

static FailureOr<Tensor> linearAttention(Run &run, llm::LinearAttentionOp op) {
  const Tensor &q = *run.tensor(op.getQ()), &k = *run.tensor(op.getK());
  const Tensor &v = *run.tensor(op.getV());
  const Tensor *decay = run.tensor(op.getDecay());
  const Tensor *bonus = run.tensor(op.getBonus());
  const Tensor *read = run.tensor(op.getRead());
  const Tensor *write = run.tensor(op.getWrite());
  if (failed(checkTokens(op, run.batch, v)))
    return failure();
  int64_t heads = q.shape[1];
  Head head;
  head.keys = q.width();
  head.values = v.width();
  head.decayStep = decay && decay->width() > 1;
  head.bonusStep = bonus && bonus->width() > 1;
  Tensor y{v.shape};
  for (const Span &s : run.batch.sequences) {
    Tensor &state = run.fixed(s.slot, op);
    for (int64_t t = s.first; t < s.first + s.rows; ++t)
      for (int64_t h = 0; h < heads; ++h) {
        int64_t at = t * heads + h;
        head.q = q.at(at);
        head.k = k.at(at);
        head.v = v.at(at);
        head.read = read ? read->at(at) : nullptr;
        head.write = write ? write->at(at) : nullptr;
        head.bonus = bonus ? bonus->at(h) : nullptr;
        head.decay = nullptr;
        if (decay)
          head.decay = decay->at(decay->shape.size() > 2 ? at : h);
        attendOnce(head, state.data.data() + h * head.keys * head.values,
                   y.at(at));
      }
  }
  return y;
}

// Sums relative to e^exponent.
static void addValue(double score, double value, double *sums) {
  double largest = std::max(sums[2], score);
  double older = std::exp(sums[2] - largest), own = std::exp(score - largest);
  sums[0] = older * sums[0] + own * value;
  sums[1] = older * sums[1] + own;
  sums[2] = largest;
}

static FailureOr<Tensor> decayingMean(Run &run, llm::DecayingMeanOp op) {
  const Tensor &v = *run.tensor(op.getV()), &k = *run.tensor(op.getK());
  const Tensor &decay = *run.tensor(op.getDecay());
  const Tensor *bonus = run.tensor(op.getBonus());
  if (failed(checkTokens(op, run.batch, v)))
    return failure();
  int64_t channels = v.width();
  Tensor y{v.shape};
  for (const Span &s : run.batch.sequences) {
    Tensor &state = run.fixed(s.slot, op);
    for (int64_t c = 0; c < channels; ++c) {
      double sums[3];
      for (int64_t i = 0; i < 3; ++i)
        sums[i] = state.at(i)[c];
      for (int64_t t = s.first; t < s.first + s.rows; ++t) {
        double now[] = {sums[0], sums[1], sums[2]};
        double score = k.at(t)[c], value = v.at(t)[c];
        addValue(score + (bonus ? bonus->data[size_t(c)] : 0), value, now);
        y.at(t)[c] = float(now[0] / now[1]);
        sums[2] += decay.data[size_t(c)];
        addValue(score, value, sums);
      }
      for (int64_t i = 0; i < 3; ++i)
        state.at(i)[c] = float(sums[i]);
    }
  }
  return y;
}

void addLinearAttentionOps(OpTable &table) {
  table.add<llm::LinearAttentionOp>(linearAttention);
  table.add<llm::DecayingMeanOp>(decayingMean);
}

} // namespace sluice::evaluate
