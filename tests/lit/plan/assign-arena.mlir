// RUN: sluice-opt %s --plan-assign-arena | FileCheck %s

plan.kernel @f "norm" {} (x) -> (y) dims (N)

// %a is dead when %c is written and gives it its place; %b is not.
// CHECK-LABEL: plan.program @chain
// CHECK-DAG: %a = buffer "a" tokens f32[64] at [0, 0, 0]
// CHECK-DAG: %b = buffer "b" tokens f32[64] at [0, 256, 0]
// CHECK-DAG: %c = buffer "c" tokens f32[64] at [0, 0, 0]
plan.program @chain for @e tokens 9 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %c = buffer "c" tokens f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %a) -> (y = %b) dims {N = 64} rows tokens
  dispatch @f(x = %b) -> (y = %c) dims {N = 64} rows tokens
  output "rows" %c tokens[64]
}

// Without a barrier %a is still in use while %c is written.
// CHECK-LABEL: plan.program @together
// CHECK-DAG: %a = buffer "a" tokens f32[64] at [0, 0, 0]
// CHECK-DAG: %b = buffer "b" tokens f32[64] at [0, 256, 0]
// CHECK-DAG: %c = buffer "c" tokens f32[64] at [0, 512, 0]
plan.program @together for @e tokens 9 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %c = buffer "c" tokens f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %a) -> (y = %b) dims {N = 64} rows tokens nowait
  dispatch @f(x = %x) -> (y = %c) dims {N = 64} rows tokens
  output "rows" %b tokens[64]
}

// Rows are rounded to 64 bytes; unused buffers go.
// CHECK-LABEL: plan.program @terms
// CHECK-NOT: "unused"
// CHECK-DAG: %t = buffer "t" tokens * 2 f32[20] at [0, 0, 0]
// CHECK-DAG: %w = buffer "w" wanted bf16[16] at [0, 256, 0]
// CHECK-DAG: %s = buffer "s" sequences f32[8] at [0, 320, 0]
// CHECK-DAG: %o = buffer "o" one i32[9] at [0, 320, 64]
plan.program @terms for @e tokens 9 {
  %t = buffer "t" tokens * 2 f32[20]
  %w = buffer "w" wanted bf16[16]
  %s = buffer "s" sequences f32[8]
  %o = buffer "o" one i32[9]
  %u = buffer "unused" tokens f32[64]
  output "t" %t tokens * 2[20]
  output "w" %w wanted[16]
  output "s" %s sequences[8]
  output "o" %o one[9]
}

// With at most 8 tokens every size is a number.
// CHECK-LABEL: plan.program @few
// CHECK-DAG: %t = buffer "t" tokens f32[64] at [0, 0, 0]
// CHECK-DAG: %s = buffer "s" sequences f32[16] at [2048, 0, 0]
plan.program @few for @e tokens 1 to 8 {
  %t = buffer "t" tokens f32[64]
  %s = buffer "s" sequences f32[16]
  output "t" %t tokens[64]
  output "s" %s sequences[16]
}
