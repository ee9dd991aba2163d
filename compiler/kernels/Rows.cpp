// Kinds that move rows.
//
// `convert`      x [rows][N] f32 -> y bf16, to nearest even
// `embedding`    y[r] = w[ids[r]]; ids [rows] i32 (one per row of its buffer),
//                w [V][N] of any element (weight) as rows or as packed panels
//                of 64 (layout), y f32. Ids outside [0, V) are refused by the
//                executor; here they read the nearest row, never other memory.
//                Of a `part` ids count from the dim `from`, and others give
//                zeros.
// `gather_rows`  y[r] = x[row(r)], row(r) by `which`: the batch's wanted rows,
//                or the first or last row of sequence r
// `pool_rows`    y[s] = sum of sequence s's rows / their number (by = mean), or
//                their maximum; rows are taken in order
#include "compiler/kernels/BlockReader.h"
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RowMath.h"

#include <limits>

using namespace mlir;

namespace sluice::kernels {

static void convertSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("x", n);
  s.writes();
  s.rows("y", n).elem(Elem::BF16);
}

static void chosenRowsSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("x", n).follows(Follows::Tokens);
  s.writes();
  s.rows("y", n);
}

static LogicalResult buildConvert(KernelBuilder &k, const Attrs &, Region *) {
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.bf16());
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  tiles(k, k.rows(), k.dim("N"), [&](Expr row, Expr first, Expr width) {
    k.lanes(width, [&](Lanes at) {
      k.storeFloat(k.load(x, row * xStride + first, at), y,
                   row * yStride + first, at);
    });
  });
  return success();
}

static Layout layoutOf(const Attrs &attrs) {
  return format::layoutNamed(attrs.word("layout")).value_or(Layout::Rows);
}

static void embeddingSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N"), vocabulary = s.dim("V");
  if (attrs.flag("part"))
    s.dim("from", 0);
  s.rows("ids", 1).elem(Elem::I32);
  s.matrix("w", vocabulary, n, {layoutOf(attrs)}, attrs.elem("weight"))
      .lookedUp();
  s.writes();
  s.rows("y", n);
}

// Where element c of row `id` of a matrix of n columns lies in packed panels.
// The matrix' rows are the panels' columns.
static Expr panelOffset(Expr id, Expr c, Expr n, Elem elem) {
  Expr padded = panelDepth(n, elem);
  Expr panel = id / SLC_PANEL * SLC_PANEL * padded;
  Expr column = id % SLC_PANEL;
  if (elem == Elem::F32)
    return panel + c * SLC_PANEL + column;
  return panel + c / 2 * (2 * SLC_PANEL) + column * 2 + c % 2;
}

static LogicalResult buildEmbedding(KernelBuilder &k, const Attrs &attrs,
                                    Region *) {
  Elem elem = attrs.elem("weight");
  bool narrow = elem == Elem::BF16, panel = layoutOf(attrs) == Layout::Panel;
  Value ids = k.operand("ids", k.i32());
  Value w =
      isBlocks(elem) ? Value() : k.operand("w", narrow ? k.bf16() : k.f32());
  Value y = k.operand("y", k.f32());
  Expr n = k.dim("N"), vocabulary = k.dim("V");
  Expr idStride = k.dim("ids.stride"), yStride = k.dim("y.stride");

  bool part = attrs.flag("part");
  Expr from = part ? k.dim("from") : k.index(0);
  tiles(k, k.rows(), n, [&](Expr row, Expr first, Expr width) {
    Expr wanted = toIndex(k.load(ids, row * idStride)) - from;
    Expr id = max(min(wanted, vocabulary - 1), k.index(0));
    auto known = [&](Expr value) {
      return part ? select(wanted == id, value, value.like(0)) : value;
    };
    Expr yBase = row * yStride + first;
    if (isBlocks(elem)) {
      BlockReader blocks(k, "w", elem, n);
      k.loop(k.index(0), width, 1, [&](Expr c) {
        k.store(known(panel ? blocks.inPanels(id, first + c)
                            : blocks.inRows(id, first + c)),
                y, yBase + c);
      });
      return;
    }
    if (panel) {
      k.loop(k.index(0), width, 1, [&](Expr c) {
        Expr value = k.load(w, panelOffset(id, first + c, n, elem));
        k.store(known(narrow ? k.fromBf16(value) : value), y, yBase + c);
      });
      return;
    }
    k.lanes(width, [&](Lanes at) {
      k.store(known(k.loadFloat(w, id * n + first, at)), y, yBase, at);
    });
  });
  return success();
}

static LogicalResult buildGatherRows(KernelBuilder &k, const Attrs &attrs,
                                     Region *) {
  StringRef which = attrs.word("which");
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  Value list =
      k.batchArray(which == "wanted" ? SLC_BATCH_WANTED_ROW : SLC_BATCH_FIRST);
  tiles(k, k.rows(), k.dim("N"), [&](Expr row, Expr first, Expr width) {
    Expr source = which == "last" ? toIndex(k.load(list, row + 1)) - 1
                                  : toIndex(k.load(list, row));
    k.lanes(width, [&](Lanes at) {
      k.store(k.load(x, source * xStride + first, at), y, row * yStride + first,
              at);
    });
  });
  return success();
}

static LogicalResult buildPoolRows(KernelBuilder &k, const Attrs &attrs,
                                   Region *) {
  bool mean = attrs.word("by") == "mean";
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  Value starts = k.batchArray(SLC_BATCH_FIRST);
  Expr start = k.reals(mean ? 0 : -std::numeric_limits<double>::infinity());
  tiles(k, k.rows(), k.dim("N"), [&](Expr sequence, Expr first, Expr width) {
    Expr from = toIndex(k.load(starts, sequence));
    Expr to = toIndex(k.load(starts, sequence + 1));
    k.lanes(width, [&](Lanes at) {
      auto add = [&](Expr row, ArrayRef<Expr> sum) {
        Expr value = k.load(x, row * xStride + first, at);
        return Values{mean ? sum[0] + value : max(sum[0], value)};
      };
      Expr pooled = k.loop(from, to, 1, {start}, add)[0];
      if (mean)
        pooled = pooled / splat(toFloat(to - from, k.f32()), Lanes::width);
      k.store(pooled, y, sequence * yStride + first, at);
    });
  });
  return success();
}

void addRowKinds(KindTable &table) {
  table["convert"] = {{}, convertSignature, nullptr, buildConvert};
  table["embedding"] = {{{Attribute::Word, "weight", weightWords(), true},
                         {Attribute::Word, "layout", {"rows", "panel"}},
                         {Attribute::Flag, "part"}},
                        embeddingSignature,
                        nullptr,
                        buildEmbedding};
  table["gather_rows"] = {
      {{Attribute::Word, "which", {"wanted", "first", "last"}, true}},
      chosenRowsSignature,
      nullptr,
      buildGatherRows};
  table["pool_rows"] = {{{Attribute::Word, "by", {"mean", "max"}, true}},
                        chosenRowsSignature,
                        nullptr,
                        buildPoolRows};
}

} // namespace sluice::kernels
