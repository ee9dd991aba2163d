// `linear_attention`: with M [K][V] the state of a head, for each token of a
// sequence in turn
//
//   c = sum over i of read[i] * M[i]                      if `corrected`
//   M'[i] = decay[i] * M[i] + write[i] * c + k[i] * v
//   y = sum over i of q[i] * M'[i]
//   y = sum over i of q[i] * (M[i] + bonus[i] * k[i] * v) instead with `bonus`
//
//   q, k, read, write [rows][heads * K], v, y [rows][heads * V], decay [rows]
//   [heads * W] or [heads * W], bonus [heads * W], W either K or 1, state
//   [heads][K][V]; all f32. Sums from i = 0 on by fma.
//
// Item: 16 columns of V of a head of a sequence.
//
// `decaying_mean`: for each channel, with the state a, b, p,
//
//   q = max(p, k + bonus), y = (e^(p-q) a + e^(k+bonus-q) v) /
//                              (e^(p-q) b + e^(k+bonus-q))
//   q = max(p + decay, k), a and b = e^(p+decay-q) of itself + e^(k-q) times v
//                          and 1, p = q
//
//   v, k, y [rows][N], decay, bonus [N], state [3][N]; all f32
//
// Item: 16 channels of a sequence. So a worker owns the state that it changes.
#include "compiler/kernels/Kinds.h"

using namespace mlir;

namespace sluice::kernels {

static void linearAttentionSignature(const Attrs &attrs, SignatureWriter &s) {
  Size heads = s.dim("heads"), keys = s.dim("K"), values = s.dim("V");
  for (const char *name : {"q", "k"})
    s.rows(name, heads * keys).follows(Follows::Tokens);
  s.rows("v", heads * values).follows(Follows::Tokens);
  if (attrs.flag("corrected"))
    for (const char *name : {"read", "write"})
      s.rows(name, heads * keys).follows(Follows::Tokens);
  if (attrs.word("decay") == "rows")
    s.rows("decay", heads * s.dim("decay.width")).follows(Follows::Tokens);
  else if (attrs.has("decay"))
    s.vector("decay", heads * s.dim("decay.width"));
  if (attrs.has("bonus"))
    s.vector("bonus", heads * s.dim("bonus.width"));
  s.writes();
  s.rows("y", heads * values).follows(Follows::Tokens);
  s.fixedState("state", heads * keys * values);
  s.flops((attrs.flag("corrected") ? 10 : 6) * heads * keys * values);
}

static void decayingMeanSignature(const Attrs &attrs, SignatureWriter &s) {
  Size n = s.dim("N");
  for (const char *name : {"v", "k"})
    s.rows(name, n).follows(Follows::Tokens);
  s.vector("decay", n);
  if (attrs.flag("bonus"))
    s.vector("bonus", n);
  s.writes();
  s.rows("y", n).follows(Follows::Tokens);
  s.fixedState("state", 3 * n);
  s.flops(12 * n);
}

namespace {

class LinearAttention {
public:
  LinearAttention(KernelBuilder &k, const Attrs &attrs)
      : k(k), corrected(attrs.flag("corrected")), heads(k.dim("heads")),
        keys(k.dim("K")), values(k.dim("V")), q(rows("q")), key(rows("k")),
        v(rows("v")), y(rows("y")), state(k.operand("state", k.f32())) {
    if (corrected) {
      read = rows("read");
      write = rows("write");
    }
    if (attrs.has("decay"))
      decay = factor("decay", attrs.word("decay") == "rows");
    if (attrs.has("bonus"))
      bonus = factor("bonus", false);
  }

  void build() {
    Expr tiles = ceilDiv(values, Lanes::width);
    Expr all = k.batchCount(SLC_BATCH_SEQUENCES) * heads * tiles;
    k.items(all, [&](Expr item) {
      Expr head = item / tiles % heads;
      Expr first = item % tiles * Lanes::width;
      KernelBuilder::SequenceRows s =
          k.sequence(item / tiles / heads, heads * keys * values);
      Expr matrix = s.state + head * keys * values + first;
      k.lanes(min(values - first, k.index(Lanes::width)), [&](Lanes at) {
        Lanes here{k.index(0), at.mask};
        k.loop(s.from, s.to, 1, [&](Expr row) {
          token(row, head, head * values + first, matrix, here);
        });
      });
    });
  }

private:
  // An operand with rows, or without when the stride is null.
  struct Operand {
    Value memory;
    Expr stride;
    Expr width = {}; // of a factor: elements of a head
  };

  Operand rows(StringRef name) {
    return {k.operand(name, k.f32()), k.dim(name.str() + ".stride")};
  }
  Operand factor(StringRef name, bool hasRows) {
    Operand operand{k.operand(name, k.f32()), {}, k.dim(name.str() + ".width")};
    if (hasRows)
      operand.stride = k.dim(name.str() + ".stride");
    return operand;
  }

  // Of key i of a head, in all lanes.
  Expr keyOf(const Operand &operand, Expr row, Expr head, Expr i) {
    return splat(k.load(operand.memory, row * operand.stride + head * keys + i),
                 Lanes::width);
  }
  // The same of a factor, which is one for all keys if its width is 1.
  Expr factorOf(const Operand &operand, Expr row, Expr head, Expr i) {
    Expr at = head * operand.width + min(i, operand.width - 1);
    if (operand.stride)
      at = row * operand.stride + at;
    return splat(k.load(operand.memory, at), Lanes::width);
  }

  void token(Expr row, Expr head, Expr column, Expr matrix, Lanes here) {
    Expr value = k.load(v.memory, row * v.stride + column, here);
    Expr correction;
    if (corrected)
      correction = k.loop(
          k.index(0), keys, 1, {k.reals(0)}, [&](Expr i, ArrayRef<Expr> sum) {
            Expr old = k.load(state, matrix + i * values, here);
            return Values{fma(keyOf(read, row, head, i), old, sum[0])};
          })[0];
    Values sum = k.loop(
        k.index(0), keys, 1, {k.reals(0)}, [&](Expr i, ArrayRef<Expr> sum) {
          Expr at = matrix + i * values;
          Expr old = k.load(state, at, here);
          Expr product = keyOf(key, row, head, i) * value;
          Expr query = keyOf(q, row, head, i), next = old;
          if (decay.memory)
            next = factorOf(decay, row, head, i) * old;
          if (corrected)
            next = fma(keyOf(write, row, head, i), correction, next);
          next = next + product;
          k.store(next, state, at, here);
          if (bonus.memory)
            next = fma(factorOf(bonus, row, head, i), product, old);
          return Values{fma(query, next, sum[0])};
        });
    k.store(sum[0], y.memory, row * y.stride + column, here);
  }

  KernelBuilder &k;
  bool corrected;
  Expr heads, keys, values;
  Operand q, key, v, y;
  Value state;
  Operand read, write, decay, bonus;
};

// e^x for x <= 0, and 0 where it is too small to count: a sequence begins with
// numbers that weigh nothing at all.
Expr weightOf(Expr x) {
  Expr least = x.like(-87);
  return select(x < least, x.like(0), exp(max(x, least)));
}

class DecayingMean {
public:
  DecayingMean(KernelBuilder &k, const Attrs &attrs)
      : k(k), n(k.dim("N")), v(k.operand("v", k.f32())),
        key(k.operand("k", k.f32())), y(k.operand("y", k.f32())),
        state(k.operand("state", k.f32())),
        decayIn(k.operand("decay", k.f32())), vStride(k.dim("v.stride")),
        keyStride(k.dim("k.stride")), yStride(k.dim("y.stride")) {
    if (attrs.flag("bonus"))
      bonusIn = k.operand("bonus", k.f32());
  }

  void build() {
    Expr tiles = ceilDiv(n, Lanes::width);
    k.items(k.batchCount(SLC_BATCH_SEQUENCES) * tiles, [&](Expr item) {
      Expr first = item % tiles * Lanes::width;
      KernelBuilder::SequenceRows s = k.sequence(item / tiles, 3 * n);
      k.lanes(min(n - first, k.index(Lanes::width)),
              [&](Lanes at) { walk(s, first, {k.index(0), at.mask}); });
    });
  }

private:
  void walk(const KernelBuilder::SequenceRows &s, Expr first, Lanes here) {
    Expr decay = k.load(decayIn, first, here);
    Expr bonus;
    if (bonusIn)
      bonus = k.load(bonusIn, first, here);
    Values sums;
    for (int64_t i = 0; i < 3; ++i)
      sums.push_back(k.load(state, s.state + n * i + first, here));
    sums = k.loop(s.from, s.to, 1, sums, [&](Expr row, ArrayRef<Expr> old) {
      Expr score = k.load(key, row * keyStride + first, here);
      Expr value = k.load(v, row * vStride + first, here);
      Values now = added(old, bonus ? score + bonus : score, value);
      k.store(now[0] / now[1], y, row * yStride + first, here);
      return added({old[0], old[1], old[2] + decay}, score, value);
    });
    for (int64_t i = 0; i < 3; ++i)
      k.store(sums[i], state, s.state + n * i + first, here);
  }

  // The sums with one more value, relative to the larger exponent.
  Values added(ArrayRef<Expr> sums, Expr score, Expr value) {
    Expr largest = max(sums[2], score);
    Expr older = weightOf(sums[2] - largest), own = weightOf(score - largest);
    return {fma(own, value, older * sums[0]), fma(older, sums[1], own),
            largest};
  }

  KernelBuilder &k;
  Expr n;
  Value v, key, y, state, decayIn, bonusIn;
  Expr vStride, keyStride, yStride;
};

} // namespace

static LogicalResult buildLinearAttention(KernelBuilder &k, const Attrs &attrs,
                                          Region *) {
  LinearAttention(k, attrs).build();
  return success();
}

static LogicalResult buildDecayingMean(KernelBuilder &k, const Attrs &attrs,
                                       Region *) {
  DecayingMean(k, attrs).build();
  return success();
}

void addLinearAttentionKinds(KindTable &table) {
  table["linear_attention"] = {{{Attribute::Word, "decay", {"rows", "vector"}},
                                {Attribute::Word, "bonus", {"vector"}},
                                {Attribute::Flag, "corrected"}},
                               linearAttentionSignature,
                               nullptr,
                               buildLinearAttention};
  table["decaying_mean"] = {{{Attribute::Flag, "bonus"}},
                            decayingMeanSignature,
                            nullptr,
                            buildDecayingMean};
}

} // namespace sluice::kernels
