// Which keys the rows of an attention see. The attribute `mask` is a list of
// terms that must all allow a key: words, or a list of which one must allow it,
// in which a list is again of terms that must all. Numbers of the terms are
// dims and values of rows are operands, named as MaskNames says.
//
//   causal, all          window, band, chunk [dim: positions]
//   prefix, from, segments, keys, queries [operand: i32 of each row]
//   blocks [dims: .size, .local, .stride, .hop]
//
// See MaskAttr of the llm dialect for what they mean.
#pragma once

#include "compiler/kernels/Kinds.h"

#include <optional>
#include <vector>

namespace sluice::kernels {

class Mask {
public:
  struct Query {
    Expr row;      // of the step
    Expr position; // in its sequence
    Expr head;
    Expr first; // row of the sequence's first token
    Expr total; // positions of the sequence
  };

  Mask(KernelBuilder &k, mlir::ArrayAttr terms);

  // Positions in front of and behind which the query sees none.
  KernelBuilder::Range range(const Query &query);
  // How many positions before the first one a mask of windows reaches.
  Expr rowsBefore(const Query &query);
  // Whether a query sees all of its range, and something.
  bool isRange() const;
  // Which of 16 positions (i32) within its range the query sees.
  Expr visible(const Query &query, Expr positions);
  // Which of 16 positions may be seen by some of the queries from `first` to
  // `last` of a sequence; nothing if it would take each query to tell.
  std::optional<Expr> visibleToSome(const Query &first, const Query &last,
                                    Expr positions);

private:
  struct Term {
    llvm::StringRef word; // empty: a list of terms
    llvm::SmallVector<Expr> numbers;
    mlir::Value values;
    Expr stride;
    std::vector<Term> terms;
  };
  using Terms = std::vector<Term>;

  Terms read(mlir::ArrayAttr terms, class MaskNames &names);
  KernelBuilder::Range range(const Term &term, bool any, const Query &query);
  KernelBuilder::Range range(const Terms &terms, bool any, const Query &query);
  Expr visible(const Term &term, bool any, const Query &query, Expr positions);
  Expr visible(const Terms &terms, bool any, const Query &query,
               Expr positions);
  std::optional<Expr> visibleToSome(const Term &term, bool any,
                                    const Query &first, const Query &last,
                                    Expr positions);
  std::optional<Expr> visibleToSome(const Terms &terms, bool any,
                                    const Query &first, const Query &last,
                                    Expr positions);
  Expr valuesOf(const Term &term, const Query &query, Expr positions);

  KernelBuilder &k;
  Terms terms;
};

// Fails on a term that there is not.
mlir::LogicalResult checkMask(mlir::ArrayAttr terms, ErrorFn error);
// Whether the terms are windows, so that rowsBefore() may be asked.
bool isWindow(mlir::ArrayAttr terms);
// The operands and dims of the terms.
void maskSignature(mlir::ArrayAttr terms, SignatureWriter &s);

} // namespace sluice::kernels
