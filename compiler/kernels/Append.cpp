// `append`: the new keys and values of a cache state, as they are.
//
//   k [rows][heads * head_dim], v [rows][heads * value_dim] f32; cache
//
// With keys_alone there is no v, and the cache has none.
//
// Row t goes to position held + offset of its sequence. Item: (row, head).
#include "compiler/kernels/CacheOperand.h"
#include "compiler/kernels/Kinds.h"

using namespace mlir;

namespace sluice::kernels {

static void appendSignature(const Attrs &attrs, SignatureWriter &s) {
  Size heads = s.dim("heads"), width = s.dim("head_dim");
  if (attrs.flag("keys_alone")) {
    s.rows("k", heads * width).follows(Follows::Tokens);
    s.writes();
    s.cache("cache", {{"k", heads, width}});
    return;
  }
  Size valueWidth = s.dim("value_dim");
  s.rows("k", heads * width).follows(Follows::Tokens);
  s.rows("v", heads * valueWidth).follows(Follows::Tokens);
  s.writes();
  s.cache("cache", {{"k", heads, width}, {"v", heads, valueWidth}});
}

static LogicalResult buildAppend(KernelBuilder &k, const Attrs &attrs,
                                 Region *) {
  bool alone = attrs.flag("keys_alone");
  Value keys = k.operand("k", k.f32());
  Value values = alone ? Value() : k.operand("v", k.f32());
  CacheOperand cache(k, "cache");
  Expr heads = k.dim("heads");
  KeyRows<Expr> rows{k.dim("head_dim")};
  CacheLayout<Expr> layout{rows.width, alone ? Expr() : k.dim("value_dim")};
  Expr kStride = k.dim("k.stride");
  Expr vStride = alone ? Expr() : k.dim("v.stride");
  Value sequences = k.batchArray(SLC_BATCH_SEQUENCE);
  Value offsets = k.batchArray(SLC_BATCH_OFFSET);
  k.items(k.rows() * heads, [&](Expr item) {
    Expr row = item / heads, h = item % heads;
    Expr sequence = toIndex(k.load(sequences, row));
    Expr position = cache.held(sequence) + toIndex(k.load(offsets, row));
    Expr key = row * kStride + h * rows.width;
    if (alone) {
      Value head = cache.head(sequence, position, h * rows.headElements() * 4);
      appendRow(k, rows, head, position, keys, key);
      return;
    }
    Value head = cache.head(sequence, position, h * layout.headElements() * 4);
    appendKey(k, layout, head, position, keys, key);
    appendValue(k, layout, head, position, values,
                row * vStride + h * layout.valueWidth);
  });
  return success();
}

void addAppendKinds(KindTable &table) {
  table["append"] = {
      {{Attribute::Flag, "keys_alone"}}, appendSignature, nullptr, buildAppend};
}

} // namespace sluice::kernels
