// Rotary positions, caches and attention. Fused or not, the steps that do
// arithmetic are the same: rotation of rows, then one `attend` over a cache.
// Keys and values of this step alone go through a cache that lives as long as
// the step.
#include "compiler/kernels/MaskNames.h"
#include "compiler/lowering/Common.h"

using namespace mlir;

namespace sluice::plan {

namespace {

ArrayRef<int64_t> shapeOfTensor(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

template <typename OpTy, SmallVector<float> (*fn)(OpTy, ArrayRef<float>)>
LogicalResult lowerScaledFreqs(Walk &walk, OpTy op) {
  const Constant *freqs = walk.tryGet<Constant>(op.getFreqs());
  if (!freqs)
    return op.emitError() << "'" << op->getName()
                          << "' needs frequencies that are known now";
  walk.set(op.getResult(), Constant{fn(op, freqs->values)});
  return success();
}

LogicalResult lowerRopeFreqs(Walk &walk, llm::RopeFreqsOp op) {
  walk.set(op.getResult(), Constant{ropeFrequencies(op)});
  return success();
}

LogicalResult lowerFreqsNtk(Walk &walk, llm::FreqsNtkOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  if (failed(x))
    return failure();
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  Step step("freqs_ntk", walk.config().real("theta", op.getThetaAttr()).get());
  step.operands = {{"x", x->ref()}, {"y", y.ref()}};
  step.dims = {{"N", y.width}};
  step.rows = x->count;
  return walk.emit(op, step);
}

FailureOr<Rows> emitRopeTable(Walk &walk, Operation *op, Value pos, Value freqs,
                              FloatAttr amplitude) {
  FailureOr<Rows> positions = walk.rows(op, pos);
  if (failed(positions))
    return failure();
  // Of all rows, or of each one.
  bool each = llm::hasRows(cast<RankedTensorType>(freqs.getType()));
  FailureOr<Ref> known = failure();
  if (!each)
    known = walk.refWithoutRows(op, freqs, "freqs");
  else if (FailureOr<Rows> rows = walk.rows(op, freqs); succeeded(rows))
    known = rows->ref();
  if (failed(known))
    return failure();
  int64_t half = widthOf(freqs);
  Rows y = walk.temporary(op->getLoc(), "rope", positions->count,
                          walk.plan.b().getF32Type(), 2 * half);
  Config config = walk.config();
  config.real("amplitude", amplitude).flag("each", each);
  Step step("rope_table", config.get());
  step.operands = {
      {"pos", positions->ref()}, {"freqs", *known}, {"y", y.ref()}};
  step.dims = {{"N", half}};
  step.rows = positions->count;
  if (failed(walk.emit(op, step)))
    return failure();
  return y;
}

LogicalResult lowerRopeTable(Walk &walk, llm::RopeTableOp op) {
  FailureOr<Rows> y = emitRopeTable(walk, op, op.getPos(), op.getFreqs(),
                                    op.getAmplitudeAttr());
  if (failed(y))
    return failure();
  walk.set(op.getResult(), *y);
  return success();
}

LogicalResult emitRotate(Walk &walk, Operation *op, Value x, const Rows &table,
                         llm::Pairing pairing, int64_t from, Value result) {
  FailureOr<Rows> rows = walk.rows(op, x);
  if (failed(rows))
    return failure();
  Rows y = walk.result(result, rows->count);
  walk.set(result, y);
  ArrayRef<int64_t> shape = shapeOfTensor(x);
  Config config = walk.config();
  config.word("pairing", llm::stringifyPairing(pairing)).integer("from", from);
  Step step("rotate", config.get());
  step.operands = {{"x", rows->ref()}, {"table", table.ref()}, {"y", y.ref()}};
  step.dims = {
      {"heads", shape[1]}, {"head_dim", shape[2]}, {"rotary", table.width / 2}};
  step.rows = rows->count;
  return walk.emit(op, step);
}

LogicalResult lowerRope(Walk &walk, llm::RopeOp op) {
  FailureOr<Rows> table = emitRopeTable(walk, op, op.getPos(), op.getFreqs(),
                                        op.getAmplitudeAttr());
  if (failed(table))
    return failure();
  return emitRotate(walk, op, op.getX(), *table, op.getPairing(), op.getFrom(),
                    op.getResult());
}

LogicalResult lowerRotate(Walk &walk, llm::RotateOp op) {
  FailureOr<Rows> table = walk.rows(op, op.getTable());
  if (failed(table))
    return failure();
  return emitRotate(walk, op, op.getX(), *table, op.getPairing(), op.getFrom(),
                    op.getResult());
}

// Heads and widths of an attention; with `keysAlone` the values are channels of
// the keys.
struct HeadShape {
  int64_t heads, kvHeads, keyWidth, valueWidth;
  bool keysAlone = false;

  void addTo(Step &step) const {
    step.dims.append({{"heads", heads},
                      {"kv_heads", kvHeads},
                      {"head_dim", keyWidth},
                      {"value_dim", valueWidth}});
  }
};

// Without values, a cache of keys alone.
LogicalResult emitAppend(Walk &walk, Operation *op, const Rows &k,
                         std::optional<Rows> v, const Cache &cache,
                         HeadShape shape) {
  Step step("append", walk.config().flag("keys_alone", !v).get());
  step.operands = {{"k", k.ref()}, {"cache", cache.ref()}};
  step.dims = {{"heads", shape.kvHeads}, {"head_dim", shape.keyWidth}};
  if (v) {
    step.operands.push_back({"v", v->ref()});
    step.dims.push_back({"value_dim", shape.valueWidth});
  }
  step.rows = k.count;
  return walk.emit(op, step);
}

// The transient cache of an attention over the rows of this step.
Cache stepCache(Walk &walk, HeadShape shape) {
  return Cache{walk.plan.transientCache(
      shape.kvHeads, shape.keyWidth, shape.keysAlone ? 0 : shape.valueWidth)};
}

FailureOr<Cache> cacheOf(Walk &walk, Operation *op, StringRef symbol,
                         int64_t layer) {
  auto state = walk.model.lookup<llm::StateOp>(symbol);
  if (!state || state.getKind() != llm::StateKind::cache)
    return op->emitError() << "no cache '" << symbol << "'";
  return Cache{walk.plan.state(state), layer, state.getFull()};
}

LogicalResult lowerAppend(Walk &walk, llm::AppendOp op) {
  FailureOr<Cache> cache =
      cacheOf(walk, op, op.getState(), walk.layerOf(op.getLayer()));
  if (failed(cache))
    return failure();
  ArrayRef<int64_t> key = shapeOfTensor(op.getFields()[0]);
  HeadShape shape{key[1], key[1], key[2], 0};
  FailureOr<Rows> k = walk.tokenRows(op, op.getFields()[0]);
  std::optional<Rows> values;
  if (op.getFields().size() == 2) {
    FailureOr<Rows> v = walk.tokenRows(op, op.getFields()[1]);
    if (failed(v))
      return failure();
    values = *v;
    shape.valueWidth = shapeOfTensor(op.getFields()[1])[2];
  }
  if (failed(k))
    return failure();
  walk.set(op.getResult(), *cache);
  return emitAppend(walk, op, *k, values, *cache, shape);
}

LogicalResult lowerCached(Walk &walk, llm::CachedOp op) {
  FailureOr<Cache> cache =
      cacheOf(walk, op, op.getState(), walk.layerOf(op.getLayer()));
  if (failed(cache))
    return failure();
  walk.set(op.getResult(), *cache);
  return success();
}

// What an attention adds to or takes from its scores.
struct Scores {
  FloatAttr scale, cap;
  ArrayAttr mask;
  SmallVector<Rows> maskValues;
  std::optional<Weight> sinks;
  const Bias *bias = nullptr;
};

// Terms of a mask as the kernel has them, their numbers and values in `step`.
// The kernel's lists are of terms of which all and of which any must allow a
// key by turns; `any` is what this one is.
SmallVector<Attribute> maskTerms(ArrayAttr mask, bool any,
                                 ArrayRef<Rows> values,
                                 kernels::MaskNames &names, Step &step) {
  Builder b(mask.getContext());
  SmallVector<Attribute> terms;
  for (auto term : mask.getAsRange<llm::MaskAttr>()) {
    llm::MaskKind kind = term.getKind();
    if (kind == llm::MaskKind::any || kind == llm::MaskKind::every) {
      bool either = kind == llm::MaskKind::any;
      SmallVector<Attribute> inner =
          maskTerms(term.getTerms(), either, values, names, step);
      if (either == any)
        llvm::append_range(terms, inner);
      else
        terms.push_back(b.getArrayAttr(inner));
      continue;
    }
    if (kind == llm::MaskKind::all && !any)
      continue; // takes nothing away
    StringRef word = llm::stringifyMaskKind(kind);
    terms.push_back(b.getStringAttr(word));
    std::string name = names.next(word);
    if (term.hasValue())
      step.add(name, values[static_cast<size_t>(term.getSize())].ref());
    else if (kind == llm::MaskKind::blocks)
      for (auto [dim, number] :
           llvm::zip_equal(kernels::blockDims, term.getNumbers()))
        step.add(name + dim.str(), number);
    else if (!term.getNumbers().empty())
      step.add(name, term.getSize());
  }
  return terms;
}

LogicalResult emitAttend(Walk &walk, Operation *op, const Rows &q,
                         const Cache &cache, HeadShape shape,
                         const Scores &scores, const Rows &y) {
  Config config = walk.config();
  config.integer("head_dim", shape.keyWidth)
      .integer("value_dim", shape.valueWidth)
      .real("scale", scores.scale)
      .real("cap", scores.cap)
      .flag("sinks", scores.sinks.has_value())
      .flag("full", cache.full)
      .flag("keys_alone", shape.keysAlone);
  Step step("attend");
  step.operands = {{"q", q.ref()}, {"cache", cache.ref()}, {"y", y.ref()}};
  shape.addTo(step);
  if (scores.sinks)
    step.operands.push_back(
        {"sinks", walk.ref(*scores.sinks, Layout::Rows, true)});
  kernels::MaskNames names;
  config.array("mask",
               maskTerms(scores.mask, false, scores.maskValues, names, step));
  if (scores.bias)
    addBias(walk, *scores.bias, config, step);
  step.config = config.get();
  step.rows = q.count;
  return walk.emit(op, step);
}

template <typename OpTy> FailureOr<Scores> scoresOf(Walk &walk, OpTy op) {
  Scores scores{op.getScaleAttr(), op.getCapAttr(), op.getMaskAttr(), {}, {}};
  for (Value value : op.getMaskValues()) {
    FailureOr<Rows> rows = walk.tokenRows(op, value);
    if (failed(rows))
      return failure();
    scores.maskValues.push_back(*rows);
  }
  Value sinks = op.getSinks(), bias = op.getBias();
  if (sinks) {
    FailureOr<Weight> weight = walk.weight(op, sinks);
    if (failed(weight))
      return failure();
    scores.sinks = *weight;
  }
  if (bias)
    scores.bias = walk.tryGet<Bias>(bias);
  return scores;
}

// The heads of an attention over a cache, wherever its handle comes from.
LogicalResult readCache(Walk &walk, llm::AttentionOp op, const Cache &cache,
                        HeadShape &shape) {
  ArrayRef<int64_t> key = walk.plan.cacheField(cache.state, "k"),
                    value = walk.plan.cacheField(cache.state, "v");
  shape.kvHeads = key[0];
  if (value.empty() != shape.keysAlone)
    return op.emitError(shape.keysAlone
                            ? "its cache has values besides the keys"
                            : "its cache has keys alone, so 'values' must say "
                              "how many of their channels are the values");
  if (shape.heads % key[0] == 0 && shape.keyWidth == key[1] &&
      (shape.keysAlone || shape.valueWidth == value[1]))
    return success();
  return op.emitError() << "has " << shape.heads
                        << " heads of queries of width " << shape.keyWidth
                        << " and results of width " << shape.valueWidth
                        << ", its cache has keys [" << key << "] and values ["
                        << value << "]";
}

LogicalResult lowerAttention(Walk &walk, llm::AttentionOp op) {
  FailureOr<Rows> q = walk.tokenRows(op, op.getQ());
  FailureOr<Scores> scores = scoresOf(walk, op);
  if (failed(q) || failed(scores))
    return failure();
  ArrayRef<int64_t> query = shapeOfTensor(op.getQ());
  HeadShape shape{query[1], 0, query[2], shapeOfTensor(op.getResult())[2],
                  op.getValues().has_value()};
  std::optional<Cache> cache;
  if (op.getKv()) {
    cache = *walk.tryGet<Cache>(op.getKv());
    if (failed(readCache(walk, op, *cache, shape)))
      return failure();
  } else {
    FailureOr<Rows> k = walk.tokenRows(op, op.getK());
    std::optional<Rows> values;
    if (op.getV()) {
      FailureOr<Rows> v = walk.tokenRows(op, op.getV());
      if (failed(v))
        return failure();
      values = *v;
    }
    if (failed(k))
      return failure();
    shape.kvHeads = shapeOfTensor(op.getK())[1];
    cache = stepCache(walk, shape);
    if (failed(emitAppend(walk, op, *k, values, *cache, shape)))
      return failure();
  }
  Rows y = walk.result(op.getResult(), q->count);
  walk.set(op.getResult(), y);
  return emitAttend(walk, op, *q, *cache, shape, *scores, y);
}

// Norms and rotation of q and k, and the append, as one step. Gives the rows
// of q that attention reads.
FailureOr<Rows> emitPrepare(Walk &walk, llm::FusedAttentionOp op, const Rows &q,
                            const Rows &k, const Rows &v, const Cache &cache,
                            HeadShape shape) {
  if (!op.getTable() && !op.getQkNorm()) {
    if (failed(emitAppend(walk, op, k, v, cache, shape)))
      return failure();
    return q;
  }
  Config config = walk.config();
  Rows y = walk.temporary(op.getLoc(), "q", q.count, walk.plan.b().getF32Type(),
                          q.width);
  Step step("prepare");
  step.operands = {{"q", q.ref()},
                   {"k", k.ref()},
                   {"v", v.ref()},
                   {"y", y.ref()},
                   {"cache", cache.ref()}};
  shape.addTo(step);
  if (op.getTable()) {
    FailureOr<Rows> table = walk.tokenRows(op, op.getTable());
    if (failed(table))
      return failure();
    config.word("pairing", llm::stringifyPairing(*op.getPairing()))
        .integer("from", op.getFrom());
    step.operands.push_back({"table", table->ref()});
    step.dims.push_back({"rotary", table->width / 2});
  }
  if (llm::NormAttr norm = op.getQkNormAttr()) {
    config.word("qk_norm", llm::stringifyNormKind(norm.getKind()))
        .real("eps", norm.getEps())
        .flag("norm_after_rope", op.getNormAfterRope());
    bool perHead = false;
    for (auto [value, flag, name] :
         {std::tuple(op.getQNorm(), "q_norm", "q_norm_w"),
          std::tuple(op.getKNorm(), "k_norm", "k_norm_w")}) {
      if (!value)
        continue;
      FailureOr<Weight> weight = walk.weight(op, value);
      if (failed(weight))
        return failure();
      perHead |= weight->op.getTensorType().getRank() > 1;
      config.flag(flag, true);
      step.operands.push_back({name, walk.ref(*weight, Layout::Rows, true)});
    }
    config.flag("per_head_weight", perHead);
  }
  step.config = config.get();
  step.rows = q.count;
  if (failed(walk.emit(op, step)))
    return failure();
  return y;
}

LogicalResult lowerFusedAttention(Walk &walk, llm::FusedAttentionOp op) {
  FailureOr<Rows> q = walk.tokenRows(op, op.getQ()),
                  k = walk.tokenRows(op, op.getK()),
                  v = walk.tokenRows(op, op.getV());
  FailureOr<Scores> scores = scoresOf(walk, op);
  if (failed(q) || failed(k) || failed(v) || failed(scores))
    return failure();
  HeadShape shape{static_cast<int64_t>(op.getHeads()),
                  static_cast<int64_t>(op.getKvHeads()), op.getHeadDim(),
                  op.getValueDim()};
  FailureOr<Cache> cache =
      op.getState()
          ? cacheOf(walk, op, *op.getState(), walk.layerOf(op.getLayer()))
          : FailureOr<Cache>(stepCache(walk, shape));
  if (failed(cache))
    return failure();
  FailureOr<Rows> prepared = emitPrepare(walk, op, *q, *k, *v, *cache, shape);
  if (failed(prepared))
    return failure();
  Rows y = walk.result(op.getResult(), q->count);
  walk.set(op.getResult(), y);
  return emitAttend(walk, op, *prepared, *cache, shape, *scores, y);
}

} // namespace

void addAttentionLowerings(OpTable &table) {
  table.add<llm::RopeFreqsOp, lowerRopeFreqs>();
  table.add<llm::FreqsLlama3Op,
            lowerScaledFreqs<llm::FreqsLlama3Op, llama3Frequencies>>();
  table.add<llm::FreqsYarnOp,
            lowerScaledFreqs<llm::FreqsYarnOp, yarnFrequencies>>();
  table.add<llm::FreqsNtkOp, lowerFreqsNtk>();
  table.add<llm::RopeTableOp, lowerRopeTable>();
  table.add<llm::RopeOp, lowerRope>();
  table.add<llm::RotateOp, lowerRotate>();
  table.add<llm::AppendOp, lowerAppend>();
  table.add<llm::CachedOp, lowerCached>();
  table.add<llm::AttentionOp, lowerAttention>();
  table.add<llm::FusedAttentionOp, lowerFusedAttention>();
}

} // namespace sluice::plan
