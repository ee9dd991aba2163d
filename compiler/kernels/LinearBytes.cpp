// Products in bytes: rows are rounded to whole numbers of eight bits, 32 of
// which share a scale, and multiplied with the whole numbers of the weight's
// blocks. Sums of numbers that share both scales are exact in any order; they
// become f32 and are added with the scale of x, those of a group of the weight
// with its own, in the order of K. So one row and many have the same bits.
//
// A staged row is its K bytes in the order in which the weight's words hold
// numbers (BlockReader::quadNumber), then the scale of each 32 as f32, then the
// sum of the whole numbers of each 16 as i32.
#include "compiler/kernels/LinearKernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

constexpr int64_t kGroup = BlockReader::group; // numbers of x with one scale
constexpr int64_t kSums = 16;                  // numbers of x with one sum
constexpr double kMost = 127;

// sum[i] += a[4i] b[4i] + ... + a[4i + 3] b[4i + 3], of bytes of `a` without
// and bytes of `b` with a sign, which all lanes share.
Expr addQuads(KernelBuilder &k, Expr sum, Expr a, Value words, Expr at) {
  if (k.target().hasAvx512Vnni) {
    VectorType bytes = k.vec(k.b().getI8Type(), 4 * Lanes::width);
    Expr b = splat(k.load(words, at), Lanes::width);
    Value cast = vector::BitCastOp::create(k.b(), bytes, b);
    Value quads = vector::BitCastOp::create(k.b(), bytes, a);
    return k.expr(LLVM::CallIntrinsicOp::create(
                      k.b(), sum.type(),
                      k.b().getStringAttr("llvm.x86.avx512.vpdpbusd.512"),
                      ValueRange{sum, quads, cast})
                      .getResults());
  }
  Expr four = k.load(words, at);
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
    Expr values[] = {element({first, {}}), element({first + kSums, {}})};
    Expr most = k.maxLanes(max(abs(values[0]), abs(values[1])));
    Expr inverse = select(most == 0, most.like(0), most.like(kMost) / most);
    // Bytes cannot hold what is not finite, so its group's scale becomes NaN.
    Expr scale = most / kMost + k.sumLanes(values[0] * 0 + values[1] * 0);
    Value numbers[2];
    for (int64_t half = 0; half < 2; ++half) {
      Expr rounded = roundEven(values[half] * splat(inverse, Lanes::width));
      k.store(toInt(k.sumLanes(rounded), k.i32()), stageWords,
              to.sums + first / kSums + half);
      numbers[half] = arith::TruncIOp::create(k.b(), k.vec(k.b().getI8Type()),
                                              toInt(rounded, k.i32()));
    }
    k.storeVector(
        k.expr(vector::ShuffleOp::create(k.b(), numbers[0], numbers[1], order)),
        stageBytes, to.bytes + first);
    k.store(scale, stage, to.scales + first / kGroup);
  });
}

// sums[row ...] += x * panel for k in [from, to), multiples of a span.
void LinearKernel::byteRun(Tile tile, Expr row, Expr wBase, Expr from,
                           Expr to) {
  int64_t vectors = tile.columns / Lanes::width;
  int64_t span = byteSpanSize(blocks->format());
  SmallVector<ByteRow> x;
  for (int64_t r = 0; r < tile.rows; ++r)
    x.push_back(byteRow(row + r));
  k.loop(k.index(0), k.index(kColumns), tile.columns, [&](Expr column) {
    Values before, at;
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < vectors; ++c) {
        at.push_back((row + r) * kColumns + column + c * Lanes::width);
        before.push_back(k.loadVector(sums, at.back()));
      }
    Values after = k.loop(
        from / span, to / span, 1, before, [&](Expr i, ArrayRef<Expr> carried) {
          Values result(carried);
          for (int64_t c = 0; c < vectors; ++c) {
            Expr first = column + c * Lanes::width;
            for (int64_t at = 0; at < span; at += kGroup)
              blocks->prefetch(wBase, first, (i * span + at) / kGroup);
            byteSpan(x, wBase, first, i * span, [&](int64_t r) -> Expr & {
              return result[r * vectors + c];
            });
          }
          return result;
        });
    for (auto [value, base] : llvm::zip(after, at))
      k.storeVector(value, sums, base);
  });
}

// The sum of the whole numbers of a staged row in part `part` of a group that
// the weight's groups cut in so many.
Expr LinearKernel::partSum(const ByteRow &x, Expr group, int64_t part) {
  Expr at = x.sums + group * 2;
  if (blocks->format().group == kSums)
    return k.load(stageWords, at + part);
  return k.load(stageWords, at) + k.load(stageWords, at + 1);
}

// What groups of x and of the weight both begin with, from number `at` on, for
// 16 columns and the rows of a tile. Parts of the weight's group are added with
// the scales of x, then with its own.
void LinearKernel::byteSpan(ArrayRef<ByteRow> x, Expr wBase, Expr column,
                            Expr at, function_ref<Expr &(int64_t)> sum) {
  const format::BlockInfo &info = blocks->format();
  int64_t part = byteSpanPart(info);
  Values quads, sums(x.size()), totals(x.size());
  BlockReader::Shares shares;
  for (int64_t from = 0; from < byteSpanSize(info); from += part) {
    if (from % kGroup == 0)
      quads = blocks->panelQuads(wBase, column, at + from);
    if (from % info.group == 0)
      shares = blocks->panelShares(wBase, column, at + from);
    Expr group = at / kGroup + from / kGroup;
    for (auto [r, row] : llvm::enumerate(x)) {
      Expr total = partSum(row, group, from % kGroup / part);
      Expr acc = splat(total * -blocks->quadOffset(), Lanes::width);
      for (int64_t q = from % kGroup / 4; q < (from % kGroup + part) / 4; ++q)
        acc = addQuads(k, acc, quads[q], stageWords,
                       row.bytes / 4 + group * (kGroup / 4) + q);
      addPart(row, group, from, acc, total, sums[r], totals[r]);
      if ((from + part) % info.group == 0)
        addGroup(shares, sums[r], totals[r], sum(int64_t(r)));
    }
  }
}

// A part of the weight's group: whole sums and the total of x in it.
void LinearKernel::addPart(const ByteRow &row, Expr group, int64_t from,
                           Expr acc, Expr total, Expr &sum, Expr &sumOfX) {
  const format::BlockInfo &info = blocks->format();
  bool first = from % info.group == 0;
  Expr own = k.load(stage, row.scales + group);
  Expr all = splat(own, Lanes::width), real = toFloat(acc, k.f32());
  sum = first ? real * all : fma(real, all, sum);
  if (!info.minimum)
    return;
  real = toFloat(total, k.f32());
  sumOfX = first ? real * own : fma(real, own, sumOfX);
}

void LinearKernel::addGroup(const BlockReader::Shares &shares, Expr sum,
                            Expr sumOfX, Expr &into) {
  into = fma(sum, shares.scale, into);
  if (shares.minimum)
    into = fma(shares.minimum, splat(sumOfX, Lanes::width), into);
}

} // namespace sluice::kernels
