// Choosing experts and running them.
#include "compiler/evaluate/Arithmetic.h"

#include <algorithm>

using namespace mlir;

namespace sluice::evaluate {

namespace {

Ints topK(Run &run, llm::TopKOp op) {
  return largest(*run.tensor(op.getScores()), op.getK());
}

Tensor pick(Run &run, llm::PickOp op) {
  return picked(*run.tensor(op.getX()), run.ints(op.getAt()));
}

Tensor chosen(Run &run, llm::ChosenOp op) {
  const Ints &at = run.ints(op.getAt());
  Tensor y{Shape{at.count(), int64_t(op.getOf())}};
  for (int64_t r = 0; r < at.count(); ++r)
    for (int64_t i = 0; i < at.width(); ++i)
      y.at(r)[at.at(r)[i]] = 1;
  return y;
}

Tensor normalize(Run &run, llm::NormalizeOp op) {
  return normalized(*run.tensor(op.getX()), op.getEps());
}

FailureOr<Tensor> experts(Run &run, llm::ExpertsOp op) {
  return sendToExperts(
      *run.tensor(op.getX()), run.ints(op.getAt()), run.tensor(op.getInScale()),
      run.tensor(op.getOutScale()),
      [&](int64_t expert, Tensor rows) -> FailureOr<Tensor> {
        std::vector<Value> arguments = {share(std::move(rows))};
        for (mlir::Value weight : op.getWeights())
          arguments.push_back(share(sliceOf(*run.tensor(weight), expert)));
        FailureOr<std::vector<Value>> y = run.region(op.getBody(), arguments);
        if (failed(y))
          return failure();
        return *std::get<std::shared_ptr<const Tensor>>(y->front());
      });
}

} // namespace

Ints largest(const Tensor &scores, int64_t k) {
  Shape shape = scores.shape;
  shape.back() = k;
  Ints chosen{shape};
  for (int64_t r = 0; r < scores.count(); ++r) {
    std::vector<int32_t> order(size_t(scores.width()));
    std::iota(order.begin(), order.end(), 0);
    // Equal ones stay in order.
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return scores.at(r)[a] > scores.at(r)[b];
    });
    std::copy_n(order.begin(), k, chosen.at(r));
  }
  return chosen;
}

Tensor picked(const Tensor &x, const Ints &at) {
  Tensor y{at.shape};
  for (int64_t r = 0; r < at.count(); ++r)
    for (int64_t i = 0; i < at.width(); ++i)
      y.at(r)[i] = x.at(r)[at.at(r)[i]];
  return y;
}

Tensor normalized(const Tensor &x, float eps) {
  Tensor y = x;
  for (int64_t r = 0; r < x.count(); ++r) {
    double sum = std::accumulate(x.at(r), x.at(r) + x.width(), double(eps));
    for (int64_t i = 0; i < x.width(); ++i)
      y.at(r)[i] = float(x.at(r)[i] / sum);
  }
  return y;
}

Tensor sliceOf(const Tensor &stack, int64_t expert) {
  Tensor slice{Shape(llvm::drop_begin(stack.shape))};
  std::copy_n(stack.data.begin() + expert * int64_t(slice.data.size()),
              slice.data.size(), slice.data.begin());
  return slice;
}

FailureOr<Tensor> sendToExperts(const Tensor &x, const Ints &at,
                                const Tensor *in, const Tensor *out,
                                const Expert &expert) {
  int64_t rows = x.count(), chosen = at.width();
  // What each expert makes of the rows sent to it, one after the other.
  std::vector<Tensor> made(size_t(rows * chosen));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < chosen; ++i) {
      float scale = in ? in->at(r)[i] : 1;
      Tensor row{Shape{1, x.width()}};
      for (int64_t c = 0; c < x.width(); ++c)
        row.data[size_t(c)] = scale * x.at(r)[c];
      FailureOr<Tensor> y = expert(at.at(r)[i], std::move(row));
      if (failed(y))
        return failure();
      made[size_t(r * chosen + i)] = std::move(*y);
    }
  Tensor y{Shape{rows, made.empty() ? 0 : made.front().width()}};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < y.width(); ++c) {
      double sum = 0;
      for (int64_t i = 0; i < chosen; ++i)
        sum += double(out ? out->at(r)[i] : 1) *
               made[size_t(r * chosen + i)].data[size_t(c)];
      y.at(r)[c] = float(sum);
    }
  return y;
}

void addRoutingOps(OpTable &table) {
  table.add<llm::TopKOp>(topK);
  table.add<llm::PickOp>(pick);
  table.add<llm::ChosenOp>(chosen);
  table.add<llm::NormalizeOp>(normalize);
  table.add<llm::ExpertsOp>(experts);
}

} // namespace sluice::evaluate
