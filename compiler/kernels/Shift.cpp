// `shift`: y[t] = x[t - 1], where the row before a sequence's first comes from
// its state [N], which takes the last row.
//
//   x [rows][N], y [rows][N], state; all f32
//
// Item: 16 columns of a sequence, so a worker owns the state that it changes.
#include "compiler/kernels/Kinds.h"

using namespace mlir;

namespace sluice::kernels {

static void shiftSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("x", n).follows(Follows::Tokens);
  s.writes();
  s.rows("y", n).follows(Follows::Tokens);
  s.fixedState("state", n);
}

static LogicalResult buildShift(KernelBuilder &k, const Attrs &, Region *) {
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Value state = k.operand("state", k.f32());
  Expr n = k.dim("N"), xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  Expr tiles = ceilDiv(n, Lanes::width);
  k.items(k.batchCount(SLC_BATCH_SEQUENCES) * tiles, [&](Expr item) {
    Expr sequence = item / tiles, first = item % tiles * Lanes::width;
    KernelBuilder::SequenceRows s = k.sequence(sequence, n);
    Expr kept = s.state + first;
    k.lanes(min(n - first, k.index(Lanes::width)), [&](Lanes at) {
      Lanes here{k.index(0), at.mask};
      Values last = k.loop(s.from, s.to, 1, {k.load(state, kept, here)},
                           [&](Expr row, ArrayRef<Expr> before) {
                             Expr own = k.load(x, row * xStride + first, here);
                             k.store(before[0], y, row * yStride + first, here);
                             return Values{own};
                           });
      k.store(last[0], state, kept, here);
    });
  });
  return success();
}

void addShiftKinds(KindTable &table) {
  table["shift"] = {{}, shiftSignature, nullptr, buildShift};
}

} // namespace sluice::kernels
