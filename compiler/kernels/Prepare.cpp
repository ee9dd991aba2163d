// `prepare`: what happens to queries, keys and values of new tokens before
// attention, in one pass. The same arithmetic as `norm`, `rotate` and `append`,
// hence the same bits.
//
//   q [rows][heads * head_dim] -> y: normalised and rotated
//   k [rows][kv_heads * head_dim]: likewise, into the cache
//   v [rows][kv_heads * value_dim]: into the cache
//   table [rows][2 * rotary]: see Rope.cpp
//   q_norm_w, k_norm_w [head_dim], with per_head_weight [heads][head_dim]
//
// y may be q. Item: (row, head of q or k).
#include "compiler/kernels/CacheOperand.h"
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/NormRow.h"
#include "compiler/kernels/RotateRow.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

bool rotates(const Attrs &attrs) { return attrs.word("pairing") != "none"; }
bool norms(const Attrs &attrs) { return attrs.word("qk_norm") != "none"; }

void prepareSignature(const Attrs &attrs, SignatureWriter &s) {
  Size heads = s.dim("heads"), keyHeads = s.dim("kv_heads"),
       width = s.dim("head_dim"), valueWidth = s.dim("value_dim");
  s.rows("q", heads * width).follows(Follows::Tokens);
  s.rows("k", keyHeads * width).follows(Follows::Tokens);
  s.rows("v", keyHeads * valueWidth).follows(Follows::Tokens);
  if (rotates(attrs)) {
    Size rotary = s.dim("rotary", 0);
    s.atMost(attrs.integer("from") + 2 * rotary, width);
    s.rows("table", 2 * rotary).follows(Follows::Tokens);
  }
  bool each = attrs.flag("per_head_weight");
  if (attrs.flag("q_norm"))
    s.vector("q_norm_w", each ? heads * width : width);
  if (attrs.flag("k_norm"))
    s.vector("k_norm_w", each ? keyHeads * width : width);
  s.writes();
  s.rows("y", heads * width).follows(Follows::Tokens);
  s.cache("cache", {{"k", keyHeads, width}, {"v", keyHeads, valueWidth}});
}

LogicalResult checkPrepare(const Attrs &attrs, ErrorFn error) {
  if (!norms(attrs) && (attrs.flag("q_norm") || attrs.flag("k_norm")))
    return error() << "prepare has a norm weight but no norm";
  return success();
}

// Two rows of a head.
int64_t prepareScratch(const Attrs &, DimFn dim) {
  return (dim("head_dim") + 15) / 16 * 16 * 2 * 4;
}

class PrepareKernel {
public:
  PrepareKernel(KernelBuilder &k, const Attrs &attrs);
  void build();

private:
  // A head of q or k on its way; weight is null without one.
  struct Head {
    Row x;
    Row norm; // its weight
    Row table;
  };
  // Norm and rotation from head.x to y, by way of `between`.
  void transform(const Head &head, Row between, Row y);
  void normalise(Row x, Row weight, Row y);
  void rotate(Row x, Row table, Row y);
  void copy(Row x, Row y);

  void query(Expr row, Expr h);
  void key(Expr row, Expr h);
  Head headOf(Value memref, Expr stride, Value weight, Expr row, Expr h);

  KernelBuilder &k;
  Attrs attrs;
  CacheOperand cache;
  Expr heads, keyHeads;
  CacheLayout<Expr> layout;
  Value q, keys, values, y, table, qNorm, kNorm, scratch;
  Expr qStride, kStride, vStride, yStride, tableStride, rotary;
};

PrepareKernel::PrepareKernel(KernelBuilder &k, const Attrs &attrs)
    : k(k), attrs(attrs), cache(k, "cache"), heads(k.dim("heads")),
      keyHeads(k.dim("kv_heads")),
      layout{k.dim("head_dim"), k.dim("value_dim")}, q(k.operand("q", k.f32())),
      keys(k.operand("k", k.f32())), values(k.operand("v", k.f32())),
      y(k.operand("y", k.f32())), scratch(k.scratch(k.f32())),
      qStride(k.dim("q.stride")), kStride(k.dim("k.stride")),
      vStride(k.dim("v.stride")), yStride(k.dim("y.stride")) {
  if (rotates(attrs)) {
    table = k.operand("table", k.f32());
    tableStride = k.dim("table.stride");
    rotary = k.dim("rotary");
  }
  if (attrs.flag("q_norm"))
    qNorm = k.operand("q_norm_w", k.f32());
  if (attrs.flag("k_norm"))
    kNorm = k.operand("k_norm_w", k.f32());
}

void PrepareKernel::build() {
  Expr all = heads + keyHeads;
  k.items(k.rows() * all, [&](Expr item) {
    Expr row = item / all, h = item % all;
    k.when(h < heads, [&] { query(row, h); }, [&] { key(row, h - heads); });
  });
}

PrepareKernel::Head PrepareKernel::headOf(Value memref, Expr stride,
                                          Value weight, Expr row, Expr h) {
  Head head{{memref, row * stride + h * layout.keyWidth}, {}, {}};
  if (weight)
    head.norm = {weight, attrs.flag("per_head_weight") ? h * layout.keyWidth
                                                       : k.index(0)};
  if (table)
    head.table = {table, row * tableStride};
  return head;
}

void PrepareKernel::query(Expr row, Expr h) {
  transform(headOf(q, qStride, qNorm, row, h), {scratch, k.index(0)},
            {y, row * yStride + h * layout.keyWidth});
}

void PrepareKernel::key(Expr row, Expr h) {
  Row ready{scratch, ceilDiv(layout.keyWidth, 16) * 16};
  transform(headOf(keys, kStride, kNorm, row, h), {scratch, k.index(0)}, ready);
  Expr sequence = toIndex(k.load(k.batchArray(SLC_BATCH_SEQUENCE), row));
  Expr position = cache.held(sequence) +
                  toIndex(k.load(k.batchArray(SLC_BATCH_OFFSET), row));
  Value head = cache.head(sequence, position, h * layout.headElements() * 4);
  appendKey(k, layout, head, position, ready.memref, ready.base);
  appendValue(k, layout, head, position, values,
              row * vStride + h * layout.valueWidth);
}

void PrepareKernel::transform(const Head &head, Row between, Row to) {
  if (norms(attrs) && rotates(attrs)) {
    if (attrs.flag("norm_after_rope")) {
      rotate(head.x, head.table, between);
      normalise(between, head.norm, to);
    } else {
      normalise(head.x, head.norm, between);
      rotate(between, head.table, to);
    }
  } else if (norms(attrs)) {
    normalise(head.x, head.norm, to);
  } else if (rotates(attrs)) {
    rotate(head.x, head.table, to);
  } else {
    copy(head.x, to);
  }
}

void PrepareKernel::normalise(Row x, Row weight, Row to) {
  Norm norm{attrs.word("qk_norm") == "layer" ? Norm::Layer : Norm::Rms,
            attrs.real("eps")};
  auto element = [&](Lanes at) { return k.load(x.memref, x.base, at); };
  RowMoments moments = rowMoments(k, norm, layout.keyWidth, element);
  k.lanes(layout.keyWidth, [&](Lanes at) {
    Expr w = weight.memref ? k.load(weight.memref, weight.base, at) : Expr();
    k.store(normalised(moments, element(at), w, {}), to.memref, to.base, at);
  });
}

void PrepareKernel::rotate(Row x, Row angles, Row to) {
  Rotation rotation{attrs.word("pairing") == "adjacent", attrs.integer("from"),
                    rotary};
  rotateRow(k, rotation, layout.keyWidth, angles, x, to);
}

void PrepareKernel::copy(Row x, Row to) {
  k.lanes(layout.keyWidth, [&](Lanes at) {
    k.store(k.load(x.memref, x.base, at), to.memref, to.base, at);
  });
}

LogicalResult buildPrepare(KernelBuilder &k, const Attrs &attrs, Region *) {
  PrepareKernel(k, attrs).build();
  return success();
}

} // namespace

void addPrepareKinds(KindTable &table) {
  Kind prepare;
  prepare.attributes = {
      {Attribute::Word, "pairing", {"none", "half", "adjacent"}},
      {Attribute::Integer, "from"},
      {Attribute::Word, "qk_norm", {"none", "rms", "layer"}},
      {Attribute::Flag, "q_norm"},
      {Attribute::Flag, "k_norm"},
      {Attribute::Flag, "per_head_weight"},
      {Attribute::Flag, "norm_after_rope"},
      {Attribute::Real, "eps"},
  };
  prepare.signature = prepareSignature;
  prepare.scratch = prepareScratch;
  prepare.build = buildPrepare;
  prepare.check = checkPrepare;
  table["prepare"] = prepare;
}

} // namespace sluice::kernels
