// Rotary position embeddings.
//
// `rope_table`  pos [rows] i32, freqs [N] f32 -> y [rows][2 * N]: N cosines,
//               then N sines of angle = f32(pos) * freqs[i] rounded to f32,
//               times amplitude
// `rotate`      y[r][h] = x[r][h] rotated by row r of the table (see
//               RotateRow.h); heads of head_dim channels, rotary pairs each
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RotateRow.h"

using namespace mlir;

namespace sluice::kernels {

static void tableSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("pos", 1).elem(Elem::I32);
  s.vector("freqs", n);
  s.writes();
  s.rows("y", 2 * n);
}

static LogicalResult buildRopeTable(KernelBuilder &k, const Attrs &attrs,
                                    Region *) {
  double amplitude = attrs.real("amplitude", 1.0);
  Value pos = k.operand("pos", k.i32()), y = k.operand("y", k.f32());
  Value freqs = k.operand("freqs", k.f32());
  Expr n = k.dim("N"), posStride = k.dim("pos.stride");
  Expr yStride = k.dim("y.stride");
  k.items(k.rows(), [&](Expr row) {
    Expr position = toFloat(k.load(pos, row * posStride), k.f32());
    k.lanes(n, [&](Lanes at) {
      Expr angle =
          splat(position, Lanes::width) * k.load(freqs, k.index(0), at);
      Expr cosine = cos(angle), sine = sin(angle);
      if (amplitude != 1.0) {
        cosine = cosine * amplitude;
        sine = sine * amplitude;
      }
      k.store(cosine, y, row * yStride, at);
      k.store(sine, y, row * yStride + n, at);
    });
  });
  return success();
}

static void rotateSignature(const Attrs &attrs, SignatureWriter &s) {
  Size heads = s.dim("heads"), width = s.dim("head_dim"),
       rotary = s.dim("rotary", 0);
  s.atMost(attrs.integer("from") + 2 * rotary, width);
  s.rows("x", heads * width);
  s.rows("table", 2 * rotary);
  s.writes();
  s.rows("y", heads * width);
}

static LogicalResult buildRotate(KernelBuilder &k, const Attrs &attrs,
                                 Region *) {
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Value table = k.operand("table", k.f32());
  Expr heads = k.dim("heads"), width = k.dim("head_dim");
  Expr xStride = k.dim("x.stride"), tableStride = k.dim("table.stride");
  Expr yStride = k.dim("y.stride");
  Rotation rotation = {attrs.word("pairing") == "adjacent",
                       attrs.integer("from"), k.dim("rotary")};
  k.items(k.rows() * heads, [&](Expr item) {
    Expr row = item / heads, first = item % heads * width;
    rotateRow(k, rotation, width, {table, row * tableStride},
              {x, row * xStride + first}, {y, row * yStride + first});
  });
  return success();
}

void addRopeKinds(KindTable &table) {
  table["rope_table"] = {{{Attribute::Real, "amplitude"}},
                         tableSignature,
                         nullptr,
                         buildRopeTable};
  table["rotate"] = {{{Attribute::Word, "pairing", {"half", "adjacent"}, true},
                      {Attribute::Integer, "from"}},
                     rotateSignature,
                     nullptr,
                     buildRotate};
}

} // namespace sluice::kernels
