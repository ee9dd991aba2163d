// The parts of ops that single and fused ones have in common.
#pragma once

#include "compiler/evaluate/Run.h"

#include <cmath>
#include <optional>

namespace sluice::evaluate {

// For each element of a row of shape `to`, the element of `from` that it takes:
// shapes are aligned at the right, axes of size 1 or missing are repeated.
std::vector<int64_t> broadcastRow(llvm::ArrayRef<int64_t> to,
                                  llvm::ArrayRef<int64_t> from);

// fn(x); `beta` is for swish.
float activation(llm::Act fn, float x, float beta);

// x to the nearest value of a narrower type, and back.
float roundTo(float x, llm::RoundTo type);

// Every element replaced by fn of it.
template <typename Fn> Tensor each(Tensor x, Fn fn) {
  for (float &element : x.data)
    element = fn(element);
  return x;
}

// x (kind) y for operands of one shape.
Tensor sumOf(const Tensor &x, const Tensor &y);

// The last axis normalised, times `weight` plus `bias` where they are given: of
// the last axis or the last two.
Tensor norm(const Tensor &x, llm::NormKind kind, float eps,
            const Tensor *weight, const Tensor *bias);
// As a fused op holds it: x itself without an attribute.
Tensor norm(const Tensor &x, llm::NormAttr attr, const Tensor *weight,
            const Tensor *bias);

// y[r, n] = sum_k x[r, k] * w[n, k] + bias[n], factors rounded to `compute`.
Tensor product(const Tensor &x, const Tensor &w, const Tensor *bias,
               llm::Compute compute);

Tensor softmaxOf(const Tensor &x);
Tensor normalized(const Tensor &x, float eps);
// Indices of the k largest of each row, the largest first.
Ints largest(const Tensor &scores, int64_t k);
Tensor picked(const Tensor &x, const Ints &at);

// An error unless `rows` has one for each token of the batch: rows of anything
// else belong to no position.
mlir::LogicalResult checkTokens(mlir::Operation *op, const Batch &batch,
                                const Tensor &rows);

// x [rows, n, d] with the pairs of each head rotated by table [rows, 2, pairs].
Tensor rotate(const Tensor &x, const Tensor &table, llm::Pairing pairing,
              int64_t from);

// What an attention does to its scores.
struct Scores {
  float scale = 1;
  std::optional<float> cap;
  mlir::ArrayAttr mask;
  MaskValues maskValues;
  const Tensor *sinks = nullptr;
  const Bias *bias = nullptr;
};
// As an op with the attributes and operands of an attention says it.
template <typename OpTy> Scores scoresSaidBy(Run &run, OpTy op) {
  return {op.getScale(),
          op.getCap(),
          op.getMask(),
          run.maskValues(op.getMaskValues()),
          run.tensor(op.getSinks()),
          run.bias(op.getBias())};
}

// Keys and values of one sequence: [keys, groups, d], [keys, groups, dv], of
// whose channels the first `width` count.
struct KeysAndValues {
  const Tensor *k, *v;
  int64_t width;
  int64_t first = 0; // row of the first key
  int64_t keys = 0;
  int64_t before = 0; // rows of zeros in front of them
};

// softmax(q k^T * scale + bias, masked) v for q [rows, n, d]; `of` gives what
// each sequence of the batch attends to.
mlir::FailureOr<Tensor>
attend(mlir::Operation *op, const Batch &batch, const Tensor &q,
       const Scores &scores,
       llvm::function_ref<mlir::FailureOr<KeysAndValues>(const Span &)> of);
// The rows that each sequence keeps in a state; with `values` the first so many
// channels of its keys are the values.
mlir::FailureOr<Tensor> attendCache(mlir::Operation *op, Run &run,
                                    const Cache &cache, const Tensor &q,
                                    const Scores &scores,
                                    std::optional<int64_t> values = {});
// This step's own rows; v is null with `values`.
mlir::FailureOr<Tensor> attendRows(mlir::Operation *op, Run &run,
                                   const Tensor &k, const Tensor *v,
                                   const Tensor &q, const Scores &scores,
                                   std::optional<int64_t> values = {});
// Writes this step's rows, one tensor per field, of which there is one for each
// token.
mlir::LogicalResult append(mlir::Operation *op, Run &run, const Cache &cache,
                           llvm::ArrayRef<const Tensor *> fields);

// The same elements as rows of another shape.
inline Tensor reshaped(Tensor x, llvm::ArrayRef<int64_t> row) {
  int64_t rows = x.shape.front();
  x.shape.assign({rows});
  x.shape.append(row.begin(), row.end());
  return x;
}

// For each row r and i the rows of `x` that `at[r, i]` sends to an expert go
// through `expert`, and the results are added up in the order of i:
// y[r] = sum_i out[r, i] * expert(at[r, i], in[r, i] * x[r]); null scales
// are 1.
using Expert = std::function<mlir::FailureOr<Tensor>(int64_t expert, Tensor x)>;
mlir::FailureOr<Tensor> sendToExperts(const Tensor &x, const Ints &at,
                                      const Tensor *in, const Tensor *out,
                                      const Expert &expert);
// One expert's weight of a stack.
Tensor sliceOf(const Tensor &stack, int64_t expert);

} // namespace sluice::evaluate
