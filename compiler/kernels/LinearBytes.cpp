// Products in bytes: rows are rounded to whole numbers of eight bits, 32 of
// which share a scale, and multiplied with the whole numbers of the weight's
// blocks. Sums of numbers that share both scales are exact in any order; they
// become f32 and are added with the scale of x, those of a group of the weight
// with its own, in the order of K. So one row and many have the same bits.
//
// A staged row is its K bytes in the order in which the weight's words hold
// numbers (BlockReader::quadNumber), then the scale of each 32 as f32, then for
// each part of a group of the weight what its offset or minimum asks for: where
// whole sums start, an i32, or the sum of the whole numbers, an f32.
#include "compiler/kernels/LinearKernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

constexpr int64_t kGroup = BlockReader::group; // numbers of x with one scale
constexpr int64_t kHalf = kGroup / 2;
constexpr double kMost = 127;

// sum[i] += a[4i] b[0] + ... + a[4i + 3] b[3], of bytes of `a` without and
// bytes of the word `four` with a sign.
Expr addQuads(KernelBuilder &k, Expr sum, Expr a, Expr four) {
  if (k.target().hasAvx512Vnni) {
    VectorType bytes = k.vec(k.b().getI8Type(), 4 * Lanes::width);
    Expr b = splat(four, Lanes::width);
    Value cast = vector::BitCastOp::create(k.b(), bytes, b);
    Value quads = vector::BitCastOp::create(k.b(), bytes, a);
    return k.expr(LLVM::CallIntrinsicOp::create(
                      k.b(), sum.type(),
                      k.b().getStringAttr("llvm.x86.avx512.vpdpbusd.512"),
                      ValueRange{sum, quads, cast})
                      .getResults());
  }
  for (int64_t byte = 0; byte < 4; ++byte) {
    Expr high = four << (24 - 8 * byte);
    Expr x = k.expr(arith::ShRSIOp::create(k.b(), high, high.like(24)));
    sum = sum + ((a >> (8 * byte)) & 255) * splat(x, Lanes::width);
  }
  return sum;
}

} // namespace

LinearKernel::ByteRow LinearKernel::byteRow(Expr row) {
  Expr at = row * stageStride;
  Expr scales = (at + width) / 4;
  return {at, scales, scales + width / kGroup};
}

void LinearKernel::useBytes() {
  Expr at = k.index((epilogue.parts() + 1) * shape.chunk * kColumns * 4);
  stageStride = byteStride(width);
  chunk = byteChunk(width, k.index(kByteChunkUnit), k.index(kMaxByteChunk));
  stage = k.scratch(k.f32(), at);
  stageWords = k.scratch(k.i32(), at);
  stageBytes = k.scratch(k.b().getI8Type(), at);
  if (shape.byteTiles)
    useByteTiles();
}

// One row of the chunk as bytes.
void LinearKernel::stageRowBytes(const Group &g, Expr row, Expr at) {
  ByteRow to = byteRow(at);
  std::function<Expr(Lanes)> element = rowReader(g, row);
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < kGroup; ++i)
    order.push_back(blocks->quadNumber(i));
  k.loop(k.index(0), width, kGroup, [&](Expr first) {
    Expr values[] = {element({first, {}}), element({first + kHalf, {}})};
    Expr most = k.maxLanes(max(abs(values[0]), abs(values[1])));
    Expr inverse = select(most == 0, most.like(0), most.like(kMost) / most);
    // Bytes cannot hold what is not finite, so its group's scale becomes NaN.
    Expr scale = most / kMost + k.sumLanes(values[0] * 0 + values[1] * 0);
    Value numbers[2];
    Expr rounded[2];
    for (int64_t half = 0; half < 2; ++half) {
      rounded[half] = roundEven(values[half] * splat(inverse, Lanes::width));
      numbers[half] = arith::TruncIOp::create(k.b(), k.vec(k.b().getI8Type()),
                                              toInt(rounded[half], k.i32()));
    }
    k.storeVector(
        k.expr(vector::ShuffleOp::create(k.b(), numbers[0], numbers[1], order)),
        stageBytes, to.bytes + first);
    k.store(scale, stage, to.scales + first / kGroup);
    if (bytePart() == kGroup)
      return stagePart(to, first, rounded[0] + rounded[1]);
    stagePart(to, first, rounded[0]);
    stagePart(to, first + kHalf, rounded[1]);
  });
}

// Sums of so few whole numbers are exact in f32.
void LinearKernel::stagePart(const ByteRow &to, Expr at, Expr numbers) {
  Expr sum = k.sumLanes(numbers), place = to.parts + at / bytePart();
  if (blocks->format().minimum)
    k.store(sum, stage, place);
  else
    k.store(toInt(sum * double(-blocks->quadOffset()), k.i32()), stageWords,
            place);
}

// Passes of the largest tile before the one at a row and column.
static Expr passesBefore(Expr row, Expr column) {
  constexpr int64_t rows = 6, columns = 32;
  return row / rows * int64_t(kColumns / columns) + column / columns;
}

// sums += x * panel for k in [from, to), multiples of a span.
void LinearKernel::byteRuns(Expr n, Expr wBase, Expr from, Expr to) {
  // With more rows a share is so small that it does not hold up its pass.
  constexpr int64_t leastRows = 24;
  Expr lines = blocks->panelBytes(to - from) / 64;
  Expr most = max(passesBefore(n, k.index(0)), k.index(1));
  Expr share = (lines + most - 1) / most;
  share = select(n < leastRows, k.index(0), share);
  product.forTiles(k, n, [&](Tile tile, Expr row) {
    byteRun(tile, row, wBase, from, to, share);
  });
}

// Of some rows.
void LinearKernel::byteRun(Tile tile, Expr row, Expr wBase, Expr from, Expr to,
                           Expr share) {
  int64_t span = byteSpanSize(blocks->format());
  SmallVector<ByteRow> x;
  for (int64_t r = 0; r < tile.rows; ++r)
    x.push_back(byteRow(row + r));
  Expr fetchesSteps = (row == 0) & (share == 0);
  k.loop(k.index(0), k.index(kColumns), tile.columns, [&](Expr column) {
    if (tile.rows > 1)
      fetchShare(passesBefore(row, column), wBase, to, share);
    Values before, at;
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.columns; c += Lanes::width) {
        at.push_back((row + r) * kColumns + column + c);
        before.push_back(k.loadVector(sums, at.back()));
      }
    Values after = k.loop(
        from / span, to / span, 1, before, [&](Expr i, ArrayRef<Expr> carried) {
          // One row does it step by step.
          if (tile.rows > 1)
            k.when(fetchesSteps,
                   [&] { fetchSpan(tile, wBase, column, i * span); });
          return byteSpan(x, wBase, column, i * span, carried);
        });
    for (auto [value, base] : llvm::zip(after, at))
      k.storeVector(value, sums, base);
  });
}

void LinearKernel::fetchShare(Expr pass, Expr wBase, Expr to, Expr share) {
  Expr first = wBase + blocks->panelBytes(to) + pass * share * 64;
  k.loop(k.index(0), share, 1,
         [&](Expr i) { blocks->prefetchLine(first + i * 64); });
}

void LinearKernel::fetchSpan(Tile tile, Expr wBase, Expr column, Expr at) {
  for (int64_t from = 0; from < byteSpanSize(blocks->format()); from += kGroup)
    for (int64_t c = 0; c < tile.columns; c += Lanes::width)
      blocks->prefetch(wBase, column + c, (at + from) / kGroup);
}

// What groups of x and of the weight both begin with, from number `at` on, for
// the rows and columns of a tile. Parts of the weight's group are added with
// the scales of x, then with its own.
Values LinearKernel::byteSpan(ArrayRef<ByteRow> x, Expr wBase, Expr column,
                              Expr at, ArrayRef<Expr> sums) {
  const format::BlockInfo &info = blocks->format();
  int64_t vectors = int64_t(sums.size() / x.size());
  Values result(sums), groupSums(sums.size()), totals(x.size());
  for (int64_t from = 0; from < byteSpanSize(info); from += bytePart()) {
    Expr first = at + from;
    Values whole = wholeSums(x, wBase, column, at + from / kGroup * kGroup,
                             from % kGroup, vectors);
    bool begins = from % info.group == 0;
    for (auto [r, row] : llvm::enumerate(x))
      addPart(row, first, begins, ArrayRef(whole).slice(r * vectors, vectors),
              MutableArrayRef(groupSums).slice(r * vectors, vectors),
              totals[r]);
    if ((from + bytePart()) % info.group)
      continue;
    for (int64_t c = 0; c < vectors; ++c) {
      BlockReader::Shares shares =
          blocks->panelShares(wBase, column + c * Lanes::width, first);
      for (size_t r = 0; r < x.size(); ++r)
        addGroup(shares, groupSums[r * vectors + c], totals[r],
                 result[r * vectors + c]);
    }
  }
  return result;
}

// Whole sums of a part, for all rows and columns of a tile side by side: each
// is a chain, and a word of x serves all columns.
Values LinearKernel::wholeSums(ArrayRef<ByteRow> x, Expr wBase, Expr column,
                               Expr group, int64_t from, int64_t vectors) {
  Values start;
  for (const ByteRow &row : x) {
    Expr begin = k.expr(arith::ConstantIntOp::create(k.b(), 0, 32));
    if (!blocks->format().minimum)
      begin = k.load(stageWords, row.parts + (group + from) / bytePart());
    start.append(size_t(vectors), splat(begin, Lanes::width));
  }
  constexpr int64_t steps = kGroup / BlockReader::step;
  // A step of the whole panel fetches its share of what comes later.
  bool fetches = x.size() == 1 && vectors == steps;
  Expr words = group / 4;
  return k.loop(
      k.index(from / BlockReader::step),
      k.index((from + bytePart()) / BlockReader::step), 1, start,
      [&](Expr eight, ArrayRef<Expr> carried) {
        if (fetches)
          blocks->prefetch(wBase, eight * Lanes::width, group / kGroup);
        SmallVector<Values> quads;
        for (int64_t c = 0; c < vectors; ++c)
          quads.push_back(blocks->panelQuads(wBase, column + c * Lanes::width,
                                             group, eight));
        Values next(carried);
        for (int64_t half = 0; half < 2; ++half)
          for (auto [r, row] : llvm::enumerate(x)) {
            Expr four =
                k.load(stageWords, row.bytes / 4 + words + (eight * 2 + half));
            for (int64_t c = 0; c < vectors; ++c) {
              Expr &sum = next[r * vectors + c];
              sum = addQuads(k, sum, quads[c][half], four);
            }
          }
        return next;
      });
}

// A part of the weight's group: whole sums of a row, and the sum of x in it.
void LinearKernel::addPart(const ByteRow &row, Expr at, bool begins,
                           ArrayRef<Expr> whole, MutableArrayRef<Expr> sums,
                           Expr &sumOfX) {
  Expr own = k.load(stage, row.scales + at / kGroup);
  Expr all = splat(own, Lanes::width);
  for (auto [acc, sum] : llvm::zip(whole, sums)) {
    Expr real = toFloat(acc, k.f32());
    sum = begins ? real * all : fma(real, all, sum);
  }
  if (!blocks->format().minimum)
    return;
  Expr total = k.load(stage, row.parts + at / bytePart());
  sumOfX = begins ? total * own : fma(total, own, sumOfX);
}

void LinearKernel::addGroup(const BlockReader::Shares &shares, Expr sum,
                            Expr sumOfX, Expr &into) {
  into = fma(sum, shares.scale, into);
  if (shares.minimum)
    into = fma(shares.minimum, splat(sumOfX, Lanes::width), into);
}

} // namespace sluice::kernels
