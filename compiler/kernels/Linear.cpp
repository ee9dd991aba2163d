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
// rows = tokens and rows = pairs are the two products of a mixture of experts.
// Row i of the sorted list belongs to the expert e with offsets[e] <= i <
// offsets[e+1], and reads row pairs[i] / top_k of x (tokens) or row i (pairs);
// row i of y is written in both.
#include "compiler/codegen/Target.h"
#include "compiler/kernels/Epilogue.h"
#include "compiler/kernels/NormRow.h"
#include "compiler/kernels/PanelProduct.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

enum class Rows { Direct, Tokens, Pairs };

// The attributes of one linear kernel.
struct Config {
  explicit Config(const Attrs &attrs)
      : epilogue(attrs), norm(attrs.word("norm")),
        normWeight(attrs.flag("norm_weight")),
        normBias(attrs.flag("norm_bias")), eps(attrs.real("eps")),
        bf16Weight(attrs.word("weight") == "bf16"),
        bf16Compute(attrs.word("compute") == "bf16"),
        bf16Input(attrs.word("input", "f32") == "bf16"),
        bf16Output(attrs.word("out", "f32") == "bf16") {
    StringRef word = attrs.word("rows", "direct");
    rows = word == "tokens"  ? Rows::Tokens
           : word == "pairs" ? Rows::Pairs
                             : Rows::Direct;
  }
  bool grouped() const { return rows != Rows::Direct; }
  bool hasNorm() const { return norm != "none"; }

  Epilogue epilogue;
  StringRef norm;
  bool normWeight, normBias;
  double eps;
  bool bf16Weight, bf16Compute, bf16Input, bf16Output;
  Rows rows;
};

Signature linearSignature(const Attrs &attrs) {
  Config config(attrs);
  Signature s;
  s.inputs.push_back("x");
  if (config.normWeight)
    s.inputs.push_back("norm_w");
  if (config.normBias)
    s.inputs.push_back("norm_b");
  s.inputs.push_back("w");
  if (config.epilogue.bias)
    s.inputs.push_back("bias");
  if (config.epilogue.residual)
    s.inputs.push_back("residual");
  if (config.grouped())
    s.inputs.push_back("offsets");
  if (config.rows == Rows::Tokens)
    s.inputs.push_back("pairs");
  s.outputs = {"y"};
  s.dims = {"K", "N"};
  if (config.grouped())
    s.dims.push_back("experts");
  if (config.rows == Rows::Tokens)
    s.dims.push_back("top_k");
  s.dims.push_back("x.stride");
  if (config.epilogue.residual)
    s.dims.push_back("residual.stride");
  s.dims.push_back("y.stride");
  return s;
}

LogicalResult checkLinear(const Attrs &attrs, ErrorFn error) {
  Config config(attrs);
  if (config.bf16Compute && !config.bf16Weight)
    return error() << "linear computes in bf16 only with bf16 weights";
  if (config.bf16Input && !config.bf16Compute)
    return error() << "linear with rows of bf16 computes in bf16";
  if (config.hasNorm() && config.bf16Input)
    return error() << "linear normalises rows of f32 only";
  if (!config.hasNorm() && (config.normWeight || config.normBias))
    return error() << "linear has a norm weight or bias but no norm";
  return success();
}

// How the target does this product: what is staged and how long a chunk is.
struct Shape {
  // Most rows of a chunk: the weights are read once for each chunk, the staged
  // rows should stay in the level-2 cache.
  int64_t chunk;
  bool staged;
  bool stagedBf16;
  PanelProduct::Arithmetic arithmetic;
  // Rows of k after which the sums leave the registers, so that the next row
  // tile finds the weights in the nearest cache. Even.
  int64_t kRun;

  // Without a target (when scratch is asked for) the larger of both.
  Shape(const Config &config, const codegen::Target *target) {
    bool dot = config.bf16Compute && target && target->hasAvx512Bf16;
    arithmetic = !config.bf16Weight ? PanelProduct::F32
                 : dot              ? PanelProduct::Dot
                                    : PanelProduct::Widen;
    staged = config.hasNorm() || config.rows == Rows::Tokens ||
             (config.bf16Compute && !(dot && config.bf16Input));
    stagedBf16 = dot;
    chunk = config.bf16Compute ? 32 : staged ? 16 : 64;
    kRun = target && target->hasAvx512 ? 256 : 128;
  }
};

constexpr int64_t kColumns = SLC_PANEL;

int64_t linearScratch(const Attrs &attrs, DimFn dim) {
  Config config(attrs);
  Shape shape(config, nullptr);
  int64_t width = (dim("K") + 15) / 16 * 16;
  int64_t sums = (config.epilogue.parts() + 1) * kColumns;
  return shape.chunk * (sums + (shape.staged ? width : 0)) * 4;
}

class LinearKernel {
public:
  LinearKernel(KernelBuilder &k, const Attrs &attrs)
      : k(k), config(attrs), epilogue(config.epilogue),
        shape(config, &k.target()), width(k.dim("K")), outWidth(k.dim("N")),
        xStride(k.dim("x.stride")), yStride(k.dim("y.stride")) {
    x = k.operand("x", config.bf16Input ? k.bf16() : k.f32());
    y = k.operand("y", config.bf16Output ? k.bf16() : k.f32());
    if (epilogue.bias)
      bias = k.operand("bias", k.f32());
    if (epilogue.residual) {
      residual = k.operand("residual", k.f32());
      residualStride = k.dim("residual.stride");
    }
    if (config.normWeight)
      normWeight = k.operand("norm_w", k.f32());
    if (config.normBias)
      normBias = k.operand("norm_b", k.f32());

    Expr padded = ceilDiv(width, 16) * 16;
    stageStride = padded;
    panels = ceilDiv(outWidth, kColumns);
    int64_t sumBytes = shape.chunk * kColumns * 4;
    totals = k.scratch(k.f32());
    sums = k.scratch(k.f32(), k.index(epilogue.parts() * sumBytes));
    Expr stageAt = k.index((epilogue.parts() + 1) * sumBytes);
    if (shape.staged)
      stage = k.scratch(shape.stagedBf16 ? k.bf16() : k.f32(), stageAt);

    product.arithmetic = shape.arithmetic;
    product.oddFirst = config.bf16Compute;
    product.w = k.operand("w", config.bf16Weight ? k.i32() : k.f32());
    // Elements of product.w in a panel.
    panelElements = padded * kColumns / product.kPerStep();
    if (shape.arithmetic == PanelProduct::Dot)
      product.x =
          shape.staged ? k.scratch(k.i32(), stageAt) : k.operand("x", k.i32());
    else
      product.x = shape.staged ? stage : x;
  }

  void build() {
    if (!config.grouped()) {
      Group all{k.index(0), k.rows(), k.index(0), k.index(0)};
      KernelBuilder::Range mine = k.partition(panels);
      group(all, mine);
      return;
    }
    groups();
  }

private:
  // Rows that share a weight.
  struct Group {
    Expr first, count; // rows of y
    Expr weight;       // element of product.w where its panels start
    Expr biasAt;       // element of bias
  };

  void groups();
  void group(const Group &g, KernelBuilder::Range mine);
  void stageRow(Expr row, Expr stageRow);
  void panel(const Group &g, Expr first, Expr n, Expr p);
  void sumPanel(Expr first, Expr n, Expr wBase, Expr totalBase);
  void tileRun(Tile tile, Expr row, Expr first, Expr wBase, Expr from, Expr to);
  void finish(const Group &g, Expr row, Expr totalRow, Expr p);

  // The row of x that row i of the sorted list reads.
  Expr sourceRow(Expr row) {
    if (config.rows != Rows::Tokens)
      return row;
    return toIndex(k.load(pairs, row)) / topK;
  }

  KernelBuilder &k;
  Config config;
  const Epilogue &epilogue;
  Shape shape;
  PanelProduct product;
  Expr width, outWidth, xStride, yStride, residualStride, stageStride;
  Expr panels, panelElements, topK;
  Value x, y, bias, residual, normWeight, normBias, pairs;
  Value totals, sums, stage;
};

// Experts differ in rows, so workers share the cost rather than the panels: a
// panel of an expert costs its reading (as much as a few rows) and its rows.
// The panel that starts at cost c belongs to the worker whose range holds c.
void LinearKernel::groups() {
  constexpr int64_t readingCost = 8;
  Value offsets = k.operand("offsets", k.i32());
  Expr experts = k.dim("experts");
  if (config.rows == Rows::Tokens) {
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

void LinearKernel::group(const Group &g, KernelBuilder::Range mine) {
  k.when(mine.from < mine.to, [&] {
    k.loop(k.index(0), g.count, shape.chunk, [&](Expr done) {
      Expr first = g.first + done;
      Expr n = min(g.count - done, k.index(shape.chunk));
      if (shape.staged)
        k.loop(k.index(0), n, 1, [&](Expr r) { stageRow(first + r, r); });
      k.loop(mine.from, mine.to, 1, [&](Expr p) { panel(g, first, n, p); });
    });
  });
}

// Writes one row of the chunk as the product reads it, zero up to a multiple
// of 16 columns.
void LinearKernel::stageRow(Expr row, Expr at) {
  Expr base = sourceRow(row) * xStride;
  auto element = [&](Lanes lanes) { return k.loadFloat(x, base, lanes); };
  RowMoments moments;
  if (config.hasNorm()) {
    Norm::Kind kind = config.norm == "layer" ? Norm::Layer : Norm::Rms;
    moments = rowMoments(k, {kind, config.eps}, width, element);
  }
  k.lanes(width, [&](Lanes lanes) {
    Expr v = element(lanes);
    auto of = [&](Value vector) {
      return vector ? k.load(vector, k.index(0), lanes) : Expr();
    };
    if (config.hasNorm())
      v = normalised(moments, v, of(normWeight), of(normBias));
    if (lanes.mask)
      v = select(lanes.mask, v, v.like(0));
    // On targets without the dot, rounded values are kept as f32.
    if (config.bf16Compute && !shape.stagedBf16 && !config.bf16Input)
      v = k.fromBf16(k.toBf16(v));
    k.storeFloat(v, stage, at * stageStride, {lanes.first, {}});
  });
}

void LinearKernel::panel(const Group &g, Expr first, Expr n, Expr p) {
  int64_t parts = epilogue.parts();
  k.loop(k.index(0), k.index(parts), 1, [&](Expr part) {
    Expr wBase = g.weight + (p * parts + part) * panelElements;
    sumPanel(first, n, wBase, part * (shape.chunk * kColumns));
  });
  k.loop(k.index(0), n, 1,
         [&](Expr r) { finish(g, first + r, r * kColumns, p); });
}

// totals[r] = x[first + r] * panel for r < n.
void LinearKernel::sumPanel(Expr first, Expr n, Expr wBase, Expr totalBase) {
  auto each = [&](Value memref, Expr base, function_ref<Expr(Expr)> value) {
    k.loop(k.index(0), n * kColumns, Lanes::width,
           [&](Expr i) { k.storeVector(value(i), memref, base + i); });
  };
  each(totals, totalBase, [&](Expr) { return k.reals(0); });
  Expr length = select(width > SLC_K_BLOCK, k.index(SLC_K_BLOCK),
                       k.index(SLC_K_BLOCK_SHORT));
  k.loop(k.index(0), width, length, [&](Expr block) {
    Expr blockEnd = min(block + length, width);
    each(sums, k.index(0), [&](Expr) { return k.reals(0); });
    k.loop(block, blockEnd, shape.kRun, [&](Expr run) {
      Expr runEnd = min(run + shape.kRun, blockEnd);
      product.forTiles(k, n, [&](Tile tile, Expr row) {
        tileRun(tile, row, first, wBase, run, runEnd);
      });
    });
    each(totals, totalBase, [&](Expr i) {
      return k.loadVector(totals, totalBase + i) + k.loadVector(sums, i);
    });
  });
}

// sums[row ...] += x * panel for k in [from, to); from is even.
void LinearKernel::tileRun(Tile tile, Expr row, Expr first, Expr wBase,
                           Expr from, Expr to) {
  int64_t perStep = product.kPerStep();
  int64_t xPerStep = shape.arithmetic == PanelProduct::Dot ? 2 : 1;
  Values xBase;
  for (int64_t r = 0; r < tile.rows; ++r) {
    Expr at =
        shape.staged ? (row + r) * stageStride : (first + row + r) * xStride;
    xBase.push_back(at / xPerStep);
  }
  // Staged rows end in zeros, so an odd last k is an ordinary step.
  Expr begin = from / perStep;
  Expr end = shape.staged ? ceilDiv(to, perStep) : to / perStep;
  PanelProduct here = product;
  // The hardware keeps up with one row.
  if (tile.rows > 1 && tile.columns == kColumns)
    here.prefetchBytes = 8192;
  k.loop(k.index(0), k.index(kColumns), tile.columns, [&](Expr column) {
    Values acc;
    Values at;
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.columns; c += Lanes::width) {
        at.push_back((row + r) * kColumns + column + c);
        acc.push_back(k.loadVector(sums, at.back()));
      }
    // Each pass over a run fetches its share of the next run.
    if (tile.columns < kColumns)
      here.prefetchRun = wBase + end * kColumns + column * (end - begin);
    acc =
        here.multiply(k, tile.columns, acc, xBase, wBase + column, begin, end);
    if (!shape.staged && perStep == 2)
      acc = here.multiply(k, tile.columns, acc, xBase, wBase + column, end,
                          ceilDiv(to, perStep), /*half=*/true);
    for (auto [value, base] : llvm::zip(acc, at))
      k.storeVector(value, sums, base);
  });
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
          return k.load(totals, totalRow + part * shape.chunk * kColumns,
                        whole);
        },
        [&](int64_t part) {
          return k.load(bias, g.biasAt + column * parts + part * kColumns,
                        lanes);
        },
        [&] { return k.load(residual, row * residualStride + column, lanes); });
    k.storeFloat(v, y, row * yStride + column, lanes);
  });
}

LogicalResult buildLinear(KernelBuilder &k, const Attrs &attrs, Region *) {
  LinearKernel(k, attrs).build();
  return success();
}

} // namespace

void addLinearKinds(KindTable &table) {
  Kind linear;
  linear.attributes = Epilogue::attributes();
  linear.attributes.append({
      {Attribute::Word, "norm", {"none", "rms", "layer"}},
      {Attribute::Flag, "norm_weight"},
      {Attribute::Flag, "norm_bias"},
      {Attribute::Real, "eps"},
      {Attribute::Word, "weight", {"f32", "bf16"}, /*required=*/true},
      {Attribute::Word, "compute", {"f32", "bf16"}, /*required=*/true},
      {Attribute::Word, "input", {"f32", "bf16"}},
      {Attribute::Word, "out", {"f32", "bf16"}},
      {Attribute::Word, "rows", {"direct", "tokens", "pairs"}},
  });
  linear.signature = linearSignature;
  linear.scratch = linearScratch;
  linear.build = buildLinear;
  linear.check = checkLinear;
  table["linear"] = linear;
}

} // namespace sluice::kernels
