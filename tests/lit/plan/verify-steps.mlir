// Steps against the symbols they name, programs against their entry.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics --verify-plan

plan.weight @k f32 rows [4] of ["k"]
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{calls @k, which is not a kernel}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{has more dims than its kernel (N, x.stride, y.stride)}}
  dispatch @k(x = %x) -> (y = %y) dims {M = 1, N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

// Inputs and outputs are told apart by where they stand.
plan.kernel @k "append" {} (k, v) -> (cache) dims (heads, head_dim, value_dim, k.stride, v.stride)
plan.state @kv transient {k = [1, 64], v = [1, 64]} f32 bytes 65536
plan.program @p for @e tokens 1 {
  %x = input "x" f32[64]
  %z = buffer "z" tokens f32[64]
  // expected-error @below {{passes (k, v, cache), the kernel takes (k, v, cache)}}
  dispatch @k(k = %x) -> (v = %z, cache = @kv[0]) dims {heads = 1} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.weight @w bf16 rows [16] of ["w"]
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  // expected-error @below {{writes to the weight @w}}
  dispatch @k(x = %x) -> (y = @w[0]) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{refers to @k, which is neither a weight nor a state}}
  dispatch @k(x = @k[0]) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

// A weight without layers has instance 0 only.
plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.weight @w f32 rows [16] of ["w"]
plan.program @p for @e tokens 1 {
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{takes 'x' from layer 1 of @w, which does not exist}}
  dispatch @k(x = @w[1]) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.kernel @k "append" {} (k, v) -> (cache) dims (heads, head_dim, value_dim, k.stride, v.stride)
plan.state @kv cache {k = [1, 64], v = [1, 64]} f32 bytes 65536 layers [3]
plan.program @p for @e tokens 1 {
  %x = input "x" f32[64]
  // expected-error @below {{takes 'cache' from layer 0 of @kv, which does not exist}}
  dispatch @k(k = %x, v = %x) -> (cache = @kv[0]) dims {head_dim = 64, heads = 1, k.stride = 64, v.stride = 64, value_dim = 64} rows tokens
}

// -----

// The library adds to what is there.
plan.weight @w f32 panel [16, 16] of ["w"]
plan.kernel @k "linear" {compute = "f32", residual, weight = "f32"} (x, w, residual) -> (y) dims (K, N, x.stride, residual.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %z = input "z" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{adds a residual that is not its result}}
  matmul @k(x = %x, w = @w[0], residual = %z) -> (y = %y) dims {K = 16, N = 16, residual.stride = 16, x.stride = 16, y.stride = 16} rows tokens scratch 1048576
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{needs a linear kernel}}
  matmul @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
}

// -----

plan.weight @w f32 panel [16, 16] of ["w"]
plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
plan.kernel @l "linear" {compute = "f32", weight = "f32"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{runs outside the parallel region, so it can't do without a barrier}}
  matmul @l(x = %x, w = @w[0]) -> (y = %y) dims {K = 16, N = 16, x.stride = 16, y.stride = 16} rows tokens scratch 1048576 nowait
  %z = buffer "z" tokens bf16[16]
  dispatch @k(x = %x) -> (y = %z) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %z tokens[16]
}

// -----

plan.program @p for @e tokens 1 {
  %y = buffer "y" tokens bf16[16]
  // expected-error @below {{gives a buffer that nothing writes}}
  output "rows" %y tokens[16]
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
// expected-error @below {{is for @e, which is not an entry}}
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
// expected-error @below {{has other inputs than its entry: (z) instead of (x)}}
plan.program @p for @e tokens 1 {
  %x = input "z" f32[16]
  %y = buffer "y" tokens bf16[16]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

// expected-error @below {{has no program}}
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)

// -----

// Offsets are for all buffers or for none.
plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens bf16[16] at [0, 0, 0]
  // expected-error @below {{has no place in the arena}}
  %z = buffer "z" tokens bf16[16]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  dispatch @k(x = %x) -> (y = %z) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

// Apart for few sequences is not apart for as many as tokens.
plan.kernel @k "convert" {} (x) -> (y) dims (N, x.stride, y.stride)
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs (rows)
plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  // expected-note @below {{'y'}}
  %y = buffer "y" tokens bf16[16] at [0, 0, 0]
  // expected-error @below {{shares memory with a buffer that is in use}}
  %z = buffer "z" tokens bf16[16] at [4096, 0, 64]
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  dispatch @k(x = %x) -> (y = %z) dims {N = 16, x.stride = 16, y.stride = 16} rows tokens
  output "rows" %y tokens[16]
}

// -----

// States are in use, too.
plan.kernel @a "append" {} (k, v) -> (cache) dims (heads, head_dim, value_dim, k.stride, v.stride)
plan.state @kv transient {k = [1, 64], v = [1, 64]} f32 bytes 65536
plan.entry @e "source" inputs {x = "rows"} limits [0] outputs ()
plan.program @p for @e tokens 1 {
  %x = input "x" f32[64]
  // expected-note @below {{by this step}}
  dispatch @a(k = %x, v = %x) -> (cache = @kv[0]) dims {head_dim = 64, heads = 1, k.stride = 64, v.stride = 64, value_dim = 64} rows tokens nowait
  // expected-error @below {{needs a barrier before it: 'cache' is in use}}
  dispatch @a(k = %x, v = %x) -> (cache = @kv[0]) dims {head_dim = 64, heads = 1, k.stride = 64, v.stride = 64, value_dim = 64} rows tokens
}
