// RUN: sluice-opt %s --plan-reuse-in-place | FileCheck %s

plan.kernel @add "linear" {compute = "f32", residual, weight = "f32"} (x, w, residual) -> (y) dims (N)
plan.kernel @copy "map" {inputs = 1 : i64, splat = "0"} (x0) -> (y) dims (N) body(%a: f32) {
  plan.yield %a : f32
}
plan.kernel @norm "norm" {eps = 1.0e-5 : f32, kind = "rms"} (x) -> (y) dims (N)
plan.weight @w f32 panel [64, 64] of ["w"]

// The residual is not read again: the result takes its place.
// CHECK-LABEL: plan.program @last_use
// CHECK: dispatch @add(x = %h, w = @w[0], residual = %x) -> (y = %x)
// CHECK: output "rows" %x
plan.program @last_use for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %h = buffer "h" tokens f32[64]
  dispatch @norm(x = %x) -> (y = %h) dims {N = 64} rows tokens
  %y = buffer "y" tokens f32[64]
  dispatch @add(x = %h, w = @w[0], residual = %x) -> (y = %y) dims {N = 64} rows tokens
  output "rows" %y tokens[64]
}

// CHECK-LABEL: plan.program @still_read
// CHECK: dispatch @add(x = %h, w = @w[0], residual = %x) -> (y = %y)
plan.program @still_read for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %h = buffer "h" tokens f32[64]
  dispatch @norm(x = %x) -> (y = %h) dims {N = 64} rows tokens
  %y = buffer "y" tokens f32[64]
  dispatch @add(x = %h, w = @w[0], residual = %x) -> (y = %y) dims {N = 64} rows tokens
  dispatch @norm(x = %x) -> (y = %h) dims {N = 64} rows tokens
  output "rows" %y tokens[64]
}

// Another worker may still need x for its part of the product.
// CHECK-LABEL: plan.program @read_twice
// CHECK: dispatch @add(x = %x, w = @w[0], residual = %x) -> (y = %y)
plan.program @read_twice for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @add(x = %x, w = @w[0], residual = %x) -> (y = %y) dims {N = 64} rows tokens
  output "rows" %y tokens[64]
}

// A copy of a dead buffer is nothing.
// CHECK-LABEL: plan.program @copied
// CHECK-NOT: dispatch @copy
// CHECK: matmul @add(x = %h, w = @w[0], residual = %x) -> (y = %x)
plan.program @copied for @e tokens 9 {
  %x = buffer "x" tokens f32[64]
  %h = buffer "h" tokens f32[64]
  dispatch @norm(x = %x) -> (y = %h) dims {N = 64} rows tokens
  %y = buffer "y" tokens f32[64]
  dispatch @copy(x0 = %x) -> (y = %y) dims {inner = 64, outer = 1, x0.outer = 64, y.outer = 64} rows tokens
  matmul @add(x = %h, w = @w[0], residual = %y) -> (y = %y) dims {N = 64} rows tokens
  output "rows" %y tokens[64]
}

// Only some columns, or other rows, are another shape.
// CHECK-LABEL: plan.program @other_shape
// CHECK: dispatch @copy(x0 = %x) -> (y = %y)
plan.program @other_shape for @e tokens 1 {
  %x = buffer "x" tokens f32[32]
  dispatch @norm(x = %x) -> (y = %x) dims {N = 64} rows tokens
  %y = buffer "y" tokens f32[64]
  dispatch @copy(x0 = %x) -> (y = %y) dims {inner = 32, outer = 1, x0.outer = 32, y.outer = 32} rows tokens
  output "rows" %y tokens[64]
}

// Runs of columns move: half of x, in heads of 8, becomes half of each head of
// 16.
// CHECK-LABEL: plan.program @other_runs
// CHECK: dispatch @copy(x0 = %x) -> (y = %y)
plan.program @other_runs for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  dispatch @norm(x = %x) -> (y = %x) dims {N = 64} rows tokens
  %y = buffer "y" tokens f32[64]
  dispatch @copy(x0 = %x) -> (y = %y) dims {inner = 8, outer = 4, x0.outer = 8, y.outer = 16} rows tokens
  output "rows" %y tokens[64]
}

plan.kernel @sum "map" {inputs = 2 : i64, splat = "00"} (x0, x1) -> (y) dims (N) body(%a: f32, %b: f32) {
  %0 = arith.addf %a, %b : f32
  plan.yield %0 : f32
}
plan.kernel @post "post" {act = "silu", residual} (x, residual) -> (y) dims (N)
plan.kernel @combine "combine" {residual} (x, position, residual) -> (y) dims (N)

// The first operand that is free; here the second, as %x is read again.
// CHECK-LABEL: plan.program @either
// CHECK: dispatch @sum(x0 = %x, x1 = %h) -> (y = %h)
// CHECK: dispatch @sum(x0 = %h, x1 = %x) -> (y = %h)
plan.program @either for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %h = buffer "h" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @sum(x0 = %x, x1 = %h) -> (y = %y) dims {N = 64, x0.outer = 64, x1.outer = 64, y.outer = 64} rows tokens
  %z = buffer "z" tokens f32[64]
  dispatch @sum(x0 = %y, x1 = %x) -> (y = %z) dims {N = 64, x0.outer = 64, x1.outer = 64, y.outer = 64} rows tokens
  output "rows" %z tokens[64]
}

// Whatever adds a residual; what it adds to is read elsewhere.
// CHECK-LABEL: plan.program @residuals
// CHECK: dispatch @post(x = %h, residual = %x) -> (y = %x)
// CHECK: dispatch @combine(x = %h, position = %p, residual = %x) -> (y = %x)
plan.program @residuals for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %h = buffer "h" tokens f32[64]
  %p = buffer "p" tokens i32[1]
  %y = buffer "y" tokens f32[64]
  dispatch @post(x = %h, residual = %x) -> (y = %y) dims {N = 64} rows tokens
  %z = buffer "z" tokens f32[64]
  dispatch @combine(x = %h, position = %p, residual = %y) -> (y = %z) dims {N = 64} rows tokens
  output "rows" %z tokens[64]
}
