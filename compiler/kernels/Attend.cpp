// `attend`: softmax(q k^T * scale + bias, capped and masked) v over a cache.
//
//   q [rows][heads * head_dim], cache -> y [rows][heads * value_dim]
//
// With keys_alone the values are the first value_dim channels of the keys,
// which the cache holds as rows.
//
// Item: (tile of new tokens of one sequence, piece of the query heads of a key
// head); its rows are the tile's tokens times these heads. A row visits the
// blocks of 128 positions that it sees, in order. Of each block it takes
//
//   m_b = max s,  l_b = sum exp(s - m_b),  o_b = exp(s - m_b) v
//
// from zero, and merges: m' = max(m, m_b), l = l e^(m-m') + l_b e^(m_b-m'), o
// likewise; at the end y = o / l. Scores and o_b are panel products, so nothing
// depends on which rows share a tile. Positions that only other rows of the
// tile see have the weight zero.
#include "compiler/kernels/AttendKernel.h"
#include "compiler/kernels/Kinds.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

void attendSignature(const Attrs &attrs, SignatureWriter &s) {
  Size heads = s.dim("heads"), keyHeads = s.dim("kv_heads"),
       width = attrs.integer("head_dim"),
       valueWidth = attrs.integer("value_dim");
  s.multipleOf(heads, keyHeads);
  s.rows("q", heads * width).follows(Follows::Tokens);
  if (attrs.flag("keys_alone"))
    s.cache("cache", {{"k", keyHeads, width}});
  else
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
  if (attrs.word("bias") == "distance")
    s.rows("bias_x", heads * s.dim("distances")).follows(Follows::Tokens);
  s.writes();
  s.rows("y", heads * valueWidth).follows(Follows::Tokens);
  s.flopsPerPosition(2 * heads * (width + valueWidth));
}

int64_t attendScratch(const Attrs &attrs, DimFn) {
  CacheLayout<int64_t> layout{attrs.integer("head_dim"),
                              attrs.integer("value_dim")};
  // Per row: q, scores of a block, o, o_b; then m, l, m_b, l_b, from, to; and
  // scores of keys alone, turned.
  int64_t qWidth = (layout.keyWidth + 15) / 16 * 16;
  int64_t turned = attrs.flag("keys_alone") ? kBlock : 0;
  return kAttendRows * 4 *
         (qWidth + kBlock + 2 * layout.paddedValueWidth() + 6 + turned);
}

LogicalResult checkAttend(const Attrs &attrs, ErrorFn error) {
  if (attrs.integer("head_dim") < 1 || attrs.integer("value_dim") < 1)
    return error() << "attend needs a head_dim and a value_dim of at least 1";
  if (attrs.flag("keys_alone") &&
      attrs.integer("value_dim") > attrs.integer("head_dim"))
    return error() << "attend takes values from keys that have fewer channels";
  if (attrs.flag("full") && !isWindow(attrs.list("mask")))
    return error() << "attend reads rows before the first through windows only";
  return checkMask(attrs.list("mask"), error);
}

} // namespace

AttendKernel::AttendKernel(KernelBuilder &k, const Attrs &attrs)
    : k(k), layout{attrs.integer("head_dim"), attrs.integer("value_dim")},
      keysAlone(attrs.flag("keys_alone")), keyRows{layout.keyWidth},
      qWidth((layout.keyWidth + 15) / 16 * 16), scale(attrs.real("scale", 1)),
      hasSinks(attrs.flag("sinks")), full(attrs.flag("full")),
      bias(attrs.word("bias")),
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
  if (bias == "distance") {
    biasRows = k.operand("bias_x", k.f32());
    maxDistance = k.dim("distances") - 1;
  }
  sequenceOf = k.batchArray(SLC_BATCH_SEQUENCE);
  offsetOf = k.batchArray(SLC_BATCH_OFFSET);
  firstOf = k.batchArray(SLC_BATCH_FIRST);

  group = heads / keyHeads;
  tileTokens =
      min(max(k.index(kAttendRows) / group, k.index(1)), k.index(kTileTokens));
  int64_t offset = 0;
  auto array = [&](int64_t perRow, Type element) {
    Value memref = k.scratch(element, k.index(offset));
    offset += kAttendRows * perRow * 4;
    return memref;
  };
  queries = array(qWidth, k.f32()); // [channel][row] for keys alone
  weights = array(kBlock, k.f32());
  out = array(layout.paddedValueWidth(), k.f32());
  blockOut = array(layout.paddedValueWidth(), k.f32());
  maxRow = array(1, k.f32());
  sumRow = array(1, k.f32());
  blockMax = array(1, k.f32());
  blockSum = array(1, k.f32());
  fromRow = array(1, k.i32());
  toRow = array(1, k.i32());
  if (keysAlone)
    turned = array(kBlock, k.f32());

  SmallVector<int32_t> counting = llvm::to_vector(llvm::seq<int32_t>(0, 16));
  iota = k.expr(arith::ConstantOp::create(
      k.b(), DenseElementsAttr::get(k.vec(k.i32()), ArrayRef(counting))));
}

// A piece has at most kAttendRows heads, and so few that each of the workers
// has something to do. No result depends on it.
void AttendKernel::cutGroups(Expr items) {
  auto shares = [](Expr whole, Expr by) { return (whole + by - 1) / by; };
  Expr idle = shares(k.workers(), max(items, k.index(1)));
  Expr most = ceilDiv(group, kPieceHeads);
  pieceHeads = shares(group, max(min(idle, most), ceilDiv(group, kAttendRows)));
  pieces = shares(group, pieceHeads);
}

AttendKernel::Piece AttendKernel::pieceOf(Expr number) {
  Expr keyHead = number / pieces, from = number % pieces * pieceHeads;
  return {keyHead, keyHead * group + from, min(pieceHeads, group - from)};
}

// Items are counted along the pieces, then sequences, then tiles; a worker
// walks the (piece, sequence) pairs and does what falls into its range.
void AttendKernel::build() {
  Expr sequences = k.batchCount(SLC_BATCH_SEQUENCES);
  auto first = [&](Expr s) { return toIndex(k.load(firstOf, s)); };
  auto tiles = [&](Expr s) {
    return (first(s + 1) - first(s) + tileTokens - 1) / tileTokens;
  };
  Values perHead = k.loop(
      k.index(0), sequences, 1, {k.index(0)},
      [&](Expr s, ArrayRef<Expr> sum) { return Values{sum[0] + tiles(s)}; });
  cutGroups(perHead[0] * keyHeads);
  Expr all = keyHeads * pieces;
  KernelBuilder::Range mine = k.partition(perHead[0] * all);
  k.loop(k.index(0), all * sequences, 1, {k.index(0)},
         [&](Expr pair, ArrayRef<Expr> before) {
           Expr s = pair % sequences;
           Piece piece = pieceOf(pair / sequences);
           Expr count = tiles(s);
           Expr from = max(mine.from - before[0], k.index(0));
           Expr to = min(mine.to - before[0], count);
           Expr end = first(s + 1);
           k.loop(from, to, 1, [&](Expr i) {
             Expr token = first(s) + i * tileTokens;
             Tile tile = open(s, piece, token, min(token + tileTokens, end));
             k.loop(tile.low / kBlock * kBlock, tile.high, kBlock,
                    [&](Expr start) { blockIfSeen(tile, start); });
             close(tile);
           });
           return Values{before[0] + count};
         });
}

// Gathers the rows of a tile and what each of them sees.
AttendKernel::Tile AttendKernel::open(Expr sequence, Piece piece, Expr from,
                                      Expr to) {
  Tile tile{sequence,
            piece.keyHead,
            piece.firstHead,
            piece.heads,
            from,
            to,
            (to - from) * piece.heads,
            {},
            {}};
  Expr qStride = k.dim("q.stride");
  Expr total = cache.total(sequence);
  Values seen = k.loop(
      k.index(0), tile.rows, 1, {total, k.index(0)},
      [&](Expr row, ArrayRef<Expr> range) {
        Expr token = tokenOf(tile, row);
        auto [low, high] = mask.range(queryOf(tile, row));
        k.store(toInt(low, k.i32()), fromRow, row);
        k.store(toInt(high, k.i32()), toRow, row);
        // A sink is a block of one score without a value.
        Expr h = head(tile, row);
        k.store(hasSinks ? k.load(sinks, h) : k.real(-INFINITY), maxRow, row);
        k.store(k.real(hasSinks ? 1 : 0), sumRow, row);
        if (full)
          rowsBefore(tile, row);
        Expr source = token * qStride + h * layout.keyWidth;
        if (keysAlone)
          k.loop(k.index(0), k.index(layout.keyWidth), 1, [&](Expr i) {
            k.store(k.load(q, source + i), queries, i * kAttendRows + row);
          });
        else
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

// The rows of zeros before the first token, as far as the mask reaches: a block
// without products, as their scores are what the bias says, and without values.
void AttendKernel::rowsBefore(const Tile &tile, Expr row) {
  Mask::Query from = queryOf(tile, row);
  Expr count = mask.rowsBefore(from);
  k.when(count > 0, [&] {
    auto all = [&](Expr i) { return splat(toInt(i, k.i32()), Lanes::width); };
    Expr query = all(from.position), last = -all(count);
    auto scoreAt = [&](Expr i) {
      Expr positions = -all(i + 1) - iota;
      Expr s = score(tile, row, positions, query, k.reals(0));
      return select(last <= positions, s, s.like(-INFINITY));
    };
    Values top = k.loop(k.index(0), count, Lanes::width, {k.reals(-INFINITY)},
                        [&](Expr i, ArrayRef<Expr> carried) {
                          return Values{max(scoreAt(i), carried[0])};
                        });
    Expr before = k.load(maxRow, row);
    Expr most = max(k.maxLanes(top[0]), before);
    Values sums = k.loop(k.index(0), count, Lanes::width, {k.reals(0)},
                         [&](Expr i, ArrayRef<Expr> carried) {
                           Expr p = exp(scoreAt(i) - splat(most, Lanes::width));
                           return Values{carried[0] + p};
                         });
    k.store(k.load(sumRow, row) * exp(before - most) + k.sumLanes(sums[0]),
            sumRow, row);
    k.store(most, maxRow, row);
  });
}

Mask::Query AttendKernel::queryOf(const Tile &tile, Expr row) {
  Expr token = tokenOf(tile, row);
  Expr position = cache.held(tile.sequence) + toIndex(k.load(offsetOf, token));
  return {token, position, head(tile, row),
          toIndex(k.load(firstOf, tile.sequence)), cache.total(tile.sequence)};
}

// Between what a mask of several runs or of chosen keys allows, there may be
// blocks that no row of the tile sees.
void AttendKernel::blockIfSeen(const Tile &tile, Expr start) {
  KernelBuilder::Range panels = panelsSeen(tile, start);
  Mask::Query first = queryOf(tile, k.index(0)),
              last = queryOf(tile, tile.rows - 1);
  auto visible = [&](Expr i) {
    Expr from = splat(toInt(start + i, k.i32()), Lanes::width);
    return mask.visibleToSome(first, last, from + iota);
  };
  if (mask.isRange() || !visible(panels.from))
    return block(tile, start);
  Values seen = k.loop(panels.from, panels.to, Lanes::width, {k.reals(0)},
                       [&](Expr i, ArrayRef<Expr> carried) {
                         Expr one = k.reals(1);
                         return Values{select(*visible(i), one, carried[0])};
                       });
  k.when(k.maxLanes(seen[0]) > 0, [&] { block(tile, start); });
}

void AttendKernel::block(const Tile &tile, Expr start) {
  int64_t headElements =
      keysAlone ? keyRows.headElements() : layout.headElements();
  Value head =
      cache.head(tile.sequence, start, tile.keyHead * (headElements * 4));
  if (keysAlone)
    scoresOfRows(tile, head, start);
  else
    scores(tile, head, start);
  k.loop(k.index(0), tile.rows, 1,
         [&](Expr row) { softmax(tile, row, start); });
  weigh(tile, head, start);
  k.loop(k.index(0), tile.rows, 1, [&](Expr row) { merge(row, start); });
}

Expr AttendKernel::biasOf(const Tile &tile, Expr row, Expr positions,
                          Expr query) {
  Expr h = head(tile, row), distance = positions - query;
  if (bias == "alibi")
    return alibi.of(positions, distance,
                    splat(k.load(slopes, h), Lanes::width));
  Expr reach = splat(toInt(maxDistance, k.i32()), Lanes::width);
  if (bias == "distance") {
    Expr from = tokenOf(tile, row) * k.dim("bias_x.stride");
    return k.gather(biasRows, from + h * (maxDistance + 1),
                    max(min(-distance, reach), reach.like(0)));
  }
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
    Expr to =
        tokenOf(tile, row) * yStride + head(tile, row) * layout.valueWidth;
    k.lanes(layout.valueWidth, [&](Lanes at) {
      Lanes whole{at.first, {}};
      Expr o = k.load(out, row * layout.paddedValueWidth(), whole);
      k.store(o * factor, y, to, at);
    });
  });
}

static LogicalResult buildAttend(KernelBuilder &k, const Attrs &attrs,
                                 Region *) {
  AttendKernel(k, attrs).build();
  return success();
}

void addAttendKinds(KindTable &table) {
  Kind attend;
  attend.attributes = {
      {Attribute::Integer, "head_dim", {}, true},
      {Attribute::Integer, "value_dim", {}, true},
      {Attribute::Real, "scale"},
      {Attribute::List, "mask"},
      {Attribute::Real, "cap"},
      {Attribute::Flag, "sinks"},
      {Attribute::Flag, "keys_alone"},
      {Attribute::Flag, "full"},
      {Attribute::Word, "bias", {"none", "alibi", "bucket", "distance"}},
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
