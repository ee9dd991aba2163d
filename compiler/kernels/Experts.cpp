// Kinds around the products of a mixture of experts. A pair p = token * top_k +
// i is a token and the i-th expert chosen for it.
//
// `group`         sorts the pairs by expert, stably: idx [tokens][top_k] i32 ->
//                 offsets [experts + 1], expert e has the sorted places
//                 [offsets[e], offsets[e + 1]); pairs [tokens * top_k], the
//                 pair at each place; position, the place of each pair
// `gather_pairs`  y[s] = x[p / top_k], with scale times weight[p / top_k][p %
//                 top_k], for p = pairs[s]; one row per pair
// `combine`       y[t] = sum over i, in order, of weight[t][i] *
//                 x[position[t * top_k + i]], each product rounded, + residual
//
// offsets, pairs and position are dense i32.
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RowMath.h"

using namespace mlir;

namespace sluice::kernels {

static void groupSignature(const Attrs &, SignatureWriter &s) {
  Size experts = s.dim("experts"), topK = s.dim("top_k");
  s.rows("idx", topK).elem(Elem::I32).whole();
  s.writes();
  s.dense("offsets", experts + 1).elem(Elem::I32).whole().follows(Follows::One);
  s.dense("pairs", 1).elem(Elem::I32).whole().times(topK);
  s.dense("position", 1).elem(Elem::I32).whole().times(topK);
}

// The next free place of each expert.
static int64_t groupScratch(const Attrs &, DimFn dim) {
  return dim("experts") * int64_t(sizeof(int32_t));
}

// Counts of a few thousand pairs are cheaper than meeting for them: one worker
// does it all.
static LogicalResult buildGroup(KernelBuilder &k, const Attrs &, Region *) {
  Value idx = k.operand("idx", k.i32());
  Value offsets = k.operand("offsets", k.i32());
  Value pairs = k.operand("pairs", k.i32());
  Value position = k.operand("position", k.i32());
  Value next = k.scratch(k.i32());
  Expr experts = k.dim("experts"), topK = k.dim("top_k");
  Expr idxStride = k.dim("idx.stride");
  Expr zero = k.index(0), total = k.rows() * topK;
  auto expertOf = [&](Expr pair) {
    return toIndex(k.load(idx, pair / topK * idxStride + pair % topK));
  };

  k.items(k.index(1), [&](Expr) {
    k.loop(zero, experts, 1, [&](Expr e) { k.store(toI32(k, zero), next, e); });
    k.loop(zero, total, 1, [&](Expr pair) {
      Expr e = expertOf(pair);
      k.store(k.load(next, e) + 1, next, e);
    });
    Values end = k.loop(zero, experts, 1, {toI32(k, zero)},
                        [&](Expr e, ArrayRef<Expr> sum) {
                          Expr count = k.load(next, e);
                          k.store(sum[0], offsets, e);
                          k.store(sum[0], next, e);
                          return Values{sum[0] + count};
                        });
    k.store(end[0], offsets, experts);
    k.loop(zero, total, 1, [&](Expr pair) {
      Expr e = expertOf(pair);
      Expr place = k.load(next, e);
      k.store(place + 1, next, e);
      k.store(toI32(k, pair), pairs, toIndex(place));
      k.store(place, position, pair);
    });
  });
  return success();
}

// A row of the step is a pair.
static void gatherPairsSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N"), topK = s.dim("top_k");
  s.rows("x", n).over(topK);
  s.dense("pairs", 1).elem(Elem::I32).whole();
  if (attrs.flag("scale"))
    s.rows("weight", topK).whole().over(topK);
  s.writes();
  s.rows("y", n);
}

static LogicalResult buildGatherPairs(KernelBuilder &k, const Attrs &attrs,
                                      Region *) {
  bool scale = attrs.flag("scale");
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Value pairs = k.operand("pairs", k.i32());
  Value weight = scale ? k.operand("weight", k.f32()) : Value();
  Expr weightStride = scale ? k.dim("weight.stride") : Expr();
  Expr topK = k.dim("top_k");
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  tiles(k, k.rows(), k.dim("N"), [&](Expr place, Expr first, Expr width) {
    Expr pair = toIndex(k.load(pairs, place));
    Expr token = pair / topK;
    Expr factor;
    if (scale)
      factor = splat(k.load(weight, token * weightStride + pair % topK),
                     Lanes::width);
    k.lanes(width, [&](Lanes at) {
      Expr value = k.load(x, token * xStride + first, at);
      k.store(scale ? value * factor : value, y, place * yStride + first, at);
    });
  });
  return success();
}

static void combineSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N"), topK = s.dim("top_k");
  s.rows("x", n).times(topK);
  s.dense("position", 1).elem(Elem::I32).whole().times(topK);
  if (attrs.flag("weight"))
    s.rows("weight", topK).whole();
  if (attrs.flag("residual"))
    s.rows("residual", n).inPlace();
  s.writes();
  s.rows("y", n);
}

static LogicalResult buildCombine(KernelBuilder &k, const Attrs &attrs,
                                  Region *) {
  bool weighted = attrs.flag("weight"), add = attrs.flag("residual");
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Value position = k.operand("position", k.i32());
  Value weight = weighted ? k.operand("weight", k.f32()) : Value();
  Value residual = add ? k.operand("residual", k.f32()) : Value();
  Expr weightStride = weighted ? k.dim("weight.stride") : Expr();
  Expr residualStride = add ? k.dim("residual.stride") : Expr();
  Expr topK = k.dim("top_k");
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");

  tiles(k, k.rows(), k.dim("N"), [&](Expr token, Expr first, Expr width) {
    k.lanes(width, [&](Lanes at) {
      auto term = [&](Expr i) {
        Expr place = toIndex(k.load(position, token * topK + i));
        Expr value = k.load(x, place * xStride + first, at);
        if (!weighted)
          return value;
        Expr factor = k.load(weight, token * weightStride + i);
        return splat(factor, Lanes::width) * value;
      };
      Expr zero = k.index(0);
      Expr sum = k.loop(zero + 1, topK, 1, {term(zero)},
                        [&](Expr i, ArrayRef<Expr> sum) {
                          return Values{sum[0] + term(i)};
                        })[0];
      if (add)
        sum = sum + k.load(residual, token * residualStride + first, at);
      k.store(sum, y, token * yStride + first, at);
    });
  });
  return success();
}

void addExpertKinds(KindTable &table) {
  table["group"] = {{}, groupSignature, groupScratch, buildGroup};
  table["gather_pairs"] = {{{Attribute::Flag, "scale"}},
                           gatherPairsSignature,
                           nullptr,
                           buildGatherPairs};
  table["combine"] = {
      {{Attribute::Flag, "weight"}, {Attribute::Flag, "residual"}},
      combineSignature,
      nullptr,
      buildCombine};
}

} // namespace sluice::kernels
