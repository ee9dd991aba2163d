// `attend`: softmax(q k^T * scale + bias, capped and masked) v over a cache.
//
//   q [rows][heads * head_dim], cache -> y [rows][heads * value_dim]
//
// Item: (tile of new tokens of one sequence, key head); its rows are the
// tile's tokens times the query heads of the key head. A row visits the blocks
// of 128 positions that it sees, in order. Of each block it takes
//
//   m_b = max s,  l_b = sum exp(s - m_b),  o_b = exp(s - m_b) v
//
// from zero, and merges: m' = max(m, m_b), l = l e^(m-m') + l_b e^(m_b-m'), o
// likewise; at the end y = o / l. Scores and o_b are panel products, so nothing
// depends on which rows share a tile. Positions that only other rows of the
// tile see have the weight zero.
#include "compiler/kernels/CacheOperand.h"
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/Mask.h"
#include "compiler/kernels/PanelProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

constexpr int64_t kBlock = CacheLayout<int64_t>::block;
constexpr int64_t kPanel = CacheLayout<int64_t>::panel;
constexpr int64_t kStrip = CacheLayout<int64_t>::strip;

// A tile has at most so many tokens, and fewer when their rows exceed the
// second number.
constexpr int64_t kTileTokens = 16;
constexpr int64_t kTileRows = 64;

// How far ahead of its use the cache is fetched.
constexpr int64_t kPrefetchBytes = 4096;

void attendSignature(const Attrs &attrs, SignatureWriter &s) {
  Size heads = s.dim("heads"), keyHeads = s.dim("kv_heads"),
       width = attrs.integer("head_dim"),
       valueWidth = attrs.integer("value_dim");
  s.multipleOf(heads, keyHeads);
  s.rows("q", heads * width).follows(Follows::Tokens);
  s.cache("cache", {{"k", keyHeads, width}, {"v", keyHeads, valueWidth}});
  if (attrs.flag("sinks"))
    s.vector("sinks", heads);
  maskSignature(attrs.list("mask"), s);
  if (attrs.word("bias") == "alibi")
    s.vector("slopes", heads);
  if (attrs.word("bias") == "bucket") {
    s.vector("bias_w", s.dim("buckets") * heads);
    s.vector("buckets", 2 * s.dim("max_distance", 0) + 1, Elem::I32);
  }
  s.writes();
  s.rows("y", heads * valueWidth).follows(Follows::Tokens);
  s.flopsPerPosition(2 * heads * (width + valueWidth));
}

int64_t attendScratch(const Attrs &attrs, DimFn dim) {
  CacheLayout<int64_t> layout{attrs.integer("head_dim"),
                              attrs.integer("value_dim")};
  int64_t group = dim("heads") / std::max<int64_t>(dim("kv_heads"), 1);
  int64_t rows = (std::max(group, kTileRows) + 15) / 16 * 16;
  // Per row: q, scores of a block, o, o_b; then m, l, m_b, l_b, from, to.
  int64_t qWidth = (layout.keyWidth + 15) / 16 * 16;
  return rows * (qWidth + kBlock + 2 * layout.paddedValueWidth() + 6) * 4;
}

LogicalResult checkAttend(const Attrs &attrs, ErrorFn error) {
  if (attrs.integer("head_dim") < 1 || attrs.integer("value_dim") < 1)
    return error() << "attend needs a head_dim and a value_dim of at least 1";
  return checkMask(attrs.list("mask"), error);
}

// slope * (key - query), or what the attributes make of it.
struct Alibi {
  bool twoSided;
  StringRef rounded;
  double times; // of what was rounded; else it is in the slopes

  Expr of(Expr positions, Expr distance, Expr slope) const {
    Type f32 = slope.b().getF32Type();
    if (twoSided)
      distance = min(distance, -distance);
    else if (rounded != "none")
      distance = positions;
    Expr bias = toFloat(distance, f32) * slope;
    if (rounded == "none")
      return bias;
    Type narrow = rounded == "f16" ? Type(slope.b().getF16Type())
                                   : slope.b().getBF16Type();
    return toFloat(toFloat(bias, narrow), f32) * times;
  }
};

class AttendKernel {
public:
  AttendKernel(KernelBuilder &k, const Attrs &attrs);
  void build();

private:
  // Tokens [from, to) of one sequence, all query heads of one key head.
  struct Tile {
    Expr sequence, keyHead, from, to;
    Expr rows;      // (to - from) * group
    Expr low, high; // positions that some row sees
  };

  Tile open(Expr sequence, Expr keyHead, Expr from, Expr to);
  void block(const Tile &tile, Expr start);
  void scores(const Tile &tile, Value head, Expr start);
  void softmax(const Tile &tile, Expr row, Expr start);
  void weigh(const Tile &tile, Value head, Expr start);
  void weighStrip(const Tile &tile, Value head, Expr start, Expr first,
                  int64_t width);
  void merge(Expr row, Expr start);
  void close(const Tile &tile);
  Expr score(const Tile &tile, Expr row, Expr positions, Expr query, Expr s);
  Expr biasOf(const Tile &tile, Expr row, Expr positions, Expr query);
  Mask::Query queryOf(const Tile &tile, Expr row);

  // Sums of `rows` rows of x times a panel of `width` columns, to z.
  void product(const PanelProduct &panel, Expr rows, Expr xStride, Expr xOffset,
               Expr wBase, int64_t width, Expr from, Expr to, Value z,
               Expr zBase, int64_t zStride);

  // Positions of the block at `start` that some row of the tile sees, rounded
  // outwards to panels; relative to start.
  KernelBuilder::Range panelsSeen(const Tile &tile, Expr start);

  Expr rowFrom(Expr row) { return toIndex(k.load(fromRow, row)); }
  Expr rowTo(Expr row) { return toIndex(k.load(toRow, row)); }
  Expr head(const Tile &tile, Expr row) {
    return tile.keyHead * group + row % group;
  }

  KernelBuilder &k;
  CacheLayout<int64_t> layout;
  int64_t qWidth; // stride of q in scratch
  double scale;
  std::optional<double> cap;
  bool hasSinks;
  StringRef bias;
  Alibi alibi;
  Mask mask;
  CacheOperand cache;
  Expr heads, keyHeads, group, tileTokens, maxDistance;
  Value q, y, sinks, slopes, biasWeight, buckets;
  Value sequenceOf, offsetOf, firstOf;
  Value queries, weights, out, blockOut, maxRow, sumRow, blockMax, blockSum;
  Value fromRow, toRow;
  Expr iota;
};

AttendKernel::AttendKernel(KernelBuilder &k, const Attrs &attrs)
    : k(k), layout{attrs.integer("head_dim"), attrs.integer("value_dim")},
      qWidth((layout.keyWidth + 15) / 16 * 16), scale(attrs.real("scale", 1)),
      hasSinks(attrs.flag("sinks")), bias(attrs.word("bias")),
      alibi{attrs.flag("two_sided"), attrs.word("rounded"),
            attrs.real("times", 1)},
      mask(k, attrs.list("mask")), cache(k, "cache"), heads(k.dim("heads")),
      keyHeads(k.dim("kv_heads")) {
  if (attrs.has("cap"))
    cap = attrs.real("cap");
  q = k.operand("q", k.f32());
  y = k.operand("y", k.f32());
  if (hasSinks)
    sinks = k.operand("sinks", k.f32());
  if (bias == "alibi")
    slopes = k.operand("slopes", k.f32());
  if (bias == "bucket") {
    biasWeight = k.operand("bias_w", k.f32());
    buckets = k.operand("buckets", k.i32());
    maxDistance = k.dim("max_distance");
  }
  sequenceOf = k.batchArray(SLC_BATCH_SEQUENCE);
  offsetOf = k.batchArray(SLC_BATCH_OFFSET);
  firstOf = k.batchArray(SLC_BATCH_FIRST);

  group = heads / keyHeads;
  tileTokens =
      min(max(k.index(kTileRows) / group, k.index(1)), k.index(kTileTokens));
  Expr rows = ceilDiv(max(group, k.index(kTileRows)), 16) * 16;
  Expr offset = k.index(0);
  auto array = [&](int64_t perRow, Type element) {
    Value memref = k.scratch(element, offset);
    offset = offset + rows * (perRow * 4);
    return memref;
  };
  queries = array(qWidth, k.f32());
  weights = array(kBlock, k.f32());
  out = array(layout.paddedValueWidth(), k.f32());
  blockOut = array(layout.paddedValueWidth(), k.f32());
  maxRow = array(1, k.f32());
  sumRow = array(1, k.f32());
  blockMax = array(1, k.f32());
  blockSum = array(1, k.f32());
  fromRow = array(1, k.i32());
  toRow = array(1, k.i32());

  SmallVector<int32_t> counting = llvm::to_vector(llvm::seq<int32_t>(0, 16));
  iota = k.expr(arith::ConstantOp::create(
      k.b(), DenseElementsAttr::get(k.vec(k.i32()), ArrayRef(counting))));
}

// Items are counted along the key heads, then sequences, then tiles; a worker
// walks the (head, sequence) pairs and does what falls into its range.
void AttendKernel::build() {
  Expr sequences = k.batchCount(SLC_BATCH_SEQUENCES);
  auto first = [&](Expr s) { return toIndex(k.load(firstOf, s)); };
  auto tiles = [&](Expr s) {
    return (first(s + 1) - first(s) + tileTokens - 1) / tileTokens;
  };
  Values perHead = k.loop(
      k.index(0), sequences, 1, {k.index(0)},
      [&](Expr s, ArrayRef<Expr> sum) { return Values{sum[0] + tiles(s)}; });
  KernelBuilder::Range mine = k.partition(perHead[0] * keyHeads);
  k.loop(k.index(0), keyHeads * sequences, 1, {k.index(0)},
         [&](Expr pair, ArrayRef<Expr> before) {
           Expr s = pair % sequences, keyHead = pair / sequences;
           Expr count = tiles(s);
           Expr from = max(mine.from - before[0], k.index(0));
           Expr to = min(mine.to - before[0], count);
           Expr end = first(s + 1);
           k.loop(from, to, 1, [&](Expr i) {
             Expr token = first(s) + i * tileTokens;
             Tile tile = open(s, keyHead, token, min(token + tileTokens, end));
             k.loop(tile.low / kBlock * kBlock, tile.high, kBlock,
                    [&](Expr start) { block(tile, start); });
             close(tile);
           });
           return Values{before[0] + count};
         });
}

// Gathers the rows of a tile and what each of them sees.
AttendKernel::Tile AttendKernel::open(Expr sequence, Expr keyHead, Expr from,
                                      Expr to) {
  Tile tile{sequence, keyHead, from, to, (to - from) * group, {}, {}};
  Expr qStride = k.dim("q.stride");
  Expr total = cache.total(sequence);
  Values seen = k.loop(
      k.index(0), tile.rows, 1, {total, k.index(0)},
      [&](Expr row, ArrayRef<Expr> range) {
        Expr token = from + row / group;
        auto [low, high] = mask.range(queryOf(tile, row));
        k.store(toInt(low, k.i32()), fromRow, row);
        k.store(toInt(high, k.i32()), toRow, row);
        // A sink is a block of one score without a value.
        Expr h = head(tile, row);
        k.store(hasSinks ? k.load(sinks, h) : k.real(-INFINITY), maxRow, row);
        k.store(k.real(hasSinks ? 1 : 0), sumRow, row);
        Expr source = token * qStride + h * layout.keyWidth;
        k.lanes(layout.keyWidth, [&](Lanes at) {
          k.store(k.load(q, source, at), queries, row * qWidth, at);
        });
        k.lanes(layout.paddedValueWidth(), [&](Lanes at) {
          k.store(k.reals(0), out, row * layout.paddedValueWidth(), at);
        });
        return Values{min(range[0], low), max(range[1], high)};
      });
  tile.low = seen[0];
  tile.high = seen[1];
  return tile;
}

Mask::Query AttendKernel::queryOf(const Tile &tile, Expr row) {
  Expr token = tile.from + row / group;
  Expr position = cache.held(tile.sequence) + toIndex(k.load(offsetOf, token));
  return {token, position, head(tile, row),
          toIndex(k.load(firstOf, tile.sequence)), cache.total(tile.sequence)};
}

KernelBuilder::Range AttendKernel::panelsSeen(const Tile &tile, Expr start) {
  return {max(tile.low - start, k.index(0)) / kPanel * kPanel,
          min(ceilDiv(tile.high - start, kPanel) * kPanel, k.index(kBlock))};
}

void AttendKernel::block(const Tile &tile, Expr start) {
  Value head = cache.head(tile.sequence, start,
                          tile.keyHead * (layout.headElements() * 4));
  scores(tile, head, start);
  k.loop(k.index(0), tile.rows, 1,
         [&](Expr row) { softmax(tile, row, start); });
  weigh(tile, head, start);
  k.loop(k.index(0), tile.rows, 1, [&](Expr row) { merge(row, start); });
}

void AttendKernel::product(const PanelProduct &panel, Expr rows, Expr xStride,
                           Expr xOffset, Expr wBase, int64_t width, Expr from,
                           Expr to, Value z, Expr zBase, int64_t zStride) {
  panel.forTiles(k, rows, [&](kernels::Tile tile, Expr row) {
    int64_t columns = tile.columns;
    while (width % columns)
      columns -= Lanes::width;
    Values xBase;
    for (int64_t r = 0; r < tile.rows; ++r)
      xBase.push_back((row + r) * xStride + xOffset);
    int64_t vectors = columns / Lanes::width;
    k.loop(k.index(0), k.index(width), columns, [&](Expr column) {
      Values sums(tile.rows * vectors, k.reals(0));
      sums = panel.multiply(k, columns, sums, xBase, wBase + column, from, to);
      for (auto [i, sum] : llvm::enumerate(sums))
        k.storeVector(sum, z,
                      zBase + (row + i / vectors) * zStride + column +
                          i % vectors * Lanes::width);
    });
  });
}

// weights[row][position] = q . k for the panels that are seen.
void AttendKernel::scores(const Tile &tile, Value head, Expr start) {
  PanelProduct panel;
  panel.x = queries;
  panel.w = head;
  panel.prefetchBytes = kPrefetchBytes;
  KernelBuilder::Range seen = panelsSeen(tile, start);
  k.loop(seen.from, seen.to, kPanel, [&](Expr first) {
    product(panel, tile.rows, k.index(qWidth), k.index(0),
            first * layout.keyWidth, kPanel, k.index(0),
            k.index(layout.keyWidth), weights, first, kBlock);
  });
}

Expr AttendKernel::biasOf(const Tile &tile, Expr row, Expr positions,
                          Expr query) {
  Expr h = head(tile, row), distance = positions - query;
  if (bias == "alibi")
    return alibi.of(positions, distance,
                    splat(k.load(slopes, h), Lanes::width));
  Expr reach = splat(toInt(maxDistance, k.i32()), Lanes::width);
  Expr entry = max(min(distance, reach), -reach) + reach;
  Expr bucket = k.gather(buckets, k.index(0), entry);
  return k.gather(biasWeight, h,
                  bucket * splat(toInt(heads, k.i32()), Lanes::width));
}

// The score of 16 positions of a row whose token is at `query`.
Expr AttendKernel::score(const Tile &tile, Expr row, Expr positions, Expr query,
                         Expr s) {
  if (scale != 1)
    s = s * scale;
  if (bias != "none")
    s = s + biasOf(tile, row, positions, query);
  if (cap)
    s = tanh(s / *cap) * *cap;
  return s;
}

// Scores of a row become weights; blockMax and blockSum are set for rows that
// see the block, the weights of others are zero.
void AttendKernel::softmax(const Tile &tile, Expr row, Expr start) {
  KernelBuilder::Range seen = panelsSeen(tile, start);
  Expr base = row * kBlock;
  Expr sees = (rowFrom(row) < start + kBlock) & (start < rowTo(row));
  auto lanes = [](Expr i) { return Lanes{i, {}}; };
  auto otherwise = [&] {
    k.loop(seen.from, seen.to, Lanes::width,
           [&](Expr i) { k.store(k.reals(0), weights, base, lanes(i)); });
  };
  k.when(
      sees,
      [&] {
        Expr low = splat(toInt(rowFrom(row), k.i32()), Lanes::width);
        Expr high = splat(toInt(rowTo(row), k.i32()), Lanes::width);
        Mask::Query from = queryOf(tile, row);
        Expr query = splat(toInt(from.position, k.i32()), Lanes::width);
        auto positionsAt = [&](Expr i) {
          return splat(toInt(start + i, k.i32()), Lanes::width) + iota;
        };
        Values top =
            k.loop(seen.from, seen.to, Lanes::width, {k.reals(-INFINITY)},
                   [&](Expr i, ArrayRef<Expr> carried) {
                     Expr positions = positionsAt(i);
                     Expr s = score(tile, row, positions, query,
                                    k.load(weights, base, lanes(i)));
                     Expr visible = (low <= positions) & (positions < high);
                     if (!mask.isRange())
                       visible = visible & mask.visible(from, positions);
                     s = select(visible, s, s.like(-INFINITY));
                     k.store(s, weights, base, lanes(i));
                     return Values{max(s, carried[0])};
                   });
        Expr most = k.maxLanes(top[0]);
        // A row that sees nothing of the block has no maximum.
        Expr known =
            mask.isRange() ? most : select(most > -INFINITY, most, k.real(0));
        Expr all = splat(known, Lanes::width);
        Values sums = k.loop(seen.from, seen.to, Lanes::width, {k.reals(0)},
                             [&](Expr i, ArrayRef<Expr> carried) {
                               Expr s = k.load(weights, base, lanes(i));
                               Expr p = exp(s - all);
                               k.store(p, weights, base, lanes(i));
                               return Values{carried[0] + p};
                             });
        k.store(most, blockMax, row);
        k.store(k.sumLanes(sums[0]), blockSum, row);
      },
      otherwise);
}

// blockOut = weights * v.
void AttendKernel::weigh(const Tile &tile, Value head, Expr start) {
  int64_t padded = layout.paddedValueWidth();
  int64_t whole = padded / kStrip * kStrip;
  if (whole)
    k.loop(k.index(0), k.index(whole), kStrip,
           [&](Expr first) { weighStrip(tile, head, start, first, kStrip); });
  if (whole < padded)
    weighStrip(tile, head, start, k.index(whole), padded - whole);
}

void AttendKernel::weighStrip(const Tile &tile, Value head, Expr start,
                              Expr first, int64_t width) {
  PanelProduct panel;
  panel.x = weights;
  panel.w = head;
  panel.wStride = width;
  panel.prefetchBytes = kPrefetchBytes;
  // Only positions that exist: what lies behind was never written.
  Expr from = max(tile.low - start, k.index(0));
  Expr to = min(tile.high - start, k.index(kBlock));
  product(panel, tile.rows, k.index(kBlock), k.index(0),
          first * kBlock + layout.keyElements(), width, from, to, blockOut,
          first, layout.paddedValueWidth());
}

void AttendKernel::merge(Expr row, Expr start) {
  Expr sees = (rowFrom(row) < start + kBlock) & (start < rowTo(row));
  if (!mask.isRange())
    sees = sees & (k.load(blockMax, row) > -INFINITY);
  k.when(sees, [&] {
    Expr before = k.load(maxRow, row), here = k.load(blockMax, row);
    Expr most = max(before, here);
    Expr keep = exp(before - most), add = exp(here - most);
    k.store(most, maxRow, row);
    k.store(fma(k.load(sumRow, row), keep, k.load(blockSum, row) * add), sumRow,
            row);
    Expr base = row * layout.paddedValueWidth();
    keep = splat(keep, Lanes::width);
    add = splat(add, Lanes::width);
    k.lanes(layout.paddedValueWidth(), [&](Lanes at) {
      Expr merged =
          fma(k.load(out, base, at), keep, k.load(blockOut, base, at) * add);
      k.store(merged, out, base, at);
    });
  });
}

void AttendKernel::close(const Tile &tile) {
  Expr yStride = k.dim("y.stride");
  k.loop(k.index(0), tile.rows, 1, [&](Expr row) {
    // A row that sees nothing gives zeros.
    Expr sum = k.load(sumRow, row);
    Expr factor = select(sum > 0, 1.0 / sum, k.real(0));
    factor = splat(factor, Lanes::width);
    Expr to = (tile.from + row / group) * yStride +
              head(tile, row) * layout.valueWidth;
    k.lanes(layout.valueWidth, [&](Lanes at) {
      Lanes whole{at.first, {}};
      Expr o = k.load(out, row * layout.paddedValueWidth(), whole);
      k.store(o * factor, y, to, at);
    });
  });
}

LogicalResult buildAttend(KernelBuilder &k, const Attrs &attrs, Region *) {
  AttendKernel(k, attrs).build();
  return success();
}

} // namespace

void addAttendKinds(KindTable &table) {
  Kind attend;
  attend.attributes = {
      {Attribute::Integer, "head_dim", {}, true},
      {Attribute::Integer, "value_dim", {}, true},
      {Attribute::Real, "scale"},
      {Attribute::List, "mask"},
      {Attribute::Real, "cap"},
      {Attribute::Flag, "sinks"},
      {Attribute::Word, "bias", {"none", "alibi", "bucket"}},
      {Attribute::Flag, "two_sided"},
      {Attribute::Word, "rounded", {"none", "f16", "bf16"}},
      {Attribute::Real, "times"},
  };
  attend.signature = attendSignature;
  attend.scratch = attendScratch;
  attend.build = buildAttend;
  attend.check = checkAttend;
  table["attend"] = attend;
}

} // namespace sluice::kernels
