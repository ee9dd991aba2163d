// Caches, attention and score biases.
#include "compiler/evaluate/Arithmetic.h"

#include <algorithm>
#include <limits>

using namespace mlir;

namespace sluice::evaluate {

namespace {

bool visible(ArrayAttr mask, const MaskValues &values, const QueryAndKey &at);

bool allows(llm::MaskAttr term, const MaskValues &values,
            const QueryAndKey &at) {
  int64_t query = at.query, key = at.key, size = term.getSize();
  ArrayRef<int64_t> numbers = term.getNumbers();
  auto value = [&](int64_t row) {
    return values[size_t(size)]->data[size_t(row)];
  };
  switch (term.getKind()) {
  case llm::MaskKind::all:
    return true;
  case llm::MaskKind::causal:
    return key <= query;
  case llm::MaskKind::window:
    return 0 <= query - key && query - key < size;
  case llm::MaskKind::band:
    return std::abs(query - key) <= size;
  case llm::MaskKind::chunk:
    return query / size == key / size;
  case llm::MaskKind::prefix:
    return key < value(at.queryRow);
  case llm::MaskKind::from:
    return key >= value(at.queryRow);
  case llm::MaskKind::segments:
    return value(at.queryRow) >= 0 && value(at.queryRow) == value(at.keyRow);
  case llm::MaskKind::keys:
    return value(at.keyRow) != 0;
  case llm::MaskKind::queries:
    return value(at.queryRow) != 0;
  case llm::MaskKind::blocks: {
    int64_t behind = query / size - key / size;
    return (0 <= behind && behind < numbers[1]) ||
           (key / size + 1 + numbers[3] * at.head) % numbers[2] == 0;
  }
  case llm::MaskKind::any:
    return llvm::any_of(term.getTerms().getAsRange<llm::MaskAttr>(),
                        [&](auto each) { return allows(each, values, at); });
  case llm::MaskKind::every:
    return visible(term.getTerms(), values, at);
  }
  llvm_unreachable("unknown mask term");
}

bool visible(ArrayAttr mask, const MaskValues &values, const QueryAndKey &at) {
  return llvm::all_of(mask.getAsRange<llm::MaskAttr>(),
                      [&](auto term) { return allows(term, values, at); });
}

// The scores of one query, those of the rows of zeros first; minus infinity for
// keys that it may not see.
std::vector<float> scoresOf(const float *q, const KeysAndValues &kv,
                            int64_t group, QueryAndKey at,
                            const Scores &scores) {
  int64_t groups = kv.k->shape[1], width = kv.k->width();
  std::vector<float> out(size_t(kv.before + kv.keys),
                         -std::numeric_limits<float>::infinity());
  for (at.key = -kv.before; at.key < kv.keys; ++at.key) {
    at.keyRow = kv.first + at.key;
    if (!visible(scores.mask, scores.maskValues, at))
      continue;
    double sum = 0;
    if (at.key >= 0) {
      const float *k = kv.k->at(at.keyRow * groups + group);
      for (int64_t i = 0; i < width; ++i)
        sum += double(q[i]) * k[i];
    }
    float s = float(sum) * scores.scale;
    if (scores.bias)
      s += (*scores.bias)(at);
    out[size_t(kv.before + at.key)] =
        scores.cap ? *scores.cap * std::tanh(s / *scores.cap) : s;
  }
  return out;
}

// The mean of values [., groups, dv], weighed by the softmax of the scores;
// `out` stays as it is if there is nothing to weigh.
void mix(ArrayRef<float> scores, const KeysAndValues &kv, int64_t group,
         std::optional<float> sink, float *out) {
  int64_t groups = kv.v->shape[1], width = kv.width;
  float most = sink.value_or(-std::numeric_limits<float>::infinity());
  for (float s : scores)
    most = std::max(most, s);
  if (most == -std::numeric_limits<float>::infinity())
    return;
  double sum = sink ? std::exp(double(*sink) - most) : 0;
  std::vector<double> mean(size_t(width), 0.0);
  for (int64_t key = -kv.before; key < kv.keys; ++key) {
    double p = std::exp(double(scores[size_t(kv.before + key)]) - most);
    sum += p;
    if (key < 0 || p == 0)
      continue;
    const float *v = kv.v->at((kv.first + key) * groups + group);
    for (int64_t i = 0; i < width; ++i)
      mean[size_t(i)] += p * v[i];
  }
  for (int64_t i = 0; i < width; ++i)
    out[i] = float(mean[size_t(i)] / sum);
}

FailureOr<std::vector<Value>> appendOp(Run &run, llm::AppendOp op) {
  Cache cache{op.getState().str(), run.index(op.getLayer())};
  SmallVector<const Tensor *> fields;
  for (mlir::Value field : op.getFields())
    fields.push_back(run.tensor(field));
  if (failed(append(op, run, cache, fields)))
    return failure();
  return std::vector<Value>{cache};
}

Value cached(Run &run, llm::CachedOp op) {
  return Cache{op.getState().str(), run.index(op.getLayer())};
}

FailureOr<Tensor> attention(Run &run, llm::AttentionOp op) {
  Scores scores = scoresSaidBy(run, op);
  const Tensor &q = *run.tensor(op.getQ());
  if (op.getKv())
    return attendCache(op, run, std::get<Cache>(run.get(op.getKv())), q, scores,
                       op.getValues());
  return attendRows(op, run, *run.tensor(op.getK()), run.tensor(op.getV()), q,
                    scores, op.getValues());
}

// Slopes of the op without `times`.
std::vector<float> slopesOf(llm::AlibiOp op) {
  if (std::optional<ArrayRef<float>> given = op.getSlopes())
    return given->vec();
  double most = op.getMaximum().value_or(8);
  int64_t power = 1, heads = op.getHeads();
  while (2 * power <= heads)
    power *= 2;
  std::vector<float> slopes;
  for (int64_t h = 0; h < heads; ++h)
    slopes.push_back(
        float(h < power ? std::exp2(-most * double(h + 1) / double(power))
                        : std::exp2(-most * double(2 * (h - power) + 1) /
                                    double(2 * power))));
  return slopes;
}

Value alibi(Run &, llm::AlibiOp op) {
  std::vector<float> slopes = slopesOf(op);
  std::optional<llm::RoundTo> to = op.getRounded();
  float times = op.getTimes();
  bool twoSided = op.getTwoSided();
  return Bias([=](const QueryAndKey &at) {
    float slope = slopes[size_t(at.head)];
    int64_t key = at.key, distance = key - at.query;
    if (twoSided)
      distance = -std::abs(distance);
    if (!to)
      return times * slope * float(distance);
    return times *
           roundTo(roundTo(slope, *to) * float(twoSided ? distance : key), *to);
  });
}

Value bucketBias(Run &run, llm::BucketBiasOp op) {
  int64_t buckets = op.getW().getType().getDimSize(0);
  bool bothWays = op.getBothWays();
  double last = double(op.getMaxDistance());
  return Bias([=, w = *run.tensor(op.getW())](const QueryAndKey &at) {
    int64_t query = at.query, key = at.key;
    int64_t m = bothWays ? buckets / 2 : buckets, exact = m / 2;
    int64_t distance =
        bothWays ? std::abs(key - query) : std::max<int64_t>(query - key, 0);
    int64_t bucket = distance;
    if (distance >= exact)
      // In f32, as what lies on a limit goes with its rounding.
      bucket = exact + int64_t(std::log(float(distance) / float(exact)) /
                               float(std::log(last / double(exact))) *
                               float(m - exact));
    bucket = std::min(bucket, m - 1);
    return w.at(bucket + (bothWays && key > query ? m : 0))[at.head];
  });
}

Value distanceBias(Run &run, llm::DistanceBiasOp op) {
  return Bias([x = *run.tensor(op.getX())](const QueryAndKey &at) {
    int64_t distance = std::max<int64_t>(at.query - at.key, 0);
    return x.at(at.queryRow * x.shape[1] +
                at.head)[std::min(distance, x.width() - 1)];
  });
}

} // namespace

LogicalResult checkTokens(Operation *op, const Batch &batch,
                          const Tensor &rows) {
  if (rows.shape[0] == batch.rows)
    return success();
  return op->emitError("takes a row for each of the ")
         << batch.rows << " tokens, found " << rows.shape[0];
}

LogicalResult append(Operation *op, Run &run, const Cache &cache,
                     ArrayRef<const Tensor *> fields) {
  for (const Tensor *rows : fields)
    if (failed(checkTokens(op, run.batch, *rows)))
      return failure();
  for (const Span &sequence : run.batch.sequences) {
    Fields &kept = run.states.at(sequence.slot, cache);
    kept.resize(fields.size());
    for (auto [field, rows] : llvm::zip(kept, fields)) {
      int64_t row = int64_t(rows->data.size()) / rows->shape[0];
      if (field.shape.empty()) {
        field.shape = rows->shape;
        field.shape[0] = 0;
      }
      auto from = rows->data.begin() + sequence.first * row;
      field.data.insert(field.data.end(), from, from + sequence.rows * row);
      field.shape[0] += sequence.rows;
    }
  }
  return success();
}

FailureOr<Tensor>
attend(Operation *op, const Batch &batch, const Tensor &q, const Scores &scores,
       llvm::function_ref<FailureOr<KeysAndValues>(const Span &)> of) {
  if (failed(checkTokens(op, batch, q)))
    return failure();
  int64_t heads = q.shape[1];
  Tensor y;
  for (const Span &sequence : batch.sequences) {
    FailureOr<KeysAndValues> kv = of(sequence);
    if (failed(kv))
      return failure();
    if (y.shape.empty())
      y = Tensor{Shape{q.shape[0], heads, kv->width}};
    int64_t share = heads / kv->k->shape[1]; // query heads of a key head
    for (int64_t row = 0; row < sequence.rows; ++row)
      for (int64_t head = 0; head < heads; ++head) {
        int64_t at = (sequence.first + row) * heads + head;
        int64_t query = sequence.past + row;
        std::vector<float> s =
            scoresOf(q.at(at), *kv, head / share,
                     {query, 0, sequence.first + row, 0, head}, scores);
        std::optional<float> sink;
        if (scores.sinks)
          sink = scores.sinks->data[size_t(head)];
        mix(s, *kv, head / share, sink, y.at(at)); // zeros if it sees no key
      }
  }
  return y;
}

FailureOr<Tensor> attendCache(Operation *op, Run &run, const Cache &cache,
                              const Tensor &q, const Scores &scores,
                              std::optional<int64_t> values) {
  return attend(
      op, run.batch, q, scores,
      [&](const Span &sequence) -> FailureOr<KeysAndValues> {
        const Fields *rows = run.states.find(sequence.slot, cache);
        if (!rows)
          return op->emitError("slot ")
                 << sequence.slot << " has nothing in the state '"
                 << cache.state << "' of layer " << cache.layer;
        const Tensor &k = rows->front(), &v = rows->back();
        if ((rows->size() == 1) != values.has_value())
          return op->emitError("does not say where the values of "
                               "the state '")
                 << cache.state << "' are";
        auto state = SymbolTable::lookupNearestSymbolFrom<llm::StateOp>(
            op, StringAttr::get(op->getContext(), cache.state));
        int64_t before = state.getFull() ? *state.getKeep() : 0;
        return KeysAndValues{&k, &v,         values.value_or(v.width()),
                             0,  k.shape[0], before};
      });
}

FailureOr<Tensor> attendRows(Operation *op, Run &run, const Tensor &k,
                             const Tensor *v, const Tensor &q,
                             const Scores &scores,
                             std::optional<int64_t> values) {
  if (values)
    v = &k;
  if (failed(checkTokens(op, run.batch, k)) ||
      failed(checkTokens(op, run.batch, *v)))
    return failure();
  return attend(op, run.batch, q, scores,
                [&](const Span &sequence) -> FailureOr<KeysAndValues> {
                  return KeysAndValues{&k, v, values.value_or(v->width()),
                                       sequence.first, sequence.rows};
                });
}

void addAttentionOps(OpTable &table) {
  table.add<llm::AppendOp>(appendOp);
  table.add<llm::CachedOp>(cached);
  table.add<llm::AttentionOp>(attention);
  table.add<llm::AlibiOp>(alibi);
  table.add<llm::BucketBiasOp>(bucketBias);
  table.add<llm::DistanceBiasOp>(distanceBias);
}

} // namespace sluice::evaluate
