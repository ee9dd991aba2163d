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
  // expected-error @below {{gives 'y' rows 20 apart, its buffer has 32}}
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
  // expected-error @below {{takes N = 40 elements of 'y', whose rows have 16}}
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
