// Fused ops, from their own definition and not by decomposition: what they
// decompose into is compared with them.
#include "compiler/evaluate/Arithmetic.h"

#include <algorithm>

using namespace mlir;

namespace sluice::evaluate {

namespace {

float numberOf(FloatAttr attr) { return attr.getValue().convertToFloat(); }

// act(x) if there is one.
Tensor activate(const llm::Epilogue &after, Tensor x) {
  float beta = after.beta ? numberOf(after.beta) : 1;
  return after.act
             ? each(std::move(x),
                    [&](float v) { return activation(*after.act, v, beta); })
             : x;
}

// act(min(gate, gate_max)) * (clamp(up, -up_limit, up_limit) + up_add)
Tensor gated(const llm::Epilogue &after, Tensor gate, const Tensor &up) {
  if (after.gateMax)
    gate = each(std::move(gate),
                [&](float v) { return std::min(v, numberOf(after.gateMax)); });
  Tensor y = activate(after, std::move(gate));
  for (size_t i = 0; i < y.data.size(); ++i) {
    float u = up.data[i];
    if (after.upLimit)
      u = std::clamp(u, -numberOf(after.upLimit), numberOf(after.upLimit));
    y.data[i] *= after.upAdd ? u + numberOf(after.upAdd) : u;
  }
  return y;
}

std::vector<Value> fusedLinear(Run &run, llm::FusedLinearOp op) {
  Tensor x = norm(*run.tensor(op.getX()), op.getNormAttr(),
                  run.tensor(op.getNormWeight()), run.tensor(op.getNormBias()));
  std::vector<Tensor> products;
  for (auto [i, weight] : llvm::enumerate(op.getWeights()))
    products.push_back(product(
        x, *run.tensor(weight),
        op.getBiases().empty() ? nullptr : run.tensor(op.getBiases()[i]),
        op.getCompute()));
  llm::Epilogue after = op.epilogue();
  if (products.size() > 1 && !after.glu) {
    std::vector<Value> results;
    for (Tensor &product : products)
      results.push_back(share(std::move(product)));
    return results;
  }
  Tensor y = after.glu ? gated(after, products[0], products[1])
                       : activate(after, products[0]);
  if (after.scale)
    y = each(std::move(y), [&](float v) { return v * numberOf(after.scale); });
  if (after.cap)
    y = each(std::move(y), [&](float v) {
      return numberOf(after.cap) * std::tanh(v / numberOf(after.cap));
    });
  if (op.getResidual())
    y = sumOf(y, *run.tensor(op.getResidual()));
  return {share(std::move(y))};
}

// q or k in heads, normalised and rotated in the op's order.
Tensor prepare(Run &run, llm::FusedAttentionOp op, mlir::Value value,
               int64_t heads, mlir::Value weight) {
  Tensor x = reshaped(*run.tensor(value), {heads, op.getHeadDim()});
  auto rotated = [&](Tensor y) {
    return op.getTable() ? rotate(y, *run.tensor(op.getTable()),
                                  *op.getPairing(), op.getFrom())
                         : y;
  };
  auto normed = [&](const Tensor &y) {
    return norm(y, op.getQkNormAttr(), run.tensor(weight), nullptr);
  };
  return op.getNormAfterRope() ? normed(rotated(x)) : rotated(normed(x));
}

FailureOr<Tensor> fusedAttention(Run &run, llm::FusedAttentionOp op) {
  Tensor q = prepare(run, op, op.getQ(), op.getHeads(), op.getQNorm());
  Tensor k = prepare(run, op, op.getK(), op.getKvHeads(), op.getKNorm());
  Tensor v =
      reshaped(*run.tensor(op.getV()),
               {static_cast<int64_t>(op.getKvHeads()), op.getValueDim()});
  Scores scores = scoresSaidBy(run, op);
  FailureOr<Tensor> y;
  if (op.getState()) {
    Cache cache{op.getState()->str(), run.index(op.getLayer())};
    if (failed(append(op, run, cache, {&k, &v})))
      return failure();
    y = attendCache(op, run, cache, q, scores);
  } else {
    y = attendRows(op, run, k, &v, q, scores);
  }
  if (failed(y))
    return failure();
  return reshaped(std::move(*y),
                  {static_cast<int64_t>(op.getHeads()) * op.getValueDim()});
}

Tensor score(llm::Score kind, const Tensor &logits) {
  switch (kind) {
  case llm::Score::none:
    return logits;
  case llm::Score::softmax:
    return softmaxOf(logits);
  case llm::Score::sigmoid:
    return each(logits,
                [](float v) { return activation(llm::Act::sigmoid, v, 1); });
  }
  llvm_unreachable("unknown score");
}

std::vector<Value> fusedRouter(Run &run, llm::FusedRouterOp op) {
  Tensor h = norm(*run.tensor(op.getX()), op.getNormAttr(),
                  run.tensor(op.getNormWeight()), run.tensor(op.getNormBias()));
  Tensor logits = product(h, *run.tensor(op.getW()), run.tensor(op.getBias()),
                          op.getCompute());
  Ints chosen;
  Tensor weights;
  if (op.getOrder() == llm::RouterOrder::score_first) {
    Tensor scores = score(op.getScore(), logits), corrected = scores;
    if (const Tensor *correction = run.tensor(op.getCorrection()))
      for (int64_t r = 0; r < corrected.count(); ++r)
        for (int64_t e = 0; e < corrected.width(); ++e)
          corrected.at(r)[e] += correction->data[size_t(e)];
    chosen = largest(corrected, op.getK());
    weights = picked(scores, chosen);
  } else {
    chosen = largest(logits, op.getK());
    weights = score(op.getScore(), picked(logits, chosen));
  }
  if (op.getNormalize())
    weights = normalized(weights, *op.getNormalize());
  if (op.getScale())
    weights =
        each(std::move(weights), [&](float v) { return v * *op.getScale(); });
  return {share(std::move(h)), share(std::move(chosen)),
          share(std::move(weights))};
}

FailureOr<Tensor> fusedExperts(Run &run, llm::FusedExpertsOp op) {
  auto layer = [&](const Tensor &x, mlir::Value weight, mlir::Value bias,
                   int64_t expert) {
    Tensor none, own = bias ? sliceOf(*run.tensor(bias), expert) : none;
    return product(x, sliceOf(*run.tensor(weight), expert),
                   bias ? &own : nullptr, op.getCompute());
  };
  auto one = [&](int64_t expert, Tensor x) -> FailureOr<Tensor> {
    std::vector<Tensor> first;
    for (auto [i, weight] : llvm::enumerate(op.getFirst()))
      first.push_back(layer(x, weight,
                            op.getFirstBias().empty() ? mlir::Value()
                                                      : op.getFirstBias()[i],
                            expert));
    llm::Epilogue after = op.epilogue();
    Tensor y = after.glu ? gated(after, first[0], first[1])
                         : activate(after, first[0]);
    return layer(y, op.getDown(), op.getDownBias(), expert);
  };
  const Tensor *weight = run.tensor(op.getWeight());
  FailureOr<Tensor> y =
      sendToExperts(*run.tensor(op.getX()), run.ints(op.getAt()),
                    op.getScaleInput() ? weight : nullptr,
                    op.getScaleInput() ? nullptr : weight, one);
  if (failed(y) || !op.getResidual())
    return y;
  return sumOf(*y, *run.tensor(op.getResidual()));
}

} // namespace

void addFusedOps(OpTable &table) {
  table.add<llm::FusedLinearOp>(fusedLinear);
  table.add<llm::FusedAttentionOp>(fusedAttention);
  table.add<llm::FusedRouterOp>(fusedRouter);
  table.add<llm::FusedExpertsOp>(fusedExperts);
}

} // namespace sluice::evaluate
