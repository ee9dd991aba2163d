// Rotary position embeddings.
//
// `rope_table`  pos [rows] i32, freqs [N] f32 -> y [rows][2 * N]: N cosines,
//               then N sines of angle = f32(pos) * freqs[i] rounded to f32,
//               times amplitude; with `each` freqs are [rows][N]
// `freqs_ntk`   x [rows][1] -> y [rows][N] = (theta * x^(N/(N-1)))^(-i/N), in
//               f64, rounded to f32
// `rotate`      y[r][h] = x[r][h] rotated by row r of the table (see
//               RotateRow.h); heads of head_dim channels, rotary pairs each
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RotateRow.h"

#include <cmath>

using namespace mlir;

namespace sluice::kernels {

static void tableSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N");
  s.rows("pos", 1).elem(Elem::I32);
  if (attrs.flag("each"))
    s.rows("freqs", n);
  else
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
  Expr freqsStride = attrs.flag("each") ? k.dim("freqs.stride") : k.index(0);
  k.items(k.rows(), [&](Expr row) {
    Expr position = toFloat(k.load(pos, row * posStride), k.f32());
    k.lanes(n, [&](Lanes at) {
      Expr angle =
          splat(position, Lanes::width) * k.load(freqs, row * freqsStride, at);
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

static void ntkSignature(const Attrs &, SignatureWriter &s) {
  Size n = s.dim("N", 2);
  s.rows("x", 1);
  s.writes();
  s.rows("y", n);
}

// c[0] + x * (c[1] + x * ...)
static Expr polynomial(Expr x, ArrayRef<double> coefficients) {
  Expr sum = x.like(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = fma(sum, x, x.like(coefficient));
  return sum;
}

// The logarithm of base 2 of a normal f32 above zero, as an f64 that is right
// to 1e-14.
static Expr log2InF64(KernelBuilder &k, Expr x) {
  Type f64 = k.b().getF64Type();
  Expr bits = bitcast(x, k.i32());
  Expr power = toFloat((bits >> 23) - 127, f64);
  Expr mantissa =
      toFloat(bitcast((bits & 0x7fffff) | 0x3f800000, k.f32()), f64);
  Expr large = mantissa > 1.4142135623730951;
  mantissa = select(large, mantissa * 0.5, mantissa);
  power = select(large, power + 1.0, power);
  // log(m) = 2 artanh(s), |s| < 0.172.
  Expr s = (mantissa - 1.0) / (mantissa + 1.0);
  Expr series = polynomial(s * s, {1.0, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9,
                                   1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17});
  return fma(s * series, s.like(2.8853900817779268), power);
}

// 2^x as f32 for a vector of f64 from -126 to 127.
static Expr exp2FromF64(KernelBuilder &k, Expr x) {
  Expr whole = roundEven(x);
  // Taylor series of e^t, |t| < 0.347: what is left out is below 1e-14.
  Expr power = polynomial((x - whole) * 0.69314718055994531,
                          {1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120,
                           1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
                           1.0 / 3628800, 1.0 / 39916800});
  Expr bits = (toInt(whole, k.i32()) + 127) << 23;
  return toFloat(power, k.f32()) * bitcast(bits, k.f32());
}

static LogicalResult buildFreqsNtk(KernelBuilder &k, const Attrs &attrs,
                                   Region *) {
  static constexpr float steps[Lanes::width] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                8, 9, 10, 11, 12, 13, 14, 15};
  Type f64 = k.b().getF64Type();
  Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
  Expr n = k.dim("N"), xStride = k.dim("x.stride");
  Expr yStride = k.dim("y.stride");
  double theta = std::log2(attrs.real("theta", 1.0));
  Expr count = toFloat(toFloat(n, k.f32()), f64);
  Expr power = count / (count - 1.0);
  k.items(k.rows(), [&](Expr row) {
    Expr base = log2InF64(k, k.load(x, row * xStride)) * power + theta;
    Expr slope = splat(-base / count, Lanes::width);
    k.lanes(n, [&](Lanes at) {
      Expr pair =
          splat(toFloat(at.first, k.f32()), Lanes::width) + k.constant(steps);
      Expr exponent = toFloat(pair, f64) * slope;
      exponent =
          max(min(exponent, exponent.like(127.0)), exponent.like(-126.0));
      k.store(exp2FromF64(k, exponent), y, row * yStride, at);
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
  table["freqs_ntk"] = {{{Attribute::Real, "theta", {}, true}},
                        ntkSignature,
                        nullptr,
                        buildFreqsNtk};
  table["rope_table"] = {
      {{Attribute::Real, "amplitude"}, {Attribute::Flag, "each"}},
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
