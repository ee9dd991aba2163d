#include "compiler/kernels/RotateRow.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sluice::kernels {
namespace {

struct Pair {
  Expr first, second;
};

Pair rotatePair(Pair x, Expr cosine, Expr sine) {
  return {x.first * cosine - x.second * sine,
          x.first * sine + x.second * cosine};
}

Expr shuffle(KernelBuilder &k, Pair x, ArrayRef<int64_t> order) {
  return k.expr(vector::ShuffleOp::create(k.b(), x.first, x.second, order));
}

// The 32 channels that hold 16 adjacent pairs, as two vectors: lanes [0, 16)
// and [16, 32) of the channels.
struct Halves {
  Lanes low, high;
};
Halves channelsOf(KernelBuilder &k, Lanes pairs, Expr rotary) {
  Expr first = pairs.first * 2;
  Expr next = first + Lanes::width;
  if (!pairs.mask)
    return {{first, {}}, {next, {}}};
  // A mask takes counts below zero as zero and above 16 as 16.
  Expr left = (rotary - pairs.first) * 2;
  auto mask = [&](Expr count) {
    return k.expr(vector::CreateMaskOp::create(k.b(), k.vec(k.b().getI1Type()),
                                               ValueRange{Value(count)}));
  };
  return {{first, mask(left)}, {next, mask(left - Lanes::width)}};
}

void rotateAdjacent(KernelBuilder &k, Rotation rotation, Row table, Row x,
                    Row y) {
  static constexpr int64_t even[] = {0,  2,  4,  6,  8,  10, 12, 14,
                                     16, 18, 20, 22, 24, 26, 28, 30};
  static constexpr int64_t odd[] = {1,  3,  5,  7,  9,  11, 13, 15,
                                    17, 19, 21, 23, 25, 27, 29, 31};
  static constexpr int64_t low[] = {0, 16, 1, 17, 2, 18, 3, 19,
                                    4, 20, 5, 21, 6, 22, 7, 23};
  static constexpr int64_t high[] = {8,  24, 9,  25, 10, 26, 11, 27,
                                     12, 28, 13, 29, 14, 30, 15, 31};
  k.lanes(rotation.rotary, [&](Lanes at) {
    Halves channels = channelsOf(k, at, rotation.rotary);
    Pair mixed = {k.load(x.memref, x.base + rotation.from, channels.low),
                  k.load(x.memref, x.base + rotation.from, channels.high)};
    Pair pair =
        rotatePair({shuffle(k, mixed, even), shuffle(k, mixed, odd)},
                   k.load(table.memref, table.base, at),
                   k.load(table.memref, table.base + rotation.rotary, at));
    k.store(shuffle(k, pair, low), y.memref, y.base + rotation.from,
            channels.low);
    k.store(shuffle(k, pair, high), y.memref, y.base + rotation.from,
            channels.high);
  });
}

void rotateHalves(KernelBuilder &k, Rotation rotation, Row table, Row x,
                  Row y) {
  k.lanes(rotation.rotary, [&](Lanes at) {
    Expr xFirst = x.base + rotation.from, yFirst = y.base + rotation.from;
    Pair pair =
        rotatePair({k.load(x.memref, xFirst, at),
                    k.load(x.memref, xFirst + rotation.rotary, at)},
                   k.load(table.memref, table.base, at),
                   k.load(table.memref, table.base + rotation.rotary, at));
    k.store(pair.first, y.memref, yFirst, at);
    k.store(pair.second, y.memref, yFirst + rotation.rotary, at);
  });
}

void copyChannels(KernelBuilder &k, Row x, Row y, Expr from, Expr to) {
  k.lanes(to - from, [&](Lanes at) {
    k.store(k.load(x.memref, x.base + from, at), y.memref, y.base + from, at);
  });
}

} // namespace

void rotateRow(KernelBuilder &k, Rotation rotation, Expr width, Row table,
               Row x, Row y) {
  if (rotation.from > 0)
    copyChannels(k, x, y, k.index(0), k.index(rotation.from));
  if (rotation.adjacent)
    rotateAdjacent(k, rotation, table, x, y);
  else
    rotateHalves(k, rotation, table, x, y);
  copyChannels(k, x, y, rotation.rotary * 2 + rotation.from, width);
}

} // namespace sluice::kernels
