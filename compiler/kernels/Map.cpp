// `map`: one elementwise function over some inputs.
//
//   y[r][o][i] = body(x0[r][o][i], x1[r][o][i], ...),  o < outer, i < inner
//
// Element (r, o, i) of xI lies at r * xI.stride + o * xI.outer + i, without i
// when splat[I] is '1'. A zero stride repeats an input over the rows, a zero
// outer over the outer steps. The body is a region of scalar arith and math on
// f32; it is run on 16 lanes at a time. y may be an input of its own shape.
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/RowMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace sluice::kernels {

static constexpr int64_t maxInputs = 16;

static std::string inputName(int64_t i) { return "x" + std::to_string(i); }

static bool isSplat(const Attrs &attrs, int64_t i) {
  StringRef splats = attrs.word("splat", "");
  return !splats.empty() && splats[i] == '1';
}

static void mapSignature(const Attrs &attrs, SignatureWriter &s) {
  Size outer = s.dim("outer"), inner = s.dim("inner");
  auto runs = [&](const std::string &name, const Size &run) {
    Size apart = s.dim(name + ".outer", 0);
    return s.rows(name, (outer - 1) * apart + run).apart(apart);
  };
  for (int64_t i = 0; i < attrs.integer("inputs"); ++i)
    if (isSplat(attrs, i))
      runs(inputName(i), 1);
    else
      runs(inputName(i), inner).inPlace();
  s.writes();
  runs("y", inner);
}

static LogicalResult checkMap(const Attrs &attrs, ErrorFn error) {
  int64_t inputs = attrs.integer("inputs");
  if (inputs < 1 || inputs > maxInputs)
    return error() << "map takes 1 to " << maxInputs << " inputs, found "
                   << inputs;
  StringRef splat = attrs.word("splat", "");
  if (attrs.has("splat") && (int64_t(splat.size()) != inputs ||
                             splat.find_first_not_of("01") != StringRef::npos))
    return error() << "map attribute 'splat' is a 0 or 1 for each of " << inputs
                   << " inputs, found '" << splat << "'";
  return success();
}

// Clones the scalar operations of `body` on vectors; returns what its
// terminator yields.
static FailureOr<Expr> vectorise(KernelBuilder &k, Block &body,
                                 ArrayRef<Expr> arguments) {
  IRMapping mapping;
  for (auto [from, to] : llvm::zip_equal(body.getArguments(), arguments))
    mapping.map(from, static_cast<Value>(to));
  for (Operation &op : body.without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto splat = DenseElementsAttr::get(k.vec(constant.getType()),
                                          constant.getValue());
      mapping.map(constant.getResult(),
                  arith::ConstantOp::create(k.b(), splat).getResult());
      continue;
    }
    if (!OpTrait::hasElementwiseMappableTraits(&op))
      return op.emitError("is not an elementwise operation of scalars");
    Operation *clone = k.b().clone(op, mapping);
    for (Value result : clone->getResults())
      result.setType(k.vec(result.getType()));
  }
  return k.expr(mapping.lookup(body.getTerminator()->getOperand(0)));
}

static LogicalResult buildMap(KernelBuilder &k, const Attrs &attrs,
                              Region *body) {
  int64_t inputs = attrs.integer("inputs");
  if (!body || body->getNumArguments() != size_t(inputs) ||
      body->front().getTerminator()->getNumOperands() != 1)
    return emitError(k.b().getLoc())
           << "map needs a body from " << inputs << " values to one";
  struct Input {
    Value memref;
    Expr stride, outer;
    bool splat;
  };
  SmallVector<Input> sources;
  for (int64_t i = 0; i < inputs; ++i) {
    std::string name = inputName(i);
    sources.push_back({k.operand(name, k.f32()), k.dim(name + ".stride"),
                       k.dim(name + ".outer"), isSplat(attrs, i)});
  }
  Value y = k.operand("y", k.f32());
  Expr outer = k.dim("outer"), inner = k.dim("inner");
  Expr yStride = k.dim("y.stride"), yOuter = k.dim("y.outer");

  LogicalResult status = success();
  tiles(k, k.rows() * outer, inner, [&](Expr item, Expr first, Expr width) {
    Expr row = item / outer, step = item % outer;
    SmallVector<Expr> bases, repeated;
    for (const Input &input : sources) {
      Expr base = row * input.stride + step * input.outer;
      bases.push_back(input.splat ? base : base + first);
      repeated.push_back(input.splat
                             ? splat(k.load(input.memref, base), Lanes::width)
                             : Expr());
    }
    k.lanes(width, [&](Lanes at) {
      SmallVector<Expr> values;
      for (auto [i, input] : llvm::enumerate(sources))
        values.push_back(input.splat ? repeated[i]
                                     : k.load(input.memref, bases[i], at));
      FailureOr<Expr> result = vectorise(k, body->front(), values);
      if (failed(result))
        status = failure();
      else
        k.store(*result, y, row * yStride + step * yOuter + first, at);
    });
  });
  return status;
}

void addMapKinds(KindTable &table) {
  table["map"] = {
      {{Attribute::Integer, "inputs", {}, true}, {Attribute::Word, "splat"}},
      mapSignature,
      nullptr,
      buildMap,
      checkMap};
}

} // namespace sluice::kernels
