// RUN: sluice-opt %s | sluice-opt | FileCheck %s

// CHECK: plan.weight @qkv bf16 panel [128, 64] of ["q", "k", "v"] layers [0, 2]
plan.weight @qkv bf16 panel [128, 64] of ["q", "k", "v"] layers [0, 2]
// CHECK: plan.weight @freqs f32 rows [2] value dense<[1.000000e+00, 5.000000e-01]> : tensor<2xf32>
plan.weight @freqs f32 rows [2] value dense<[1.0, 0.5]> : tensor<2xf32>
// CHECK: plan.weight @"q[2].addf" f32 rows [2] of ["q"[2]] tables [dense<1.000000e+00> : tensor<f32>] body(%{{.*}}: f32, %{{.*}}: f32) {
plan.weight @"q[2].addf" f32 rows [2] of ["q"[2]] tables [dense<1.0> : tensor<f32>] body(%q: f32, %t: f32) {
  %0 = arith.addf %q, %t : f32
  plan.yield %0 : f32
}
// CHECK: plan.state @kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768 layers [0, 2] {once}
plan.state @kv cache {k = [2, 16], v = [2, 16]} f32 bytes 32768 layers [0, 2] {once}
// CHECK: plan.kernel @twice "map" {inputs = 1 : i64} (x0) -> (y) dims (N, "a b") body(%{{.*}}: f32) {
plan.kernel @twice "map" {inputs = 1 : i64} (x0) -> (y) dims (N, "a b") body(%x: f32) {
  %0 = arith.addf %x, %x : f32
  plan.yield %0 : f32
}
// CHECK: plan.entry @generate "generate" inputs {ids = "tokens"} limits [256] outputs (logits) start 0 positions {kind = "linear"}
plan.entry @generate "generate" inputs {ids = "tokens"} limits [256] outputs (logits) start 0 positions {kind = "linear"}
// CHECK: plan.program @decode for @generate tokens 1 to 8 {
plan.program @decode for @generate tokens 1 to 8 {
  // CHECK-NEXT: %ids = input "ids" i32[1]
  %ids = input "ids" i32[1]
  // CHECK-NEXT: %x = buffer "x" tokens * 2 f32[64] at [0, 256, 0]
  %x = buffer "x" tokens * 2 f32[64] at [0, 256, 0]
  // CHECK-NEXT: dispatch @twice(x0 = %ids, w = @qkv[2]) -> (y = %x[16]) dims {N = 64} rows tokens * 2 scratch 64 nowait layer 2
  dispatch @twice(x0 = %ids, w = @qkv[2]) -> (y = %x[16]) dims {N = 64} rows tokens * 2 scratch 64 nowait layer 2
  // CHECK-NEXT: output "logits" %x tokens * 2[48] from 16
  output "logits" %x tokens * 2[48] from 16
}

// CHECK: plan.entry @rows "encode" inputs {q = "rows", x = "rows"} limits [0, 0] optional (x) outputs (rows)
plan.entry @rows "encode" inputs {q = "rows", x = "rows"} limits [0, 0] optional (x) outputs (rows)
// CHECK: plan.program @rows.all for @rows tokens 1 {
plan.program @rows.all for @rows tokens 1 {
  // CHECK-NEXT: %q = input "q" f32[48] shape [4, 12]
  %q = input "q" f32[48] shape [4, 12]
  // CHECK-NEXT: %x = input "x" f32[48]
  %x = input "x" f32[48]
}

// Every layout, element and kind of state.
// CHECK: plan.weight @gate_up bf16 panel_glu [4, 128, 64] of ["gate", "up"]
plan.weight @gate_up bf16 panel_glu [4, 128, 64] of ["gate", "up"]
// CHECK: plan.weight @bias f32 vector_glu [128] of ["gate.bias", "up.bias"] layers [3]
plan.weight @bias f32 vector_glu [128] of ["gate.bias", "up.bias"] layers [3]
// CHECK: plan.weight @blocks !llm.blocks<i8x32> panel [64, 64] of ["w"]
plan.weight @blocks !llm.blocks<i8x32> panel [64, 64] of ["w"]
// CHECK: plan.weight @table i32 rows [3] value dense<[1, 2, 3]> : tensor<3xi32>
plan.weight @table i32 rows [3] value dense<[1, 2, 3]> : tensor<3xi32>
// CHECK: plan.state @window cache {k = [2, 16], v = [2, 8]} f32 bytes 32768 {chunk = 64 : i64, keep = 128 : i64}
plan.state @window cache {k = [2, 16], v = [2, 8]} f32 bytes 32768 {chunk = 64 : i64, keep = 128 : i64}
// CHECK: plan.state @tail fixed {"a b" = [3, 20]} f32 bytes 256 layers [0, 1] {init = 1.000000e+00 : f32}
plan.state @tail fixed {"a b" = [3, 20]} f32 bytes 256 layers [0, 1] {init = 1.0 : f32}
// CHECK: plan.state @start fixed {value = [2]} f32 bytes 64 {init = @freqs}
plan.state @start fixed {value = [2]} f32 bytes 64 {init = @freqs}
// CHECK: plan.state @step transient {k = [1, 4], v = [1, 4]} f32 bytes 10240
plan.state @step transient {k = [1, 4], v = [1, 4]} f32 bytes 10240
// CHECK: plan.entry @source "source" inputs {} limits [] outputs ()
plan.entry @source "source" inputs {} limits [] outputs ()
// CHECK: plan.program @rows.kinds for @rows tokens 9 {
plan.program @rows.kinds for @rows tokens 9 {
  // CHECK-NEXT: %x = input "x" f32[16]
  %x = input "x" f32[16]
  // CHECK-NEXT: %o = buffer "o" one i32[5]
  %o = buffer "o" one i32[5]
  // CHECK-NEXT: %w = buffer "w" wanted bf16[16]
  %w = buffer "w" wanted bf16[16]
  // CHECK-NEXT: %s = buffer "s" sequences * 3 f32[16]
  %s = buffer "s" sequences * 3 f32[16]
  // CHECK-NEXT: matmul @k(x = %x, w = @blocks[0], "the rest" = %s) -> (y = %s) dims {K = 16, N = 16} rows sequences * 3
  matmul @k(x = %x, w = @blocks, "the rest" = %s) -> (y = %s) dims {N = 16, K = 16} rows sequences * 3
  // CHECK-NEXT: output "s" %s sequences * 3[8] from 8
  output "s" %s sequences * 3[8] from 8
}
