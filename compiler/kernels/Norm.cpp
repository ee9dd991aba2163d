// `norm`: rms, layer or l2 norm of the groups of a row.
//
//   x [rows][heads * N] f32, w and b [N] f32, with per_head_weight [heads][N];
//   y [rows][heads * N] f32 or bf16 (out)
//   y = (x - mean) * scale * w + b     (see NormRow.h)
//
// y may be x when out = f32.
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/NormRow.h"

using namespace mlir;

namespace sluice::kernels {

static void normSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N"), heads = s.dim("heads");
  s.rows("x", heads * n);
  Size own = attrs.flag("per_head_weight") ? heads * n : n;
  if (attrs.flag("weight"))
    s.vector("w", own);
  if (attrs.flag("bias"))
    s.vector("b", own);
  s.writes();
  s.rows("y", heads * n).elem(attrs.elem("out"));
}

static Norm normOf(const Attrs &attrs) {
  StringRef kind = attrs.word("kind");
  double eps = attrs.real("eps");
  if (kind == "rms")
    return {Norm::Rms, eps};
  if (kind == "layer")
    return {Norm::Layer, eps};
  return {attrs.word("eps_in", "sum") == "max" ? Norm::L2Max : Norm::L2Sum,
          eps};
}

static LogicalResult buildNorm(KernelBuilder &k, const Attrs &attrs, Region *) {
  bool narrow = attrs.word("out", "f32") == "bf16";
  Value x = k.operand("x", k.f32());
  Value y = k.operand("y", narrow ? k.bf16() : k.f32());
  Value w = attrs.flag("weight") ? k.operand("w", k.f32()) : Value();
  Value b = attrs.flag("bias") ? k.operand("b", k.f32()) : Value();
  Expr n = k.dim("N"), heads = k.dim("heads");
  Expr xStride = k.dim("x.stride"), yStride = k.dim("y.stride");
  Norm norm = normOf(attrs);

  k.items(k.rows() * heads, [&](Expr item) {
    Expr row = item / heads, head = item % heads;
    Expr xBase = row * xStride + head * n, yBase = row * yStride + head * n;
    Expr wBase = attrs.flag("per_head_weight") ? head * n : k.index(0);
    RowMoments moments =
        rowMoments(k, norm, n, [&](Lanes at) { return k.load(x, xBase, at); });
    k.lanes(n, [&](Lanes at) {
      Expr weight = w ? k.load(w, wBase, at) : Expr();
      Expr bias = b ? k.load(b, wBase, at) : Expr();
      Expr value = normalised(moments, k.load(x, xBase, at), weight, bias);
      k.storeFloat(value, y, yBase, at);
    });
  });
  return success();
}

void addNormKinds(KindTable &table) {
  table["norm"] = {{{Attribute::Word, "kind", {"rms", "layer", "l2"}, true},
                    {Attribute::Flag, "weight"},
                    {Attribute::Flag, "bias"},
                    {Attribute::Real, "eps", {}, true},
                    {Attribute::Word, "eps_in", {"sum", "max"}},
                    {Attribute::Word, "out", {"f32", "bf16"}},
                    {Attribute::Flag, "per_head_weight"}},
                   normSignature,
                   nullptr,
                   buildNorm};
}

} // namespace sluice::kernels
