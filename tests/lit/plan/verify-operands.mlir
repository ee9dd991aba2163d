// What a kernel's signature asks of each operand.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics --verify-plan

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{'N' is 0, it must be at least 1}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 0, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.state @kv transient {k = [3, 16], v = [3, 16]} f32 bytes 49152
plan.kernel @k "attend" {head_dim = 16 : i64, value_dim = 16 : i64} (q, cache) -> (y) dims (heads, kv_heads, q.stride, y.stride)
plan.program @p for @e tokens 1 {
  %q = input "q" f32[64]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{heads = 4 is no multiple of kv_heads = 3}}
  dispatch @k(q = %q, cache = @kv[0]) -> (y = %y) dims {heads = 4, kv_heads = 3, q.stride = 64, y.stride = 64} rows tokens scratch 1048576
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" bf16[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{'x' is of bf16, the kernel takes f32}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.state @s fixed {value = [16]} f32 bytes 64
plan.program @p for @e tokens 1 {
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{'x' is the state 's', the kernel takes rows}}
  dispatch @k(x = @s[0]) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

// A weight is the same for all rows, 0 elements apart.
plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.weight @w f32 rows [16] of ["w"]
plan.program @p for @e tokens 1 {
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{'x' is the weight 'w', which has no rows of its own}}
  dispatch @k(x = @w[0]) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "group" {} (idx) -> (offsets, pairs, position) dims (experts, top_k, idx.stride)
plan.program @p for @e tokens 1 {
  %i = input "i" i32[1]
  %o = buffer "o" one i32[6]
  %p = buffer "p" tokens i32[1]
  // expected-error @below {{'offsets' has 6 columns, the step is for 5}}
  dispatch @k(idx = %i) -> (offsets = %o, pairs = %p, position = %p) dims {experts = 4, idx.stride = 1, top_k = 1} rows tokens scratch 16
}

// -----

plan.kernel @k "pool_rows" {by = "mean"} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" sequences f32[16]
  %z = buffer "z" sequences f32[16]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows sequences
  // expected-error @below {{'x' does not have a row for each token}}
  dispatch @k(x = %y) -> (y = %z) dims {N = 16, x.stride = 16, y.stride = 16} rows sequences
}

// -----

plan.kernel @k "pool_rows" {by = "mean"} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{'y' has other rows than the step: Tokens * 1}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows sequences
}

// -----

plan.kernel @k "norm" {eps = 1.0e-5 : f32, kind = "rms", weight} (x, w) -> (y) dims (N, heads, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{which is not one vector}}
  dispatch @k(x = %x, w = %x) -> (y = %y) dims {N = 16, heads = 1, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "linear" {compute = "f32", weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{which is not a weight}}
  dispatch @k(x = %x, w = %x) -> (y = %y) dims {K = 16, N = 16, x.stride = 16, y.stride = 16} rows tokens scratch 1048576
}

// -----

plan.kernel @k "linear" {compute = "f32", weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.weight @w f32 panel [16, 8] of ["w"]
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{'w' is 'w', which is [16, 8], the step's dims ask for [1, 16, 16]}}
  dispatch @k(x = %x, w = @w[0]) -> (y = %y) dims {K = 16, N = 16, x.stride = 16, y.stride = 16} rows tokens scratch 1048576
}

// -----

plan.kernel @k "embedding" {layout = "rows", weight = "f32"} (ids, w) -> (y) dims (N, V, ids.stride, y.stride)
plan.weight @w f32 rows [144] of ["w"]
plan.program @p for @e tokens 1 {
  %i = input "i" i32[1]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{'w' is 'w', which is not a matrix}}
  dispatch @k(ids = %i, w = @w[0]) -> (y = %y) dims {N = 16, V = 9, ids.stride = 1, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "append" {} (k, v) -> (cache) dims (heads, head_dim, value_dim, k.stride, v.stride)
plan.state @s fixed {value = [16]} f32 bytes 64
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  // expected-error @below {{'cache' is 's', which is not a cache}}
  dispatch @k(k = %x, v = %x) -> (cache = @s[0]) dims {head_dim = 16, heads = 1, k.stride = 16, v.stride = 16, value_dim = 16} rows tokens
}

// -----

plan.kernel @k "causal_conv" {} (x, w) -> (y, state) dims (N, width, x.stride, y.stride)
plan.weight @w f32 rows [16, 4] of ["w"]
plan.state @s cache {k = [1, 16], v = [1, 16]} f32 bytes 16384
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{'state' is 's', which is not a fixed state}}
  dispatch @k(x = %x, w = @w[0]) -> (y = %y, state = @s[0]) dims {N = 16, width = 4, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "causal_conv" {} (x, w) -> (y, state) dims (N, width, x.stride, y.stride)
plan.weight @w f32 rows [16, 4] of ["w"]
plan.state @s fixed {value = [4, 16]} f32 bytes 256
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{'state' is 's', which has 64 elements a slot, the step's dims ask for 48}}
  dispatch @k(x = %x, w = @w[0]) -> (y = %y, state = @s[0]) dims {N = 16, width = 4, x.stride = 16, y.stride = 16} rows tokens
}
