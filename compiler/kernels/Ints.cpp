// Kinds that compute with the ints of rows.
//
// `number`  y = f32(x), to nearest: x [rows][N] i32, y [rows][N] f32
// `flags`   y = x: x [rows][N] u8 of 0 and 1, y [rows][N] i32
// `offset`  y = x + by: x, y [rows][N] i32
#include "compiler/kernels/Kinds.h"

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
  return eachInt(k, k.i32(), k.i32(), [&](Expr x) { return x + by; });
}

static LogicalResult buildFlags(KernelBuilder &k, const Attrs &, Region *) {
  return eachInt(k, k.b().getI8Type(), k.i32(),
                 [&](Expr x) { return toInt(toIndex(x), k.i32()); });
}

void addIntsKinds(KindTable &table) {
  table["flags"] = {{}, flagsSignature, nullptr, buildFlags};
  table["number"] = {{}, numberSignature, nullptr, buildNumber};
  table["offset"] = {{}, offsetSignature, nullptr, buildOffset};
}

} // namespace sluice::kernels
