// `causal_conv`: y[t][c] = fn(bias[c] + sum over j of w[c][j] * x[t - (width -
// 1) + j][c]), the sum from j = 0 on by fma; rows before the step's first come
// from the sequence's state [width - 1][N], which takes the last width - 1
// rows.
//
//   x [rows][N], w [N][width], bias [N], y [rows][N], state; all f32
//
// Item: 16 channels of a sequence, so a worker owns the state that it changes.
#include "compiler/kernels/Kinds.h"

#include <numeric>

using namespace mlir;

namespace sluice::kernels {

static void causalConvSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N"), width = s.dim("width", 2);
  s.rows("x", n).follows(Follows::Tokens);
  s.vector("w", n * width);
  if (attrs.flag("bias"))
    s.vector("bias", n);
  s.writes();
  s.rows("y", n).follows(Follows::Tokens);
  s.fixedState("state", (width - 1) * n);
  s.flops(2 * n * width);
}

namespace {

class CausalConv {
public:
  CausalConv(KernelBuilder &k, const Attrs &attrs)
      : k(k), fn(attrs.word("fn")), x(k.operand("x", k.f32())),
        w(k.operand("w", k.f32())), y(k.operand("y", k.f32())),
        state(k.operand("state", k.f32())), n(k.dim("N")),
        width(k.dim("width")), xStride(k.dim("x.stride")),
        yStride(k.dim("y.stride")) {
    if (attrs.flag("bias"))
      bias = k.operand("bias", k.f32());
  }

  void build() {
    Expr tiles = ceilDiv(n, Lanes::width);
    k.items(k.batchCount(SLC_BATCH_SEQUENCES) * tiles, [&](Expr item) {
      Expr sequence = item / tiles, first = item % tiles * Lanes::width;
      KernelBuilder::SequenceRows rows = k.sequence(sequence, (width - 1) * n);
      Sequence s{rows.from, rows.to - rows.from, rows.state};
      Expr left = min(n - first, k.index(Lanes::width));
      k.lanes(left, [&](Lanes at) {
        Lanes here{k.index(0), at.mask};
        k.loop(k.index(0), s.count, 1,
               [&](Expr row) { convolve(s, row, first, here); });
        keep(s, first, here);
      });
    });
  }

private:
  struct Sequence {
    Expr start, count; // rows of x
    Expr state;        // element of the slot's state
  };

  // Row `row` of the sequence, those of the state being -(width - 1) .. -1.
  Expr rowAt(const Sequence &s, Expr row, Expr first, Lanes here) {
    Expr inside = max(row, k.index(0)), before = min(row, k.index(-1));
    return select(
        row >= 0, k.load(x, (s.start + inside) * xStride + first, here),
        k.load(state, s.state + (width - 1 + before) * n + first, here));
  }

  void convolve(const Sequence &s, Expr row, Expr first, Lanes here) {
    // Lane i reads w at i * width; masked lanes read the first one.
    SmallVector<float> lane(Lanes::width);
    std::iota(lane.begin(), lane.end(), 0.0f);
    Expr offsets = toInt(k.constant(lane), k.i32()) *
                   splat(toInt(width, k.i32()), Lanes::width);
    if (here.mask)
      offsets = select(here.mask, offsets, offsets.like(0));
    Values sum = k.loop(
        k.index(0), width, 1, {k.reals(0)}, [&](Expr j, ArrayRef<Expr> sum) {
          Expr weight = k.gather(w, first * width + j, offsets);
          Expr value = rowAt(s, row - (width - 1) + j, first, here);
          return Values{fma(weight, value, sum[0])};
        });
    Expr v = sum[0];
    if (bias)
      v = v + k.load(bias, first, here);
    k.store(activation(fn, v), y, (s.start + row) * yStride + first, here);
  }

  // Row i of the state becomes row i + count, which is still unwritten.
  void keep(const Sequence &s, Expr first, Lanes here) {
    k.loop(k.index(0), width - 1, 1, [&](Expr i) {
      Expr row = rowAt(s, s.count - (width - 1) + i, first, here);
      k.store(row, state, s.state + i * n + first, here);
    });
  }

  KernelBuilder &k;
  StringRef fn;
  Value x, w, bias, y, state;
  Expr n, width, xStride, yStride;
};

} // namespace

static LogicalResult buildCausalConv(KernelBuilder &k, const Attrs &attrs,
                                     Region *) {
  CausalConv(k, attrs).build();
  return success();
}

void addConvKinds(KindTable &table) {
  table["causal_conv"] = {
      {{Attribute::Flag, "bias"}, {Attribute::Word, "fn", activationWords()}},
      causalConvSignature,
      nullptr,
      buildCausalConv};
}

} // namespace sluice::kernels
