// `recurrence`: h[t] = cell(x[t], w h[t-1] + bias), row after row of a
// sequence.
//
//   x [rows][gates * N], w [gates * N][N] in panels, bias [gates * N],
//   y [rows][N], state [1][N], of an lstm [2][N]: h and c of the row before
//
// Item: a sequence, so a worker owns the state that it changes. For each row h
// is staged (rounded to bf16 for products of bf16), then every panel of w is
// multiplied block by block of N as in `linear`, and the cell makes h, which
// goes to y and to the state, of the sums of all gates.
#include "compiler/codegen/Target.h"
#include "compiler/kernels/Kinds.h"
#include "compiler/kernels/PanelProduct.h"

#include "llvm/Support/MathExtras.h"
#include <optional>

using namespace mlir;

namespace sluice::kernels {

static int64_t gatesOf(const Attrs &attrs) {
  StringRef cell = attrs.word("cell");
  return cell == "lstm" ? 4 : cell == "gru" ? 3 : 1;
}
static int64_t keptOf(const Attrs &attrs) {
  return attrs.word("cell") == "lstm" ? 2 : 1;
}

static void recurrenceSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N"), sums = gatesOf(attrs) * n;
  s.rows("x", sums).follows(Follows::Tokens);
  s.matrix("w", sums, n, {Layout::Panel}, attrs.elem("weight"));
  if (attrs.flag("bias"))
    s.vector("bias", sums);
  s.writes();
  s.rows("y", n).follows(Follows::Tokens);
  s.fixedState("state", keptOf(attrs) * n);
  s.flops(2 * sums * n);
}

static LogicalResult checkRecurrence(const Attrs &attrs, ErrorFn error) {
  if (attrs.elem("compute") == Elem::BF16 && attrs.elem("weight") != Elem::BF16)
    return error() << "recurrence computes in bf16 only with bf16 weights";
  return success();
}

// Sums of all gates, then h as the products read it.
static int64_t recurrenceScratch(const Attrs &attrs, DimFn dim) {
  int64_t n = dim("N");
  return 4 * (llvm::alignTo(gatesOf(attrs) * n, SLC_PANEL) +
              llvm::alignTo(n, Lanes::width));
}

namespace {

class Recurrence {
public:
  Recurrence(KernelBuilder &k, const Attrs &attrs)
      : k(k), cell(attrs.word("cell")), gates(gatesOf(attrs)),
        kept(keptOf(attrs)), rounds(attrs.elem("compute") == Elem::BF16),
        x(k.operand("x", k.f32())), y(k.operand("y", k.f32())),
        state(k.operand("state", k.f32())), n(k.dim("N")),
        xStride(k.dim("x.stride")), yStride(k.dim("y.stride")) {
    if (attrs.flag("bias"))
      bias = k.operand("bias", k.f32());
    panels = ceilDiv(n * gates, SLC_PANEL);
    sums = k.scratch(k.f32());
    useWeight(attrs.elem("weight"));
  }

  void build() {
    k.items(k.batchCount(SLC_BATCH_SEQUENCES), [&](Expr sequence) {
      KernelBuilder::SequenceRows s = k.sequence(sequence, n * kept);
      k.loop(s.from, s.to, 1, [&](Expr row) {
        stageState(s.state);
        k.loop(k.index(0), panels, 1, [&](Expr p) { sumPanel(p); });
        k.lanes(n, [&](Lanes at) { finish(row, s.state, at); });
      });
    });
  }

private:
  void useWeight(Elem weight) {
    Expr stageAt = panels * (SLC_PANEL * 4);
    bool dot = rounds && k.target().hasAvx512Bf16;
    product.arithmetic = isBlocks(weight)      ? PanelProduct::Blocks
                         : weight == Elem::F32 ? PanelProduct::F32
                         : dot                 ? PanelProduct::Dot
                                               : PanelProduct::Widen;
    product.oddFirst = rounds;
    stage = k.scratch(dot ? k.bf16() : k.f32(), stageAt);
    product.x = dot ? k.scratch(k.i32(), stageAt) : stage;
    if (product.arithmetic == PanelProduct::Blocks) {
      blocks.emplace(k, "w", weight, n);
      product.blocks = &*blocks;
      product.column = k.index(0);
      panelElements = blocks->panelBytes(n);
    } else {
      product.w = k.operand("w", weight == Elem::BF16 ? k.i32() : k.f32());
      panelElements = panelDepth(n, weight) * SLC_PANEL / product.kPerStep();
    }
  }

  // h as the products read it, zero up to a multiple of 16.
  void stageState(Expr h) {
    k.lanes(n, [&](Lanes at) {
      Expr v = k.load(state, h, at);
      // On targets without the dot, rounded values are kept as f32.
      if (rounds && product.arithmetic != PanelProduct::Dot)
        v = k.fromBf16(k.toBf16(v));
      k.storeFloat(v, stage, k.index(0), {at.first, {}});
    });
  }

  // sums[64 p ...] = h times panel p.
  void sumPanel(Expr p) {
    int64_t vectors = SLC_PANEL / Lanes::width, perStep = product.kPerStep();
    Expr length = select(n > SLC_K_BLOCK, k.index(SLC_K_BLOCK),
                         k.index(SLC_K_BLOCK_SHORT));
    Values zero(size_t(vectors), k.reals(0));
    Values totals = k.loop(
        k.index(0), n, length, zero, [&](Expr block, ArrayRef<Expr> before) {
          Expr end = ceilDiv(min(block + length, n), perStep);
          Values added =
              product.multiply(k, SLC_PANEL, zero, {k.index(0)},
                               p * panelElements, block / perStep, end);
          for (auto [sum, total] : llvm::zip(added, before))
            sum = total + sum;
          return added;
        });
    for (auto [i, total] : llvm::enumerate(totals))
      k.storeVector(total, sums, p * SLC_PANEL + int64_t(i) * Lanes::width);
  }

  void finish(Expr row, Expr h, Lanes at) {
    auto own = [&](int64_t gate) {
      return k.load(x, row * xStride + n * gate, at);
    };
    auto before = [&](int64_t gate) {
      Expr u = k.load(sums, n * gate, at);
      return bias ? u + k.load(bias, n * gate, at) : u;
    };
    auto gate = [&](int64_t i, StringRef fn) {
      return activation(fn, own(i) + before(i));
    };
    Expr next;
    if (cell == "lstm") {
      Expr c = h + n;
      Expr in = gate(0, "sigmoid") * gate(2, "tanh");
      Expr now = fma(gate(1, "sigmoid"), k.load(state, c, at), in);
      k.store(now, state, c, at);
      next = gate(3, "sigmoid") * tanh(now);
    } else if (cell == "gru") {
      Expr r = gate(0, "sigmoid"), z = gate(1, "sigmoid");
      Expr made = tanh(fma(r, before(2), own(2)));
      next = fma(z, k.load(state, h, at) - made, made);
    } else {
      next = gate(0, cell);
    }
    k.store(next, state, h, at);
    k.store(next, y, row * yStride, at);
  }

  KernelBuilder &k;
  StringRef cell;
  int64_t gates, kept;
  bool rounds;
  Value x, bias, y, state;
  Value sums, stage;
  Expr n, xStride, yStride, panels, panelElements;
  PanelProduct product;
  std::optional<BlockReader> blocks;
};

} // namespace

static LogicalResult buildRecurrence(KernelBuilder &k, const Attrs &attrs,
                                     Region *) {
  Recurrence(k, attrs).build();
  return success();
}

void addRecurrenceKinds(KindTable &table) {
  table["recurrence"] = {
      {{Attribute::Word, "cell", {"tanh", "relu", "lstm", "gru"}, true},
       {Attribute::Word, "weight", weightWords(), true},
       {Attribute::Word, "compute", {"f32", "bf16"}, true},
       {Attribute::Flag, "bias"}},
      recurrenceSignature,
      recurrenceScratch,
      buildRecurrence,
      checkRecurrence};
}

} // namespace sluice::kernels
