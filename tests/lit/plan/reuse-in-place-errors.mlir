// The pass asks kernels what they take, so it needs kernels that can be.
// RUN: sluice-opt %s --verify-diagnostics --plan-reuse-in-place

// expected-error @below {{no kernel kind 'mapp'}}
plan.kernel @k "mapp" {} (x0) -> (y) dims (N)
plan.program @p for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @k(x0 = %x) -> (y = %y) dims {N = 64} rows tokens
}
