// Rotary positions, caches, attention and score biases.
#ifndef SLUICE_LLM_ATTENTION_OPS_TD
#define SLUICE_LLM_ATTENTION_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_RopeFreqsOp : LLM_PureOp<"rope_freqs"> {
  let summary = "f[i] = theta^(-2i/dims), i < dims/2";
  let description = [{
    `dims` is even and at most 65536; f is in radians per position (arXiv 2104.09864).

    ```mlir
    %f = llm.rope_freqs 64 theta 10000.0 : tensor<32xf32>
    ```
  }];
  let words = [LLM_Word<"rope_freqs">];
  let primary = ["dims"];
  let arguments = (ins LLM_Int:$dims, LLM_Float:$theta);
  let results = (outs LLM_Vector:$result);
  let assemblyFormat = "$dims `theta` $theta attr-dict `:` type($result)";
}

def LLM_FreqsLlama3Op : LLM_Op<"freqs_llama3", [Pure, AllTypesMatch<["freqs", "result"]>]> {
  let summary = "low frequencies divided by `factor`, high ones kept, a ramp between";
  let description = [{
    With wavelength L = 2*pi/f: f if L < original/high; f/factor if L > original/low; else
    (1-s)*f/factor + s*f with s = (original/L - low) / (high - low).
    L and `original` count positions. As the code of Llama 3.1 has it.

    ```mlir
    %g = llm.freqs_llama3 %f {factor = 8.0 : f32, high = 4.0 : f32, low = 1.0 : f32, original = 8192 : i64} : tensor<32xf32>
    ```
  }];
  let words = [LLM_Word<"freqs_llama3">];
  let primary = ["freqs"];
  let arguments = (ins LLM_Vector:$freqs, LLM_Float:$factor, LLM_Float:$low, LLM_Float:$high, LLM_Int:$original);
  let results = (outs LLM_Vector:$result);
  let assemblyFormat = "$freqs attr-dict `:` type($freqs)";
}

def LLM_FreqsYarnOp : LLM_Op<"freqs_yarn", [Pure, AllTypesMatch<["freqs", "result"]>]> {
  let summary = "YaRN: frequencies interpolated below `slow` turns in `original` positions, kept above `fast`";
  let description = [{
    With d = 2*len(freqs) and c(t) = d * log(original / (2*pi*t)) / (2*log(theta)): lo = c(fast), hi = c(slow), rounded
    down and up if `truncate`, lo at least 0, hi at most d-1; ramp(i) = clamp((i-lo)/(hi-lo), 0, 1);
    f/factor*ramp + f*(1-ramp).
    Source: arXiv 2309.00071; `original` counts positions, t turns within them.

    ```mlir
    %g = llm.freqs_yarn %f {factor = 4.0 : f32, fast = 32.0 : f32, original = 4096 : i64, slow = 1.0 : f32, theta = 10000.0 : f32, truncate = true} : tensor<32xf32>
    ```
  }];
  let words = [LLM_Word<"freqs_yarn">];
  let primary = ["freqs"];
  let arguments = (ins LLM_Vector:$freqs, LLM_Float:$factor, LLM_Float:$theta, LLM_Int:$original, LLM_Float:$fast,
      LLM_Float:$slow, BoolAttr:$truncate);
  let results = (outs LLM_Vector:$result);
  let assemblyFormat = "$freqs attr-dict `:` type($freqs)";
}

def LLM_FreqsNtkOp : LLM_PureOp<"freqs_ntk"> {
  let summary = "the frequencies of each row for a base that grows with the row's x: theta * x^(dims/(dims-2))";
  let description = [{
    x [rows, 1] is above zero, dims even and from 4 to 65536: f[r, i] = (theta * x[r]^(dims/(dims-2)))^(-2i/dims), computed
    in f64 and rounded once. So the lowest frequency is divided by x and the highest kept (NTK-aware scaling).

    ```mlir
    %f = llm.freqs_ntk %x dims 64 theta 10000.0 : (tensor<?x1xf32>) -> tensor<?x32xf32>
    ```
  }];
  let words = [LLM_Word<"freqs_ntk">];
  let arguments = (ins LLM_Rows2:$x, LLM_Int:$dims, LLM_Float:$theta);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = "$x `dims` $dims `theta` $theta attr-dict `:` functional-type(operands, results)";
}

def LLM_RopeOp : LLM_SameTypeOp<"rope"> {
  let summary = "rotates pairs of channels of each head by position * frequency";
  let description = [{
    x [rows, n, d], pos [rows], freqs [r/2] or, of each row, [rows, r/2]: the r channels starting at `from` are rotated, pair i by the angle
    f32(pos) * freqs[i]: (a, b) -> (a*cos - b*sin, b*cos + a*sin), cos and sin multiplied by `amplitude`.

    ```mlir
    %r = llm.rope half %q, %pos, %f : (tensor<?x32x64xf32>, tensor<?xi32>, tensor<32xf32>) -> tensor<?x32x64xf32>
    ```
  }];
  let words = [LLM_Word<"rope">];
  let arguments = (ins LLM_Heads:$x, LLM_Ids:$pos, LLM_Freqs:$freqs, LLM_PairingAttr:$pairing,
      DefaultValuedAttr<LLM_Int, "0">:$from, DefaultValuedAttr<LLM_Float, "1.0f">:$amplitude);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = [{
    $pairing $x `,` $pos `,` $freqs (`from` $from^)? (`amplitude` $amplitude^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LLM_RopeTableOp : LLM_PureOp<"rope_table"> {
  let summary = "cos and sin of position * frequency, times `amplitude`: [rows, 2, r/2], cos first";
  let words = [LLM_Word<"rope_table">];
  let primary = ["pos"];
  let description = [{
    pos [rows], freqs [r/2] or, of each row, [rows, r/2]. Made once where several ops rotate by the same angles.

    ```mlir
    %t = llm.rope_table %pos, %f : (tensor<?xi32>, tensor<32xf32>) -> tensor<?x2x32xf32>
    ```
  }];
  let arguments = (ins LLM_Ids:$pos, LLM_Freqs:$freqs, DefaultValuedAttr<LLM_Float, "1.0f">:$amplitude);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = "$pos `,` $freqs (`amplitude` $amplitude^)? attr-dict `:` functional-type(operands, results)";
}

def LLM_RotateOp : LLM_SameTypeOp<"rotate"> {
  let summary = "`rope` with the angles taken from a `rope_table`, or whatever has made cosines and sines [rows, 2, r/2]";
  let words = [LLM_Word<"rotate">];
  let description = [{
    x [rows, n, d], table [rows, 2, r/2]; gives the same bits as `rope`.

    ```mlir
    %r = llm.rotate half %q by %t : (tensor<?x32x64xf32>, tensor<?x2x32xf32>) -> tensor<?x32x64xf32>
    ```
  }];
  let arguments = (ins LLM_Heads:$x, LLM_Heads:$table, LLM_PairingAttr:$pairing, DefaultValuedAttr<LLM_Int, "0">:$from);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = "$pairing $x `by` $table (`from` $from^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def LLM_AppendOp : LLM_Op<"append", !listconcat([AttrSizedOperandSegments], LLM_WritesState.traits)> {
  let summary = "writes this step's rows to a cache and returns its handle";
  let description = [{
    One value per field of the state, in the order of its fields. A state is written at most once per layer and pass.

    ```mlir
    llm.state @layers.kv cache {k = [8, 128], v = [8, 128]} layers [0, 1]
    %c = llm.append @layers.kv[%l] (%k, %v) for %b : tensor<?x8x128xf32>, tensor<?x8x128xf32>
    ```
  }];
  let words = [LLM_Word<"append">];
  let primary = ["state"];
  let takesFields = 1;
  let arguments = (ins FlatSymbolRefAttr:$state, Variadic<LLM_Rows>:$fields, Optional<Index>:$layer, LLM_BatchType:$batch);
  let results = (outs LLM_CacheType:$result);
  let assemblyFormat = "$state (`[` $layer^ `]`)? `(` $fields `)` `for` $batch attr-dict `:` type($fields)";
  let extraClassDeclaration = LLM_WritesState.declaration;
}

def LLM_CachedOp : LLM_Op<"cached", LLM_ReadsState.traits> {
  let summary = "the handle of a cache that another entry has written";
  let description = [{
    Another entry, or an `append` in front of it in the same one.

    ```mlir
    llm.state @layers.cross cache {k = [8, 64], v = [8, 64]} layers [0, 1] once
    %c = llm.cached @layers.cross[%l]
    ```
  }];
  let words = [LLM_Word<"cached">];
  let primary = ["state"];
  let arguments = (ins FlatSymbolRefAttr:$state, Optional<Index>:$layer);
  let results = (outs LLM_CacheType:$result);
  let assemblyFormat = "$state (`[` $layer^ `]`)? attr-dict";
  let extraClassDeclaration = LLM_ReadsState.declaration;
}

def LLM_AttentionOp : LLM_PureOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "softmax(q k^T * scale + bias, masked) v, per head";
  let description = [{
    q [rows, n, d]. Keys and values come from a cache (`kv`) or, without one, from this step's rows k [rows, g, d] and
    v [rows, g, dv]; n is a multiple of g and query head h reads head h / (n/g). With `values` dv there is no v: the
    values are the first dv channels of the keys, which a cache of keys alone stores once. Order: scale, bias, cap
    (cap * tanh(s/cap)), mask, sink (one more score per head, `sinks` [n], whose value is zero), softmax.
    Result [rows, n, dv].

    ```mlir
    %a = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 0.125 : (tensor<?x32x64xf32>, !llm.cache, !llm.batch) -> tensor<?x32x64xf32>
    %l = llm.attention %h in %z values 512 for %b mask [#llm.mask<causal>] scale 0.125 : (tensor<?x16x576xf32>, !llm.cache, !llm.batch) -> tensor<?x16x512xf32>
    %e = llm.attention %q over %k, %v for %b mask [#llm.mask<all>] scale 0.125 : (tensor<?x32x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>, !llm.batch) -> tensor<?x32x64xf32>
    ```
  }];
  let words = [LLM_Word<"attention">];
  let primary = ["q"];
  let arguments = (ins LLM_Heads:$q, Optional<LLM_CacheType>:$kv, Optional<LLM_Heads>:$k, Optional<LLM_Heads>:$v,
      LLM_BatchType:$batch, Variadic<LLM_MaskValues>:$mask_values, Optional<LLM_Weight>:$sinks,
      Optional<LLM_BiasType>:$bias, LLM_Float:$scale, LLM_MaskArray:$mask, OptionalAttr<LLM_Float>:$cap,
      OptionalAttr<LLM_Int>:$values);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = [{
    $q (`in` $kv^)? (`over` $k^ (`,` $v^)?)? (`values` $values^)? `for` $batch `mask` $mask (`(` $mask_values^ `)`)? `scale` $scale
    (`cap` $cap^)? (`sinks` $sinks^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LLM_AlibiOp : LLM_PureOp<"alibi"> {
  let summary = "bias(h, i, j) = times * slope[h] * (j - i)";
  let description = [{
    Slopes of `heads` heads, as many as queries have, are given or 2^(-m(h+1)/p) for the first p heads, with p the
    largest power of two not above `heads` and m the `maximum` (8 unless given); the others take every second slope of
    the sequence for 2p. `two_sided`: -|j - i| for j - i. `rounded`: the slope is rounded to that type, and so is its
    product with the distance, or without `two_sided` with j (which is the same up to a constant per row, but for the
    rounding); `times` comes after that.
    Source: arXiv 2108.12409.

    ```mlir
    %b = llm.alibi 12 times 1.250000e-01 rounded bf16
    ```
  }];
  let words = [LLM_Word<"alibi">];
  let primary = ["heads"];
  let arguments = (ins LLM_Int:$heads, DefaultValuedAttr<LLM_Float, "1.0f">:$times, OptionalAttr<LLM_Float>:$maximum,
      OptionalAttr<DenseF32ArrayAttr>:$slopes, DefaultValuedAttr<BoolAttr, "false">:$two_sided,
      OptionalAttr<LLM_RoundToAttr>:$rounded);
  let results = (outs LLM_BiasType:$result);
  let assemblyFormat = [{
    $heads (`times` $times^)? (`maximum` $maximum^)? (`slopes` $slopes^)? (`two_sided` $two_sided^)?
    (`rounded` $rounded^)? attr-dict
  }];
}

def LLM_BucketBiasOp : LLM_PureOp<"bucket_bias"> {
  let summary = "bias(h, i, j) = w[bucket(j - i), h]: w [buckets, heads]";
  let description = [{
    With m = buckets (halved if `both_ways`, the upper half for keys after the query): distances below m/2 have a
    bucket each, larger ones share buckets on a logarithmic scale up to `max_distance`, which lies beyond them. Without
    `both_ways` keys after the query use bucket 0. m is at least 2.
    Source: arXiv 1910.10683.

    ```mlir
    %s = llm.bucket_bias %w max_distance 128 both_ways true : tensor<32x8xf32>
    ```
  }];
  let words = [LLM_Word<"bucket_bias">];
  let primary = ["w"];
  let arguments = (ins LLM_Weight2:$w, LLM_Int:$max_distance, BoolAttr:$both_ways);
  let results = (outs LLM_BiasType:$result);
  let hasVerifier = 1;
  let assemblyFormat = "$w `max_distance` $max_distance `both_ways` $both_ways attr-dict `:` type($w)";
}

def LLM_DistanceBiasOp : LLM_PureOp<"distance_bias"> {
  let summary = "bias(h, i, j) = x[i, h, min(max(i - j, 0), D - 1)]: x [rows, heads, D], of the query's row";
  let description = [{
    What each query makes of how far back a key is, in the two-term scores of Transformer-XL: a product of the query
    with a vector for each distance. Distances from D - 1 on share the last entry. One row for each token of the step,
    and one head for each of the queries.
    Source: arXiv 1901.02860.

    ```mlir
    %s = llm.distance_bias %x : (tensor<?x16x1001xf32>) -> !llm.bias<16>
    ```
  }];
  let words = [LLM_Word<"distance_bias">];
  let arguments = (ins LLM_Heads:$x);
  let results = (outs LLM_BiasType:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

#endif
