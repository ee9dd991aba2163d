// RUN: sluice-opt %s --split-input-file --verify-diagnostics --verify-plan

// expected-error @below {{asks for the impossible: no kernel kind 'nrm'}}
plan.kernel @k "nrm" {} (x) -> (y) dims (N)

// -----

// expected-error @below {{has the inputs (y0), its kind has (x)}}
plan.kernel @k "convert" {} (y0) -> (y) dims (N, x.stride, y.stride)

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{passes (a, y), the kernel takes (x, y)}}
  dispatch @k(a = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = buffer "x" tokens f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{reads 'x', which nothing has written}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[20]
  // expected-error @below {{'y' has rows 32 elements apart, its stride is 20}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 20} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{leaves out the dim 'N'}}
  dispatch @k(x = %x) -> (y = %y) dims {x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{'x' has rows of 16 elements, the step's dims ask for 40}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 40, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.weight @w f32 panel [16, 16] of ["w"] layers [0, 2]
plan.kernel @k "linear" {compute = "f32", weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{takes 'w' from layer 1 of @w, which does not exist}}
  dispatch @k(x = %x, w = @w[1]) -> (y = %y) dims {K = 16, N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.weight @w f32 panel [16, 16] of ["w"]
plan.kernel @k "linear" {act = "silu", compute = "f32", weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{is for a plain product, its kernel has 'act'}}
  matmul @k(x = %x, w = @w[0]) -> (y = %y) dims {K = 16, N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  // expected-note @below {{'y'}}
  %y = buffer "y" tokens bf16[16] at [0, 0, 0]
  // expected-error @below {{shares memory with a buffer that is in use}}
  %z = buffer "z" tokens bf16[16] at [64, 0, 0]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  dispatch @k(x = %x) -> (y = %z) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-note @below {{by this step}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens nowait
  // expected-error @below {{needs a barrier before it: 'y' is in use}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
// expected-error @below {{has other outputs than its entry: () instead of (rows)}}
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
}

// -----

plan.kernel @k "rotate" {from = 0 : i64, pairing = "half"} (x, table) -> (y) dims (heads, head_dim, rotary, x.stride, table.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[64]
  %t = input "t" f32[32]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{'x' has rows of 64 elements, the step's dims ask for 80}}
  dispatch @k(x = %x, table = %t) -> (y = %y) dims {heads = 5, head_dim = 16, rotary = 8, x.stride = 64, table.stride = 32, y.stride = 64} rows tokens
}

// -----

plan.kernel @k "rotate" {from = 0 : i64, pairing = "half"} (x, table) -> (y) dims (heads, head_dim, rotary, x.stride, table.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[64]
  %t = input "t" f32[32]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{2 * rotary = 18 is more than head_dim = 16}}
  dispatch @k(x = %x, table = %t) -> (y = %y) dims {heads = 4, head_dim = 16, rotary = 9, x.stride = 64, table.stride = 32, y.stride = 64} rows tokens
}

// -----

plan.state @kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768
plan.kernel @k "attend" {head_dim = 32 : i64, mask = ["causal"], scale = 0.25 : f32, value_dim = 16 : i64} (q, cache) -> (y) dims (heads, kv_heads, q.stride, y.stride)
plan.program @p for @e tokens 1 {
  %q = input "q" f32[128]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{'cache' is 'kv', whose 'k' are [2, 16], the step's [2, 32]}}
  dispatch @k(q = %q, cache = @kv) -> (y = %y) dims {heads = 4, kv_heads = 2, q.stride = 128, y.stride = 64} rows tokens scratch 1048576
}

// -----

plan.state @kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768
plan.kernel @k "attend" {head_dim = 16 : i64, mask = ["causal"], scale = 0.25 : f32, value_dim = 16 : i64} (q, cache) -> (y) dims (heads, kv_heads, q.stride, y.stride)
plan.program @p for @e tokens 1 {
  %q = input "q" f32[64]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{has 64 bytes of scratch, its kernel needs}}
  dispatch @k(q = %q, cache = @kv) -> (y = %y) dims {heads = 4, kv_heads = 2, q.stride = 64, y.stride = 64} rows tokens scratch 64
}

// -----

plan.kernel @k "top_k" {} (x) -> (idx) dims (experts, top_k, heads, x.stride, idx.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %i = buffer "i" tokens i32[3]
  // expected-error @below {{'idx' has 3 columns, the step is for 4}}
  dispatch @k(x = %x) -> (idx = %i) dims {experts = 16, heads = 1, idx.stride = 16, top_k = 4, x.stride = 16} rows tokens scratch 1024
}

// -----

plan.weight @w f32 rows [4] of ["w"] body(%a: f32) {
  // expected-error @below {{'math.powf' cannot be computed without rows}}
  %0 = math.powf %a, %a : f32
  plan.yield %0 : f32
}

// -----

// expected-error @below {{has a body of 1 arguments, expected an f32 for each of its 2 parts and tables}}
plan.weight @w f32 rows [4] of ["a", "b"] body(%a: f32) {
  plan.yield %a : f32
}

// -----

// expected-error @below {{is computed, so it needs parts and is f32 rows without layers}}
plan.weight @w f32 rows [4] of ["a"] layers [0, 1] body(%a: f32) {
  plan.yield %a : f32
}

// -----

// expected-error @below {{has tables but no body that reads them}}
plan.weight @w f32 rows [4] of ["a"] tables [dense<1.0> : tensor<f32>]

// -----

// expected-error @below {{has a table that is not dense f32}}
plan.weight @w f32 rows [4] of ["a"] tables [dense<1> : tensor<i32>] body(%a: f32, %t: f32) {
  plan.yield %a : f32
}

// -----

plan.kernel @k "top_k" {} (x) -> (idx) dims (experts, top_k, heads, x.stride, idx.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %i = buffer "i" tokens i32[4]
  // expected-error @below {{'x' has rows of 8 elements, the step's dims ask for 9}}
  dispatch @k(x = %x[8]) -> (idx = %i) dims {experts = 9, heads = 1, idx.stride = 16, top_k = 4, x.stride = 16} rows tokens scratch 1024
}

// -----

// The second program is for no library, so both would take 9 tokens.
plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
// expected-note @below {{of this one}}
plan.program @few for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}
// expected-error @below {{takes token counts of another program}}
plan.program @many for @e tokens 9 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

plan.kernel @k "sum" {} (x) -> (y) dims (N, heads, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[4]
  // expected-error @below {{'x' has rows of 16 elements, the step's dims ask for 20}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 5, heads = 4, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "sum" {} (x) -> (y) dims (N, heads, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[80]
  %y = buffer "y" tokens f32[3]
  // expected-error @below {{'y' has rows of 16 elements, the step's dims ask for 20}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 4, heads = 20, x.stride = 80, y.stride = 16} rows tokens
}

// -----

// expected-error @below {{needs the field k = [heads, width], and behind it v = [heads, width] unless its values are channels of its keys}}
plan.state @kv cache {v = [2, 16], k = [2, 16]} f32 bytes 32768

// -----

plan.state @kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768
plan.weight @slopes f32 rows [3] value dense<1.0> : tensor<3xf32>
plan.kernel @k "attend" {bias = "alibi", head_dim = 16 : i64, value_dim = 16 : i64} (q, cache, slopes) -> (y) dims (heads, kv_heads, q.stride, y.stride)
plan.program @p for @e tokens 1 {
  %q = input "q" f32[64]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{'slopes' is 'slopes', which has 3 elements, the step's dims ask for 4}}
  dispatch @k(q = %q, cache = @kv, slopes = @slopes[0]) -> (y = %y) dims {heads = 4, kv_heads = 2, q.stride = 64, y.stride = 64} rows tokens scratch 1048576
}

// -----

// A weight for each head of q is too short for one that counts them.
plan.state @kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768
plan.weight @w f32 rows [2, 16] of ["w"]
plan.kernel @k "prepare" {per_head_weight, q_norm, qk_norm = "rms"} (q, k, v, q_norm_w) -> (y, cache) dims (heads, kv_heads, head_dim, value_dim, q.stride, k.stride, v.stride, y.stride)
plan.program @p for @e tokens 1 {
  %q = input "q" f32[128]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{'q_norm_w' is 'w', which has 32 elements, the step's dims ask for 64}}
  dispatch @k(q = %q, k = %q[64], v = %q[96], q_norm_w = @w[0]) -> (y = %y, cache = @kv) dims {head_dim = 16, heads = 4, k.stride = 128, kv_heads = 2, q.stride = 128, v.stride = 128, value_dim = 16, y.stride = 64} rows tokens scratch 512
}

// -----

// The gate and the up part lie in turn only in `panel_glu`.
plan.weight @w f32 panel [128, 16] of ["w"]
plan.kernel @k "linear" {act = "silu", compute = "f32", glu, weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{'w' is 'w' in the layout 'panel', the kernel reads 'panel_glu'}}
  dispatch @k(x = %x, w = @w[0]) -> (y = %y) dims {K = 16, N = 64, x.stride = 16, y.stride = 64} rows tokens scratch 1048576
}

// -----

plan.weight @w bf16 panel [64, 16] of ["w"]
plan.kernel @k "linear" {compute = "f32", weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[64]
  // expected-error @below {{'w' is of bf16, the kernel takes f32}}
  dispatch @k(x = %x, w = @w[0]) -> (y = %y) dims {K = 16, N = 64, x.stride = 16, y.stride = 64} rows tokens scratch 1048576
}
