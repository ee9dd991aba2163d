#include "compiler/kernels/Mask.h"

#include "compiler/kernels/MaskNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::kernels {

static bool isSized(StringRef word) {
  return word == "window" || word == "band" || word == "chunk";
}
static bool hasValues(StringRef word) {
  return word == "prefix" || word == "from" || word == "segments" ||
         word == "keys" || word == "queries";
}
// What a word allows is one run of positions, the query's own among them.
static bool isRunAround(StringRef word) {
  return word == "causal" || word == "all" || isSized(word);
}

LogicalResult checkMask(ArrayAttr terms, ErrorFn error) {
  for (mlir::Attribute term : terms) {
    if (auto list = dyn_cast<ArrayAttr>(term)) {
      if (failed(checkMask(list, error)))
        return failure();
      continue;
    }
    auto word = dyn_cast<StringAttr>(term);
    if (!word || !(isRunAround(word) || hasValues(word) || word == "blocks"))
      return error() << "a mask has no term " << term;
  }
  return success();
}

bool isWindow(ArrayAttr terms) {
  auto is = [&](StringRef word) {
    auto named = StringAttr::get(terms.getContext(), word);
    return static_cast<size_t>(llvm::count(terms, named));
  };
  return is("window") > 0 && is("window") + is("causal") == terms.size();
}

static void signatureOf(ArrayAttr terms, MaskNames &names, SignatureWriter &s) {
  for (mlir::Attribute term : terms) {
    if (auto list = dyn_cast<ArrayAttr>(term)) {
      signatureOf(list, names, s);
      continue;
    }
    StringRef word = cast<StringAttr>(term);
    std::string name = names.next(word);
    if (isSized(word))
      s.dim(name, word == "band" ? 0 : 1);
    else if (hasValues(word))
      s.rows(name, 1).elem(Elem::I32).follows(Follows::Tokens);
    else if (word == "blocks")
      for (StringRef dim : blockDims)
        s.dim(name + dim.str(), dim == ".hop" ? 0 : 1);
  }
}

void maskSignature(ArrayAttr terms, SignatureWriter &s) {
  MaskNames names;
  signatureOf(terms, names, s);
}

Mask::Mask(KernelBuilder &k, ArrayAttr terms) : k(k) {
  MaskNames names;
  this->terms = read(terms, names);
}

Mask::Terms Mask::read(ArrayAttr list, MaskNames &names) {
  Terms terms;
  for (mlir::Attribute attr : list) {
    Term &term = terms.emplace_back();
    if (auto inner = dyn_cast<ArrayAttr>(attr)) {
      term.terms = read(inner, names);
      continue;
    }
    term.word = cast<StringAttr>(attr);
    std::string name = names.next(term.word);
    if (isSized(term.word))
      term.numbers = {k.dim(name)};
    if (term.word == "blocks")
      for (StringRef dim : blockDims)
        term.numbers.push_back(k.dim(name + dim.str()));
    if (hasValues(term.word)) {
      term.values = k.operand(name, k.i32());
      term.stride = k.dim(name + ".stride");
    }
  }
  return terms;
}

bool Mask::isRange() const {
  return llvm::all_of(terms,
                      [](const Term &term) { return isRunAround(term.word); });
}

KernelBuilder::Range Mask::range(const Query &query) {
  return range(terms, false, query);
}

KernelBuilder::Range Mask::range(const Terms &terms, bool any,
                                 const Query &query) {
  KernelBuilder::Range all{k.index(0), query.total};
  std::optional<KernelBuilder::Range> found;
  if (!any)
    found = all;
  for (const Term &term : terms) {
    KernelBuilder::Range one = range(term, !any, query);
    if (!found)
      found = one;
    else if (any)
      found = {min(found->from, one.from), max(found->to, one.to)};
    else
      found = {max(found->from, one.from), min(found->to, one.to)};
  }
  return found.value_or(all);
}

KernelBuilder::Range Mask::range(const Term &term, bool any,
                                 const Query &query) {
  Expr zero = k.index(0), after = query.position + 1;
  if (term.word.empty())
    return range(term.terms, any, query);
  if (term.word == "causal")
    return {zero, after};
  if (term.word == "window")
    return {max(after - term.numbers[0], zero), after};
  if (term.word == "band")
    return {max(query.position - term.numbers[0], zero),
            after + term.numbers[0]};
  if (term.word == "chunk") {
    Expr start = query.position / term.numbers[0] * term.numbers[0];
    return {start, start + term.numbers[0]};
  }
  if (term.word == "queries") {
    // Nothing is a run that does not widen what it is joined with.
    Expr sees = k.load(term.values, query.row * term.stride) != 0;
    return {select(sees, zero, query.total), select(sees, query.total, zero)};
  }
  if (term.word == "prefix" || term.word == "from") {
    Expr limit = toIndex(k.load(term.values, query.row * term.stride));
    Expr within = max(min(limit, query.total), zero);
    return term.word == "from" ? KernelBuilder::Range{within, query.total}
                               : KernelBuilder::Range{zero, within};
  }
  return {zero, query.total};
}

Expr Mask::rowsBefore(const Query &query) {
  Expr size;
  for (const Term &term : terms)
    if (term.word == "window")
      size = size ? min(size, term.numbers[0]) : term.numbers[0];
  return max(size - query.position - 1, k.index(0));
}

Expr Mask::visible(const Query &query, Expr positions) {
  return visible(terms, false, query, positions);
}

Expr Mask::visible(const Terms &terms, bool any, const Query &query,
                   Expr positions) {
  Expr found;
  for (const Term &term : terms) {
    Expr one = visible(term, !any, query, positions);
    if (!found)
      found = one;
    else
      found = any ? found | one : found & one;
  }
  return found;
}

// The term's values of the keys at these positions; those behind the sequence
// read its last.
Expr Mask::valuesOf(const Term &term, const Query &query, Expr positions) {
  Expr last = splat(toInt(query.total - 1, k.i32()), Lanes::width);
  Expr stride = splat(toInt(term.stride, k.i32()), Lanes::width);
  return k.gather(term.values, query.first * term.stride,
                  min(positions, last) * stride);
}

Expr Mask::visible(const Term &term, bool any, const Query &query,
                   Expr positions) {
  auto all = [&](Expr scalar) {
    return splat(toInt(scalar, k.i32()), Lanes::width);
  };
  if (term.word.empty())
    return visible(term.terms, any, query, positions);
  if (term.word == "segments") {
    Expr own =
        splat(k.load(term.values, query.row * term.stride), Lanes::width);
    return (valuesOf(term, query, positions) == own) & (own >= 0);
  }
  if (term.word == "keys")
    return valuesOf(term, query, positions) != 0;
  if (term.word == "blocks") {
    Expr size = term.numbers[0], local = term.numbers[1];
    Expr behind = all(query.position / size) - positions / all(size);
    Expr next = positions / all(size) + all(term.numbers[3] * query.head + 1);
    return ((behind >= 0) & (behind < all(local))) |
           (next % all(term.numbers[2]) == 0);
  }
  KernelBuilder::Range run = range(term, any, query);
  return (all(run.from) <= positions) & (positions < all(run.to));
}

std::optional<Expr> Mask::visibleToSome(const Query &first, const Query &last,
                                        Expr positions) {
  return visibleToSome(terms, false, first, last, positions);
}

std::optional<Expr> Mask::visibleToSome(const Terms &terms, bool any,
                                        const Query &first, const Query &last,
                                        Expr positions) {
  std::optional<Expr> found;
  for (const Term &term : terms) {
    std::optional<Expr> one = visibleToSome(term, !any, first, last, positions);
    if (!one && any)
      return std::nullopt;
    if (one && found)
      one = any ? *found | *one : *found & *one;
    if (one)
      found = one;
  }
  return found;
}

std::optional<Expr> Mask::visibleToSome(const Term &term, bool any,
                                        const Query &first, const Query &last,
                                        Expr positions) {
  auto all = [&](Expr scalar) {
    return splat(toInt(scalar, k.i32()), Lanes::width);
  };
  if (term.word.empty())
    return visibleToSome(term.terms, any, first, last, positions);
  if (term.word == "keys")
    return valuesOf(term, first, positions) != 0;
  if (!isRunAround(term.word))
    return std::nullopt;
  // The runs of later queries begin and end later.
  Expr from = range(term, any, first).from, to = range(term, any, last).to;
  return (all(from) <= positions) & (positions < all(to));
}

} // namespace sluice::kernels
