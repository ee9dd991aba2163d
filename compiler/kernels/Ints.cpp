// Kinds that compute with the ints of rows.
//
// `number`  y = f32(x), to nearest: x [rows][N] i32, y [rows][N] f32
// `flags`   y = x: x [rows][N] u8 of 0 and 1, y [rows][N] i32
// `offset`  y = x + by, at most 2^31 - 1: x, y [rows][N] i32
// `equals`  y = 1 where x is `value`, else 0: x, y [rows][N] i32
// `positive`  y = 1 where x > 0, else 0: x [rows][N] f32, y [rows][N] i32
// `start_after`  y = the place in its sequence after the last row before this
//           one with x != 0, 0 without one: x, y [rows][1] i32, state [2] of
//           i32: rows so far and that place for the next row. Item: a sequence.
#include "compiler/kernels/Kinds.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::kernels {

static void numberSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("x", n).elem(Elem::I32);
  s.writes();
  s.rows("y", n);
}

static void flagsSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("x", n).elem(Elem::U8);
  s.writes();
  s.rows("y", n).elem(Elem::I32);
}

static void offsetSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.dim("by", 0);
  s.rows("x", n).elem(Elem::I32);
  s.writes();
  s.rows("y", n).elem(Elem::I32);
}

// y = f(x) for every element.
static LogicalResult eachInt(KernelBuilder &k, Type from, Type result,
                             llvm::function_ref<Expr(Expr)> f) {
  Value x = k.operand("x", from), y = k.operand("y", result);
  Expr n = k.dim("N"), xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  k.items(k.rows(), [&](Expr row) {
    k.loop(k.index(0), n, 1, [&](Expr i) {
      k.store(f(k.load(x, row * xStride + i)), y, row * yStride + i);
    });
  });
  return success();
}

static LogicalResult buildNumber(KernelBuilder &k, const Attrs &, Region *) {
  return eachInt(k, k.i32(), k.f32(),
                 [&](Expr x) { return toFloat(x, k.f32()); });
}

static LogicalResult buildOffset(KernelBuilder &k, const Attrs &, Region *) {
  Expr by = toInt(k.dim("by"), k.i32());
  Expr last = by.like(INT32_MAX) - by; // that has a sum
  return eachInt(k, k.i32(), k.i32(),
                 [&](Expr x) { return min(x, last) + by; });
}

static LogicalResult buildFlags(KernelBuilder &k, const Attrs &, Region *) {
  return eachInt(k, k.b().getI8Type(), k.i32(),
                 [&](Expr x) { return toInt(toIndex(x), k.i32()); });
}

static void equalsSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.dim("value", 0);
  s.rows("x", n).elem(Elem::I32);
  s.writes();
  s.rows("y", n).elem(Elem::I32);
}

static LogicalResult buildEquals(KernelBuilder &k, const Attrs &, Region *) {
  Expr value = toInt(k.dim("value"), k.i32());
  return eachInt(k, k.i32(), k.i32(), [&](Expr x) {
    return select(x == value, x.like(1), x.like(0));
  });
}

static void positiveSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("x", n);
  s.writes();
  s.rows("y", n).elem(Elem::I32);
}

static LogicalResult buildPositive(KernelBuilder &k, const Attrs &, Region *) {
  Expr one = k.expr(arith::ConstantIntOp::create(k.b(), 1, 32));
  return eachInt(k, k.f32(), k.i32(),
                 [&](Expr x) { return select(x > 0, one, one.like(0)); });
}

static void startAfterSignature(const Attrs &, SignatureWriter &s) {
  s.rows("x", 1).elem(Elem::I32).follows(Follows::Tokens);
  s.writes();
  s.rows("y", 1).elem(Elem::I32).follows(Follows::Tokens);
  s.fixedState("state", 2);
}

static LogicalResult buildStartAfter(KernelBuilder &k, const Attrs &,
                                     Region *) {
  Value x = k.operand("x", k.i32()), y = k.operand("y", k.i32());
  Value state = k.operand("state", k.i32());
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  k.items(k.batchCount(SLC_BATCH_SEQUENCES), [&](Expr sequence) {
    auto [from, to, kept] = k.sequence(sequence, k.index(2));
    Values after =
        k.loop(from, to, 1, {k.load(state, kept), k.load(state, kept + 1)},
               [&](Expr row, ArrayRef<Expr> carried) {
                 k.store(carried[1], y, row * yStride);
                 Expr ends = k.load(x, row * xStride) != 0,
                      rows = carried[0] + 1;
                 return Values{rows, select(ends, rows, carried[1])};
               });
    k.store(after[0], state, kept);
    k.store(after[1], state, kept + 1);
  });
  return success();
}

void addIntsKinds(KindTable &table) {
  table["flags"] = {{}, flagsSignature, nullptr, buildFlags};
  table["number"] = {{}, numberSignature, nullptr, buildNumber};
  table["offset"] = {{}, offsetSignature, nullptr, buildOffset};
  table["equals"] = {{}, equalsSignature, nullptr, buildEquals};
  table["positive"] = {{}, positiveSignature, nullptr, buildPositive};
  table["start_after"] = {{}, startAfterSignature, nullptr, buildStartAfter};
}

} // namespace sluice::kernels
