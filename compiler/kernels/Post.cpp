// `post`: the epilogue of a product (see Epilogue.h) on rows that the
// engine has summed.
//
//   x [rows][N], with glu [rows][2 * N rounded up to 64]: 64 columns of the
//   gate, 64 of the up part, 64 of the gate, ...; bias [N], with glu laid out
//   as a row of x; residual [rows][N] -> y [rows][N]; all f32. y may be x
//   (without glu) or residual.
#include "compiler/kernels/Epilogue.h"
#include "compiler/kernels/RowMath.h"

using namespace mlir;

namespace sluice::kernels {

static void postSignature(const Attrs &attrs, SignatureWriter &s) {
  Epilogue epilogue(attrs);
  Size n = s.dim("N"), sums = epilogue.sums(n);
  s.rows("x", sums);
  if (epilogue.bias)
    s.vector("bias", sums);
  if (epilogue.residual)
    s.rows("residual", n).inPlace();
  s.writes();
  s.rows("y", n);
}

static LogicalResult buildPost(KernelBuilder &k, const Attrs &attrs, Region *) {
  Epilogue epilogue(attrs);
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Value bias = epilogue.bias ? k.operand("bias", k.f32()) : Value();
  Value residual = epilogue.residual ? k.operand("residual", k.f32()) : Value();
  Expr residualStride = epilogue.residual ? k.dim("residual.stride") : Expr();
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");

  tiles(k, k.rows(), k.dim("N"), [&](Expr row, Expr first, Expr width) {
    k.lanes(width, [&](Lanes at) {
      Expr column = first + at.first;
      // Where 16 columns of a part lie: they never cross a panel of 64.
      auto place = [&](int64_t part) {
        if (!epilogue.glu)
          return column;
        return column / SLC_PANEL * (2 * SLC_PANEL) + column % SLC_PANEL +
               part * SLC_PANEL;
      };
      Lanes here = {k.index(0), at.mask};
      auto sum = [&](int64_t part) {
        return k.load(x, row * xStride + place(part), here);
      };
      auto biasOf = [&](int64_t part) {
        return k.load(bias, place(part), here);
      };
      auto residualOf = [&] {
        return k.load(residual, row * residualStride + column, here);
      };
      k.store(epilogue.apply(k, sum, biasOf, residualOf), y,
              row * yStride + column, here);
    });
  });
  return success();
}

void addPostKinds(KindTable &table) {
  table["post"] = {Epilogue::attributes(), postSignature, nullptr, buildPost};
}

} // namespace sluice::kernels
