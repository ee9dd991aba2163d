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

// What the caller gets lives to the end, whenever it was written.
// CHECK-LABEL: plan.program @output
// CHECK-DAG: %a = buffer "a" tokens f32[64] at [0, 0, 0]
// CHECK-DAG: %b = buffer "b" tokens f32[64] at [0, 256, 0]
// CHECK-DAG: %c = buffer "c" tokens f32[64] at [0, 512, 0]
plan.program @output for @e tokens 9 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %c = buffer "c" tokens f32[64]
  output "a" %a tokens[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %b) dims {N = 64} rows tokens
  dispatch @f(x = %b) -> (y = %c) dims {N = 64} rows tokens
  output "c" %c tokens[64]
}

// A sequence has at least one token, so its rows fit where as many tokens were.
// CHECK-LABEL: plan.program @fewer_sequences
// CHECK-DAG: %a = buffer "a" tokens f32[64] at [0, 0, 0]
// CHECK-DAG: %b = buffer "b" tokens f32[64] at [0, 256, 0]
// CHECK-DAG: %s = buffer "s" sequences f32[64] at [0, 0, 0]
plan.program @fewer_sequences for @e tokens 9 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %s = buffer "s" sequences f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %a) -> (y = %b) dims {N = 64} rows tokens
  dispatch @f(x = %b) -> (y = %s) dims {N = 64} rows sequences
  output "s" %s sequences[64]
}

// A token's rows do not fit where as many sequences were, nor does either end
// come first for all capacities.
// CHECK-LABEL: plan.program @more_tokens
// CHECK-DAG: %s = buffer "s" sequences f32[4096] at [0, 0, 0]
// CHECK-DAG: %t = buffer "t" tokens f32[16] at [0, 0, 16384]
// CHECK-DAG: %u = buffer "u" tokens f32[16] at [0, 64, 16384]
plan.program @more_tokens for @e tokens 9 {
  %x = input "x" f32[64]
  %s = buffer "s" sequences f32[4096]
  %t = buffer "t" tokens f32[16]
  %u = buffer "u" tokens f32[16]
  dispatch @f(x = %x) -> (y = %s) dims {N = 64} rows sequences
  dispatch @f(x = %s) -> (y = %t) dims {N = 64} rows tokens
  dispatch @f(x = %t) -> (y = %u) dims {N = 64} rows tokens
  output "u" %u tokens[16]
}
