// Where a result must not take the place of an operand: each would give wrong
// numbers.
// RUN: sluice-opt %s --plan-reuse-in-place | FileCheck %s

plan.kernel @sum "map" {inputs = 2 : i64, splat = "00"} (x0, x1) -> (y) dims (outer, inner, x0.outer, x0.stride, x1.outer, x1.stride, y.outer, y.stride) body(%a: f32, %b: f32) {
  %0 = arith.addf %a, %b : f32
  plan.yield %0 : f32
}
plan.kernel @splat "map" {inputs = 2 : i64, splat = "01"} (x0, x1) -> (y) dims (outer, inner, x0.outer, x0.stride, x1.outer, x1.stride, y.outer, y.stride) body(%a: f32, %b: f32) {
  %0 = arith.addf %a, %b : f32
  plan.yield %0 : f32
}
plan.kernel @copy "map" {inputs = 1 : i64, splat = "0"} (x0) -> (y) dims (outer, inner, x0.outer, x0.stride, y.outer, y.stride) body(%a: f32) {
  plan.yield %a : f32
}
plan.kernel @norm "norm" {eps = 1.0e-5 : f32, kind = "rms"} (x) -> (y) dims (N, heads, x.stride, y.stride)
plan.kernel @group "group" {} (idx) -> (offsets, pairs, position) dims (experts, top_k, idx.stride)
plan.kernel @append "append" {} (k, v) -> (cache) dims (heads, head_dim, value_dim, k.stride, v.stride)
plan.state @kv transient {k = [1, 64], v = [1, 64]} f32 bytes 65536

// A norm reads the whole row before it writes any of it.
// CHECK-LABEL: plan.program @whole_row
// CHECK: dispatch @norm(x = %x) -> (y = %y)
plan.program @whole_row for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @norm(x = %x) -> (y = %y) dims {N = 64} rows tokens
  output "rows" %y tokens[64]
}

// The caller gets it, too, wherever the output stands.
// CHECK-LABEL: plan.program @also_output
// CHECK: dispatch @sum(x0 = %a, x1 = %b) -> (y = %y)
plan.program @also_output for @e tokens 1 {
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  output "a" %a tokens[64]
  output "b" %b tokens[64]
  %y = buffer "y" tokens f32[64]
  dispatch @sum(x0 = %a, x1 = %b) -> (y = %y) dims {inner = 64, outer = 1, x0.outer = 64, x1.outer = 64, y.outer = 64} rows tokens
  output "rows" %y tokens[64]
}

// An input is the caller's memory.
// CHECK-LABEL: plan.program @input
// CHECK: dispatch @copy(x0 = %x) -> (y = %y)
plan.program @input for @e tokens 1 {
  %x = input "x" f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @copy(x0 = %x) -> (y = %y) dims {inner = 64, outer = 1, x0.outer = 64, y.outer = 64} rows tokens
  output "rows" %y tokens[64]
}

// Other columns of the operand, or of the result, are other elements.
// CHECK-LABEL: plan.program @columns
// CHECK: dispatch @copy(x0 = %x[32]) -> (y = %y)
// CHECK: dispatch @copy(x0 = %y) -> (y = %z[32])
plan.program @columns for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @copy(x0 = %x[32]) -> (y = %y) dims {inner = 32, outer = 1, x0.outer = 32, y.outer = 32} rows tokens
  %z = buffer "z" tokens f32[64]
  dispatch @copy(x0 = %y) -> (y = %z[32]) dims {inner = 32, outer = 1, x0.outer = 32, y.outer = 32} rows tokens
  output "rows" %z tokens[64]
}

// The result holds what an earlier step wrote.
// CHECK-LABEL: plan.program @written_before
// CHECK: dispatch @copy(x0 = %a) -> (y = %y[32])
// CHECK: dispatch @copy(x0 = %b) -> (y = %y)
plan.program @written_before for @e tokens 1 {
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @copy(x0 = %a) -> (y = %y[32]) dims {inner = 32, outer = 1, x0.outer = 32, y.outer = 32} rows tokens
  dispatch @copy(x0 = %b) -> (y = %y) dims {inner = 32, outer = 1, x0.outer = 32, y.outer = 32} rows tokens
  output "rows" %y tokens[64]
}

// Rows of another kind, number or type take other memory.
// CHECK-LABEL: plan.program @rows
// CHECK: dispatch @copy(x0 = %a) -> (y = %b)
// CHECK: dispatch @copy(x0 = %b) -> (y = %c)
// CHECK: dispatch @copy(x0 = %c) -> (y = %d)
plan.program @rows for @e tokens 1 {
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens * 2 f32[64]
  dispatch @copy(x0 = %a) -> (y = %b) dims {inner = 64, outer = 1, x0.outer = 64, y.outer = 64} rows tokens
  %c = buffer "c" wanted f32[64]
  dispatch @copy(x0 = %b) -> (y = %c) dims {inner = 64, outer = 1, x0.outer = 64, y.outer = 64} rows wanted
  %d = buffer "d" wanted bf16[64]
  dispatch @copy(x0 = %c) -> (y = %d) dims {inner = 64, outer = 1, x0.outer = 64, y.outer = 64} rows wanted
  output "rows" %d wanted[64]
}

// A number that is repeated over a run would be overwritten by its first use.
// CHECK-LABEL: plan.program @repeated
// CHECK: dispatch @splat(x0 = %w, x1 = %n) -> (y = %y)
plan.program @repeated for @e tokens 1 {
  %w = input "w" f32[64]
  %n = buffer "n" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @splat(x0 = %w, x1 = %n) -> (y = %y) dims {inner = 16, outer = 4, x0.outer = 16, x1.outer = 16, y.outer = 16} rows tokens
  output "rows" %y tokens[64]
}

// Steps that write several things, or a state.
// CHECK-LABEL: plan.program @several
// CHECK: dispatch @group(idx = %i) -> (offsets = %o, pairs = %p, position = %q)
// CHECK: dispatch @append(k = %x, v = %x) -> (cache = @kv[0])
plan.program @several for @e tokens 1 {
  %i = buffer "i" tokens i32[1]
  %o = buffer "o" one i32[5]
  %p = buffer "p" tokens i32[1]
  %q = buffer "q" tokens i32[1]
  dispatch @group(idx = %i) -> (offsets = %o, pairs = %p, position = %q) dims {experts = 4, top_k = 1} rows tokens
  %x = buffer "x" tokens f32[64]
  dispatch @append(k = %x, v = %x) -> (cache = @kv[0]) dims {head_dim = 64, heads = 1, value_dim = 64} rows tokens
  output "rows" %q tokens[1]
}

// Nothing is known of a kernel that is not there; verify-plan says so.
// CHECK-LABEL: plan.program @unknown
// CHECK: dispatch @nothing(x0 = %x) -> (y = %y)
plan.program @unknown for @e tokens 1 {
  %x = buffer "x" tokens f32[64]
  %y = buffer "y" tokens f32[64]
  dispatch @nothing(x0 = %x) -> (y = %y) dims {inner = 64} rows tokens
  output "rows" %y tokens[64]
}
