#include "compiler/kernels/CacheOperand.h"

using namespace mlir;

namespace sluice::kernels {

CacheOperand::CacheOperand(KernelBuilder &k, StringRef name) : k(k) {
  Value cache = k.pointer(name);
  pool = k.fieldPointer(cache, SLC_CACHE_POOL);
  blockBytes = k.fieldIndex(cache, SLC_CACHE_BLOCK_BYTES);
  table = k.view(k.fieldPointer(cache, SLC_CACHE_TABLE), k.i32());
  tableStride = k.fieldIndex(cache, SLC_CACHE_TABLE_STRIDE);
  heldRows = k.view(k.fieldPointer(cache, SLC_CACHE_HELD), k.i32());
  totalRows = k.view(k.fieldPointer(cache, SLC_CACHE_TOTAL), k.i32());
}

Value CacheOperand::head(Expr sequence, Expr position, Expr headBytes) {
  Expr entry = sequence * tableStride + position / SLC_CACHE_BLOCK;
  Expr block = toIndex(k.load(table, entry));
  return k.view(k.advance(pool, block * blockBytes + headBytes), k.f32());
}

// A key is a column of its panel: one element per line.
void appendKey(KernelBuilder &k, CacheLayout<Expr> layout, Value head,
               Expr position, Value x, Expr base) {
  Expr inBlock = position % layout.block;
  Expr column = inBlock / layout.panel * layout.panel * layout.keyWidth +
                inBlock % layout.panel;
  k.loop(k.index(0), layout.keyWidth, 1, [&](Expr i) {
    k.store(k.load(x, base + i), head, column + i * layout.panel);
  });
}

void appendValue(KernelBuilder &k, CacheLayout<Expr> layout, Value head,
                 Expr position, Value x, Expr base) {
  Expr inBlock = position % layout.block;
  k.lanes(layout.valueWidth, [&](Lanes at) {
    Expr inStrip = at.first % layout.strip;
    Expr first = at.first - inStrip;
    Expr width = min(layout.paddedValueWidth() - first, k.index(layout.strip));
    Expr to = layout.keyElements() + first * layout.block + inBlock * width;
    // Masked lanes load zeros, which are the padding.
    k.storeVector(k.load(x, base, at), head, to + inStrip);
  });
}

void appendRow(KernelBuilder &k, KeyRows<Expr> rows, Value head, Expr position,
               Value x, Expr base) {
  Expr to = position % rows.block * rows.stride();
  // Masked lanes load zeros, which are the padding.
  k.lanes(rows.width, [&](Lanes at) {
    k.storeVector(k.load(x, base, at), head, to + at.first);
  });
}

} // namespace sluice::kernels
