// `linear`: y = epilogue(norm(x) * w^T) on packed weights (panels of 64 output
// columns, see docs/artifact.md), for few rows at the speed at which the
// weights can be read, for many as the engine that is always there.
//
// An item is one panel of y. Rows go in chunks: a chunk is staged (normalised,
// rounded to bf16, gathered) into the worker's scratch when the arithmetic
// needs other bits than x holds; then each panel is multiplied block by block
// of K (see SLC_K_BLOCK), block sums are added to totals in order, and the
// epilogue turns totals into y.
//
// On targets with tiles (AMX) products of bf16 take longer chunks and add up in
// the tile unit's order.
//
// rows = tokens and rows = pairs are the two products of a mixture of experts.
// Row i of the sorted list belongs to the expert e with offsets[e] <= i <
// offsets[e+1], and reads row pairs[i] / top_k of x (tokens) or row i (pairs);
// row i of y is written in both.
//
// rows = heads: `heads` matrices, each for columns of its own of x and y. An
// item is one panel of one of them.
#include "compiler/kernels/LinearKernel.h"
#include "compiler/kernels/NormRow.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

void linearSignature(const Attrs &attrs, SignatureWriter &s) {
  LinearConfig config(attrs);
  const Epilogue &epilogue = config.epilogue;
  Size k = s.dim("K"), n = s.dim("N"), sums = epilogue.sums(n);
  bool eachHead = config.rows == SourceRows::Heads;
  Size heads = eachHead ? s.dim("heads") : Size(1);
  Size experts = config.grouped() ? s.dim("experts") : heads;
  bool tokens = config.rows == SourceRows::Tokens;
  Size topK = tokens ? s.dim("top_k") : Size(1);
  s.rows("x", heads * k).elem(config.input).over(topK);
  if (config.normWeight)
    s.vector("norm_w", k);
  if (config.normBias)
    s.vector("norm_b", k);
  // Sums of both parts of a gated product are a plain product, too.
  std::vector<Layout> layouts = {Layout::PanelGlu};
  if (!epilogue.glu)
    layouts.insert(layouts.begin(), Layout::Panel);
  auto w = s.matrix("w", sums, k, layouts, config.weight).count(experts);
  if (!config.hasNorm())
    w.multiplies(s.indexOf("x"));
  if (epilogue.bias)
    s.vector("bias", experts * sums);
  if (epilogue.residual)
    s.rows("residual", n).inPlace();
  if (config.grouped())
    s.dense("offsets", experts + 1)
        .elem(Elem::I32)
        .whole()
        .follows(Follows::One);
  if (tokens)
    s.dense("pairs", 1).elem(Elem::I32).whole();
  s.writes();
  s.rows("y", heads * n).elem(config.output);
  s.flops(2 * k * n * heads * epilogue.parts());
}

LogicalResult checkLinear(const Attrs &attrs, ErrorFn error) {
  LinearConfig config(attrs);
  if (config.compute == Elem::BF16 && config.weight != Elem::BF16)
    return error() << "linear computes in bf16 only with bf16 weights";
  if (config.compute == Elem::I8 && !isBlocks(config.weight))
    return error() << "linear computes in i8 only with weights in blocks";
  if (config.input == Elem::BF16 && config.compute != Elem::BF16)
    return error() << "linear with rows of bf16 computes in bf16";
  if (config.hasNorm() && config.input == Elem::BF16)
    return error() << "linear normalises rows of f32 only";
  if (!config.hasNorm() && (config.normWeight || config.normBias))
    return error() << "linear has a norm weight or bias but no norm";
  if (config.rows == SourceRows::Heads &&
      (config.hasNorm() || config.epilogue.glu || config.epilogue.residual ||
       config.input == Elem::BF16))
    return error() << "linear with a matrix for each head takes rows of f32 as "
                      "they are, and adds no residual";
  return success();
}

int64_t linearScratch(const Attrs &attrs, DimFn dim) {
  LinearConfig config(attrs);
  LinearShape shape(config, nullptr);
  int64_t padded = panelDepth(dim("K"), config.weight);
  int64_t parts = config.epilogue.parts();
  int64_t sums = shape.chunk * (parts + 1) * kColumns * 4;
  if (config.compute == Elem::I8) {
    int64_t rows = byteChunk(padded, kByteChunkUnit, kMaxByteChunk);
    int64_t shares = padded / infoOf(config.weight).blocks.group * 8;
    return sums + rows * byteStride(padded) +
           parts * kColumns * (padded + shares);
  }
  int64_t stride = shape.staged ? padded + shape.stagePadding : 0;
  int64_t rows = shape.spreads ? spreadChunk(padded, kSpreadRows, shape.chunk)
                               : shape.chunk;
  int64_t bytes = sums + rows * stride * 4 + shape.spreadBytes();
  if (config.compute != Elem::BF16)
    return bytes;
  rows = tileChunk(padded, kTileRows, kMaxTileChunk);
  return std::max({bytes, sums + kNarrowChunk * stride * 2,
                   rows * padded * 2 + kTileRows * parts * kColumns * 4});
}

} // namespace

// Experts differ in rows, so workers share the cost rather than the panels: a
// panel of an expert costs its reading (as much as a few rows) and its rows.
// The panel that starts at cost c belongs to the worker whose range holds c.
void LinearKernel::groups() {
  constexpr int64_t readingCost = 8;
  Value offsets = k.operand("offsets", k.i32());
  Expr experts = k.dim("experts");
  if (config.rows == SourceRows::Tokens) {
    pairs = k.operand("pairs", k.i32());
    topK = k.dim("top_k");
  }
  Expr biasStride = epilogue.glu ? panels * (2 * kColumns) : outWidth;
  auto offset = [&](Expr e) { return toIndex(k.load(offsets, e)); };
  auto cost = [&](Expr count) {
    return select(count > 0, count + readingCost, k.index(0));
  };
  Values total = k.loop(
      k.index(0), experts, 1, {k.index(0)}, [&](Expr e, ArrayRef<Expr> sum) {
        return Values{sum[0] + cost(offset(e + 1) - offset(e))};
      });
  KernelBuilder::Range mine = k.partition(total[0] * panels);
  k.loop(
      k.index(0), experts, 1, {k.index(0)}, [&](Expr e, ArrayRef<Expr> before) {
        Expr first = offset(e);
        Expr count = offset(e + 1) - first;
        Expr unit = cost(count);
        k.when(count > 0, [&] {
          // Panels whose start is at or after a border.
          auto from = [&](Expr border) {
            Expr distance = max(border - before[0], k.index(0));
            return min((distance + unit - 1) / unit, panels);
          };
          Group g{first, count, e * (panels * epilogue.parts()) * panelElements,
                  e * biasStride};
          group(g, {from(mine.from), from(mine.to)});
        });
        return Values{before[0] + unit * panels};
      });
}

void LinearKernel::heads() {
  Expr count = k.dim("heads");
  KernelBuilder::Range mine = k.partition(count * panels);
  k.loop(mine.from / panels, (mine.to + panels - 1) / panels, 1, [&](Expr h) {
    Group g{k.index(0),   k.rows(),  h * panels * panelElements,
            h * outWidth, h * width, h * outWidth};
    Expr first = h * panels;
    group(g,
          {max(mine.from - first, k.index(0)), min(mine.to - first, panels)});
  });
}

void LinearKernel::group(const Group &g, KernelBuilder::Range mine) {
  if (shape.tiles)
    return tileGroup(g, mine);
  if (shape.byteTiles)
    return k.when(
        g.count >= kByteTileRows, [&] { byteTileGroup(g, mine); },
        [&] { vectorGroup(g, mine); });
  vectorGroup(g, mine);
}

void LinearKernel::vectorGroup(const Group &g, KernelBuilder::Range mine) {
  k.when(mine.from < mine.to, [&] {
    k.loop(k.index(0), g.count, chunk, [&](Expr done) {
      Expr first = g.first + done;
      Expr n = min(g.count - done, chunk);
      if (shape.staged)
        k.loop(k.index(0), n, 1, [&](Expr r) { stageRow(g, first + r, r); });
      k.loop(mine.from, mine.to, 1, [&](Expr p) { panel(g, first, n, p); });
    });
  });
}

std::function<Expr(Lanes)> LinearKernel::rowReader(const Group &g, Expr row) {
  Expr base = within(sourceRow(row) * xStride, g.xFrom);
  auto element = [&](Lanes lanes) { return k.loadFloat(x, base, lanes); };
  RowMoments moments;
  if (config.hasNorm()) {
    Norm::Kind kind = config.norm == "layer" ? Norm::Layer : Norm::Rms;
    moments = rowMoments(k, {kind, config.eps}, width, element);
  }
  return [=, this](Lanes lanes) {
    Expr v = k.loadFloat(x, base, lanes);
    auto of = [&](Value vector) {
      return vector ? k.load(vector, k.index(0), lanes) : Expr();
    };
    return config.hasNorm()
               ? normalised(moments, v, of(normWeight), of(normBias))
               : v;
  };
}

// Writes one row of the chunk as the product reads it, zero up to a multiple
// of 16 columns, for tiles of 32.
void LinearKernel::stageRow(const Group &g, Expr row, Expr at) {
  if (shape.arithmetic == PanelProduct::Bytes)
    return stageRowBytes(g, row, at);
  std::function<Expr(Lanes)> element = rowReader(g, row);
  k.lanes(width, [&](Lanes lanes) {
    Expr v = element(lanes);
    if (lanes.mask)
      v = select(lanes.mask, v, v.like(0));
    // On targets without the dot, rounded values are kept as f32.
    if (config.compute == Elem::BF16 && !shape.stagedBf16 &&
        config.input != Elem::BF16)
      v = k.fromBf16(k.toBf16(v));
    k.storeFloat(v, stage, stageBase(at, lanes.first), {lanes.first, {}});
  });
  if (shape.tiles) {
    Expr end = ceilDiv(width, 16) * 16;
    k.when(end % TileProduct::depth > 0, [&] {
      k.storeFloat(k.reals(0), stage, stageBase(at, end), {end, {}});
    });
  }
}

// What has to be added to column `column` for its place in row `row`.
Expr LinearKernel::stageBase(Expr row, Expr column) {
  if (!shape.tiles)
    return row * stageStride;
  constexpr int64_t rows = TileProduct::rows, depth = TileProduct::depth;
  Expr tile = row / rows * steps + column / depth;
  return tile * (rows * depth) + row % rows * depth + column % depth - column;
}

void LinearKernel::finishRows(const Group &g, Expr first, Expr n, Expr p) {
  k.loop(k.index(0), n, 1,
         [&](Expr r) { finish(g, first + r, r * kColumns, p); });
}

// Totals of one row and panel to y.
void LinearKernel::finish(const Group &g, Expr row, Expr totalRow, Expr p) {
  int64_t parts = epilogue.parts();
  Expr column = p * kColumns;
  Expr n = min(outWidth - column, k.index(kColumns));
  k.lanes(n, [&](Lanes lanes) {
    Lanes whole{lanes.first, {}};
    Expr v = epilogue.apply(
        k,
        [&](int64_t part) {
          return k.load(totals, totalRow + part * totalRows * kColumns, whole);
        },
        [&](int64_t part) {
          return k.load(bias, g.biasAt + column * parts + part * kColumns,
                        lanes);
        },
        [&] { return k.load(residual, row * residualStride + column, lanes); });
    k.storeFloat(v, y, within(row * yStride + column, g.yFrom), lanes);
  });
}

static LogicalResult buildLinear(KernelBuilder &k, const Attrs &attrs,
                                 Region *) {
  LinearKernel(k, attrs).build();
  return success();
}

void addLinearKinds(KindTable &table) {
  Kind linear;
  linear.attributes = Epilogue::attributes();
  linear.attributes.append({
      {Attribute::Word, "norm", {"none", "rms", "layer"}},
      {Attribute::Flag, "norm_weight"},
      {Attribute::Flag, "norm_bias"},
      {Attribute::Real, "eps"},
      {Attribute::Word, "weight", weightWords(), /*required=*/true},
      {Attribute::Word, "compute", {"f32", "bf16", "i8"}, /*required=*/true},
      {Attribute::Word, "input", {"f32", "bf16"}},
      {Attribute::Word, "out", {"f32", "bf16"}},
      {Attribute::Word, "rows", {"direct", "tokens", "pairs", "heads"}},
  });
  linear.signature = linearSignature;
  linear.scratch = linearScratch;
  linear.build = buildLinear;
  linear.check = checkLinear;
  table["linear"] = linear;
}

} // namespace sluice::kernels
