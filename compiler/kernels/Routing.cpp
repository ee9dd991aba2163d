// Kinds that choose experts.
//
// `top_k`  idx [rows][heads][top_k] i32: the largest of each of x
//          [rows][heads][experts], largest first, of equal ones the lower index
//          first
// `pick`   y[r][h][i] = x[r][h][idx[r][h][i]]
// `chosen` y[r][i] = 1 for i in idx[r], else 0
// `route`  both and what surrounds them, with the bits of the separate kinds:
//   order = score_first: p = score(x); idx = top_k(p + correction);
//                        weight = p[idx]
//   order = top_first:   idx = top_k(x + correction); weight = score(x[idx])
//   then weight = weight / (sum + normalize), if given, and weight * scale.
//   score is none, softmax or sigmoid; correction [experts] is optional.
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RowMath.h"

using namespace mlir;

namespace sluice::kernels {

static void topKSignature(const Attrs &, SignatureWriter &s) {
  Size experts = s.dim("experts"), topK = s.dim("top_k");
  Size heads = s.dim("heads");
  s.atMost(topK, experts);
  s.rows("x", heads * experts);
  s.writes();
  s.rows("idx", heads * topK).elem(Elem::I32).whole();
}

static LogicalResult buildTopK(KernelBuilder &k, const Attrs &, Region *) {
  Value x = k.operand("x", k.f32()), idx = k.operand("idx", k.i32());
  Expr experts = k.dim("experts"), count = k.dim("top_k");
  Expr xStride = k.dim("x.stride"), idxStride = k.dim("idx.stride");
  Expr heads = k.dim("heads");
  k.items(k.rows() * heads, [&](Expr item) {
    Expr row = item / heads, h = item % heads;
    topKRow(k, {x, row * xStride + h * experts},
            {idx, row * idxStride + h * count}, experts, count);
  });
  return success();
}

static void pickSignature(const Attrs &, SignatureWriter &s) {
  Size experts = s.dim("experts"), topK = s.dim("top_k");
  Size heads = s.dim("heads");
  s.rows("x", heads * experts);
  s.rows("idx", heads * topK).elem(Elem::I32).whole();
  s.writes();
  s.rows("y", heads * topK);
}

static void chosenSignature(const Attrs &, SignatureWriter &s) {
  Size experts = s.dim("experts"), topK = s.dim("top_k");
  s.rows("idx", topK).elem(Elem::I32).whole();
  s.writes();
  s.rows("y", experts);
}

static LogicalResult buildChosen(KernelBuilder &k, const Attrs &, Region *) {
  Value idx = k.operand("idx", k.i32()), y = k.operand("y", k.f32());
  Expr experts = k.dim("experts"), count = k.dim("top_k");
  Expr idxStride = k.dim("idx.stride"), yStride = k.dim("y.stride");
  k.items(k.rows(), [&](Expr row) {
    k.lanes(experts,
            [&](Lanes at) { k.store(k.reals(0), y, row * yStride, at); });
    k.loop(k.index(0), count, 1, [&](Expr i) {
      Expr at = toIndex(k.load(idx, row * idxStride + i));
      k.store(k.real(1), y, row * yStride + at);
    });
  });
  return success();
}

static LogicalResult buildPick(KernelBuilder &k, const Attrs &, Region *) {
  Value x = k.operand("x", k.f32()), idx = k.operand("idx", k.i32());
  Value y = k.operand("y", k.f32());
  Expr count = k.dim("top_k"), xStride = k.dim("x.stride");
  Expr idxStride = k.dim("idx.stride"), yStride = k.dim("y.stride");
  Expr heads = k.dim("heads"), experts = k.dim("experts");
  k.items(k.rows() * heads, [&](Expr item) {
    Expr row = item / heads, h = item % heads;
    pickRow(k, {x, row * xStride + h * experts},
            {idx, row * idxStride + h * count}, {y, row * yStride + h * count},
            count);
  });
  return success();
}

static void routeSignature(const Attrs &attrs, SignatureWriter &s) {
  Size experts = s.dim("experts"), topK = s.dim("top_k");
  s.atMost(topK, experts);
  s.rows("x", experts);
  if (attrs.flag("correction"))
    s.vector("correction", experts);
  s.writes();
  s.rows("idx", topK).elem(Elem::I32).whole();
  s.rows("weight", topK).whole();
}

static int64_t paddedExperts(int64_t experts) {
  return (experts + Lanes::width - 1) / Lanes::width * Lanes::width;
}

// The scores of a row, and the scores with their correction.
static int64_t routeScratch(const Attrs &, DimFn dim) {
  return 2 * paddedExperts(dim("experts")) * int64_t(sizeof(float));
}

// y = f(x), or f(x, z), for n elements.
static void scoreRow(KernelBuilder &k, StringRef score, Row x, Row y, Expr n) {
  if (score == "softmax")
    return softmaxRow(k, x, y, n);
  k.lanes(n, [&](Lanes at) {
    Expr value = activation(score, k.load(x.memref, x.base, at));
    k.store(value, y.memref, y.base, at);
  });
}

static LogicalResult buildRoute(KernelBuilder &k, const Attrs &attrs,
                                Region *) {
  StringRef score = attrs.word("score");
  bool scoreFirst = attrs.word("order") == "score_first";
  Value x = k.operand("x", k.f32());
  Value idx = k.operand("idx", k.i32()), weight = k.operand("weight", k.f32());
  Value correction =
      attrs.flag("correction") ? k.operand("correction", k.f32()) : Value();
  Expr experts = k.dim("experts"), count = k.dim("top_k");
  Expr xStride = k.dim("x.stride"), idxStride = k.dim("idx.stride");
  Expr weightStride = k.dim("weight.stride");
  Value scratch = k.scratch(k.f32());
  Row scores = {scratch, k.index(0)};
  Row corrected = {scratch, ceilDiv(experts, Lanes::width) * Lanes::width};

  k.items(k.rows(), [&](Expr row) {
    Row logits = {x, row * xStride}, chosen = {idx, row * idxStride};
    Row out = {weight, row * weightStride};
    Row values = logits;
    if (scoreFirst && score != "none") {
      scoreRow(k, score, logits, scores, experts);
      values = scores;
    }
    Row ranking = values;
    if (correction) {
      k.lanes(experts, [&](Lanes at) {
        Expr sum = k.load(values.memref, values.base, at) +
                   k.load(correction, k.index(0), at);
        k.store(sum, corrected.memref, corrected.base, at);
      });
      ranking = corrected;
    }
    topKRow(k, ranking, chosen, experts, count);
    pickRow(k, values, chosen, out, count);
    if (!scoreFirst && score != "none")
      scoreRow(k, score, out, out, count);
    if (attrs.has("normalize"))
      normalizeRow(k, out, out, count, attrs.real("normalize"));
    if (attrs.has("scale"))
      k.lanes(count, [&](Lanes at) {
        k.store(k.load(out.memref, out.base, at) * attrs.real("scale"),
                out.memref, out.base, at);
      });
  });
  return success();
}

void addRoutingKinds(KindTable &table) {
  table["top_k"] = {{}, topKSignature, nullptr, buildTopK};
  table["pick"] = {{}, pickSignature, nullptr, buildPick};
  table["chosen"] = {{}, chosenSignature, nullptr, buildChosen};
  table["route"] = {
      {{Attribute::Word, "score", {"none", "softmax", "sigmoid"}},
       {Attribute::Word, "order", {"score_first", "top_first"}, true},
       {Attribute::Real, "normalize"},
       {Attribute::Real, "scale"},
       {Attribute::Flag, "correction"}},
      routeSignature,
      routeScratch,
      buildRoute};
}

} // namespace sluice::kernels
