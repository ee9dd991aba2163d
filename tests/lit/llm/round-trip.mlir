// RUN: sluice-opt %s | sluice-opt | FileCheck %s
// RUN: sluice-opt --mlir-print-op-generic %s | sluice-opt | FileCheck %s

// CHECK: llm.weight @embed : tensor<128x64xbf16>
llm.weight @embed : tensor<128x64xbf16>
llm.weight @bias : tensor<128xf32>
llm.weight @norm : tensor<64xf32>
// CHECK: llm.weight @layers.q : tensor<64x64xbf16> layers [0, 1]
llm.weight @layers.q : tensor<64x64xbf16> layers [0, 1]
llm.weight @layers.k : tensor<32x64xbf16> layers [0, 1]
llm.weight @up : tensor<4x96x64xbf16>
llm.weight @down : tensor<4x64x96xbf16>
llm.weight @sinks : tensor<4xf32>
llm.weight @buckets : tensor<32x4xf32>
// CHECK: llm.state @layers.kv cache {k = [2, 16], v = [2, 16]} layers [0, 1] keep 128
llm.state @layers.kv cache {k = [2, 16], v = [2, 16]} layers [0, 1] keep 128
// CHECK: llm.state @carry fixed {value = [4, 64]} init 1.500000e+00
llm.state @carry fixed {value = [4, 64]} init 1.5
// CHECK: llm.state @layers.start fixed {value = [64, 64]} layers [0, 1] init @layers.q
llm.state @layers.start fixed {value = [64, 64]} layers [0, 1] init @layers.q

// CHECK-LABEL: func.func private @elementwise
func.func private @elementwise(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %b: !llm.batch) -> tensor<?x64xf32> {
  // CHECK: %[[C:.*]] = llm.constant 2.000000e+00
  %c = llm.constant 2.0
  // CHECK: llm.binary mul %{{.*}}, %[[C]] : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %0 = llm.binary mul %x, %c : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  // CHECK: llm.lerp %{{.*}}, %{{.*}} by %{{.*}} :
  %1 = llm.lerp %0, %y by %c : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %2 = llm.select %1, %y by %x : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.act silu %{{.*}} : tensor<?x64xf32>
  %3 = llm.act silu %2 : tensor<?x64xf32>
  // CHECK: llm.act swish %{{.*}} beta 1.702000e+00 : tensor<?x64xf32>
  %4 = llm.act swish %3 beta 1.702 : tensor<?x64xf32>
  // CHECK: llm.clamp %{{.*}} high 7.000000e+00 : tensor<?x64xf32>
  %5 = llm.clamp %4 high 7.0 : tensor<?x64xf32>
  %6 = llm.softcap %5 limit 30.0 : tensor<?x64xf32>
  // CHECK: llm.round %{{.*}} to bf16 : tensor<?x64xf32>
  %7 = llm.round %6 to bf16 : tensor<?x64xf32>
  %8 = llm.softmax %7 : tensor<?x64xf32>
  %9 = llm.sum %8 : (tensor<?x64xf32>) -> tensor<?x1xf32>
  %10 = llm.binary div %8, %9 : (tensor<?x64xf32>, tensor<?x1xf32>) -> tensor<?x64xf32>
  // CHECK: llm.split %{{.*}} into [32, 32] : (tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  %11:2 = llm.split %10 into [32, 32] : (tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  %12 = llm.concat %11#1, %11#0 : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  // CHECK: llm.slice %{{.*}} from 8 size 16 : (tensor<?x64xf32>) -> tensor<?x16xf32>
  %13 = llm.slice %12 from 8 size 16 : (tensor<?x64xf32>) -> tensor<?x16xf32>
  %14 = llm.reshape %13 to [1, 16] : (tensor<?x16xf32>) -> tensor<?x1x16xf32>
  %15 = llm.repeat_heads %14 times 4 : (tensor<?x1x16xf32>) -> tensor<?x4x16xf32>
  %16 = llm.l2_norm %15 eps 1.0e-6 in max : tensor<?x4x16xf32>
  %17 = llm.reshape %16 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  // CHECK: llm.tap %{{.*}} "h" : tensor<?x64xf32>
  llm.tap %17 "h" : tensor<?x64xf32>
  // CHECK: llm.map %{{.*}}, %{{.*}} : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32> {
  %18 = llm.map %17, %c : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32, %s: f32):
    %r = arith.addf %a, %s : f32
    llm.yield %r : f32
  }
  // CHECK: llm.wanted_rows %{{.*}} for %{{.*}} : tensor<?x64xf32>
  %19 = llm.wanted_rows %18 for %b : tensor<?x64xf32>
  %20 = llm.pick_rows last %19 for %b : tensor<?x64xf32>
  %21 = llm.pool_rows mean %20 for %b : tensor<?x64xf32>
  return %21 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @attend
func.func private @attend(%l: index, %b: !llm.batch, %ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %e = llm.use @embed : tensor<128x64xbf16>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<128x64xbf16>) -> tensor<?x64xf32>
  %n = llm.use @norm : tensor<64xf32>
  // CHECK: llm.rms_norm %{{.*}}, %{{.*}} eps 9.99999974E-6 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %h2 = llm.layer_norm %h, %n bias %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.use @layers.q[%{{.*}}] : tensor<64x64xbf16>
  %wq = llm.use @layers.q[%l] : tensor<64x64xbf16>
  %wk = llm.use @layers.k[%l] : tensor<32x64xbf16>
  // CHECK: llm.linear %{{.*}}, %{{.*}} compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %q0 = llm.linear %h2, %wq compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %k0 = llm.linear %h2, %wk : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  %q1 = llm.reshape %q0 to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k0 to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  // CHECK: llm.rope_freqs 16 theta 1.000000e+04 : tensor<8xf32>
  %f = llm.rope_freqs 16 theta 10000.0 : tensor<8xf32>
  %f1 = llm.freqs_llama3 %f {factor = 8.0 : f32, low = 1.0 : f32, high = 4.0 : f32, original = 8192} : tensor<8xf32>
  %f2 = llm.freqs_yarn %f1 {factor = 4.0 : f32, theta = 1.0e4 : f32, original = 4096, fast = 32.0 : f32, slow = 1.0 : f32, truncate = true} : tensor<8xf32>
  // CHECK: llm.rope half %{{.*}}, %{{.*}}, %{{.*}} amplitude 1.500000e+00 :
  %q2 = llm.rope half %q1, %ids, %f2 amplitude 1.5 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  // CHECK: %[[N:.*]] = llm.number
  %place = llm.number %ids : (tensor<?xi32>) -> tensor<?x1xf32>
  // CHECK: %[[NTK:.*]] = llm.freqs_ntk %[[N]] dims 16 theta 1.000000e+04 : (tensor<?x1xf32>) -> tensor<?x8xf32>
  %ntk = llm.freqs_ntk %place dims 16 theta 10000.0 : (tensor<?x1xf32>) -> tensor<?x8xf32>
  // CHECK: llm.rope half %{{.*}}, %{{.*}}, %[[NTK]] : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<?x8xf32>)
  %q3 = llm.rope half %q1, %ids, %ntk : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x4x16xf32>
  // CHECK: llm.rope_table %{{.*}}, %{{.*}} : (tensor<?xi32>, tensor<8xf32>) -> tensor<?x2x8xf32>
  %t = llm.rope_table %ids, %f2 : (tensor<?xi32>, tensor<8xf32>) -> tensor<?x2x8xf32>
  // CHECK: llm.rotate adjacent %{{.*}} by %{{.*}} : (tensor<?x2x16xf32>, tensor<?x2x8xf32>) -> tensor<?x2x16xf32>
  %k2 = llm.rotate adjacent %k1 by %t : (tensor<?x2x16xf32>, tensor<?x2x8xf32>) -> tensor<?x2x16xf32>
  // CHECK: %[[KV:.*]] = llm.append @layers.kv[%{{.*}}] (%{{.*}}, %{{.*}}) for %{{.*}} : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %kv = llm.append @layers.kv[%l] (%k2, %k1) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %s = llm.use @sinks : tensor<4xf32>
  %al = llm.alibi 4 times 0.25 rounded bf16
  // CHECK: llm.attention %{{.*}} in %[[KV]] for %{{.*}} mask [#llm.mask<causal>, #llm.mask<window, 128>] scale 2.500000e-01 cap 5.000000e+01 sinks %{{.*}} bias %{{.*}} :
  %a = llm.attention %q2 in %kv for %b mask [#llm.mask<causal>, #llm.mask<window, 128>] scale 0.25 cap 50.0 sinks %s bias %al : (tensor<?x4x16xf32>, !llm.cache, !llm.batch, tensor<4xf32>, !llm.bias<4>) -> tensor<?x4x16xf32>
  %bu = llm.use @buckets : tensor<32x4xf32>
  // CHECK: llm.bucket_bias %{{.*}} max_distance 128 both_ways true : tensor<32x4xf32>
  %bb = llm.bucket_bias %bu max_distance 128 both_ways true : tensor<32x4xf32>
  // CHECK: llm.attention %{{.*}} over %{{.*}}, %{{.*}} for %{{.*}} mask [#llm.mask<all>] scale 1.000000e+00 bias
  %a2 = llm.attention %a over %k1, %k2 for %b mask [#llm.mask<all>] scale 1.0 bias %bb : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  // CHECK: llm.cached @layers.kv[
  %kv2 = llm.cached @layers.kv[%l]
  %a3 = llm.attention %a2 in %kv2 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  %r = llm.reshape %a3 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @moe
func.func private @moe(%x: tensor<?x64xf32>, %l: tensor<?x4xf32>) -> tensor<?x64xf32> {
  // CHECK: llm.top_k %{{.*}}, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %i = llm.top_k %l, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  // CHECK: llm.pick %{{.*}} at %{{.*}} :
  %p = llm.pick %l at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %w = llm.normalize %p eps 1.0e-20 : tensor<?x2xf32>
  %up = llm.use @up : tensor<4x96x64xbf16>
  %down = llm.use @down : tensor<4x64x96xbf16>
  // CHECK: llm.experts %{{.*}} at %{{.*}} with(%{{.*}}, %{{.*}}) out_scale %{{.*}} : ({{.*}}) -> tensor<?x64xf32> {
  %y = llm.experts %x at %i with (%up, %down) out_scale %w : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x96x64xbf16>, tensor<4x64x96xbf16>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<96x64xbf16>, %d: tensor<64x96xbf16>):
    %0 = llm.linear %r, %u compute bf16 : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
    %1 = llm.act relu %0 : tensor<?x96xf32>
    %2 = llm.linear %1, %d compute bf16 : (tensor<?x96xf32>, tensor<64x96xbf16>) -> tensor<?x64xf32>
    llm.yield %2 : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @fused
func.func private @fused(%l: index, %b: !llm.batch, %x: tensor<?x64xf32>, %t: tensor<?x2x8xf32>, %n: tensor<64xf32>, %r: tensor<4x64xf32>) -> tensor<?x64xf32> {
  %wq = llm.use @layers.q[%l] : tensor<64x64xbf16>
  %wk = llm.use @layers.k[%l] : tensor<32x64xbf16>
  // CHECK: llm.fused_linear %{{.*}} norm <rms, 9.99999974E-6 : f32>(%{{.*}}) weights(%{{.*}}, %{{.*}}, %{{.*}}) compute bf16 :
  %q, %k, %v = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%wq, %wk, %wk) compute bf16 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64x64xbf16>, tensor<32x64xbf16>, tensor<32x64xbf16>) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
  // CHECK: llm.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 4, 2 for %{{.*}} in @layers.kv[%{{.*}}] rope half %{{.*}} mask [#llm.mask<causal>] scale 2.500000e-01 :
  %a = llm.fused_attention %q, %k, %v heads 4, 2 for %b in @layers.kv[%l] rope half %t mask [#llm.mask<causal>] scale 0.25 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, index, tensor<?x2x8xf32>) -> tensor<?x64xf32>
  // CHECK: llm.fused_linear %{{.*}} weights(%{{.*}}) residual %{{.*}} compute bf16 scale 5.000000e-01 :
  %o = llm.fused_linear %a weights(%wq) residual %x compute bf16 scale 0.5 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.fused_linear %{{.*}} weights(%{{.*}}, %{{.*}}) glu act silu :
  %g = llm.fused_linear %o weights(%wq, %wq) glu act silu : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  // CHECK: llm.fused_router %{{.*}} norm <rms, {{.*}}>(%{{.*}}) weights(%{{.*}}) softmax top_first top 2 :
  %h, %i, %w = llm.fused_router %g norm <rms, 1.0e-5 : f32>(%n) weights(%r) softmax top_first top 2 : (tensor<?x64xf32>, tensor<64xf32>, tensor<4x64xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  %up = llm.use @up : tensor<4x96x64xbf16>
  %down = llm.use @down : tensor<4x64x96xbf16>
  // CHECK: llm.fused_experts %{{.*}} at %{{.*}} weight %{{.*}} first(%{{.*}}, %{{.*}}) down(%{{.*}}) residual %{{.*}} compute bf16 glu act silu :
  %y = llm.fused_experts %h at %i weight %w first(%up, %up) down(%down) residual %g compute bf16 glu act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x96x64xbf16>, tensor<4x96x64xbf16>, tensor<4x64x96xbf16>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

llm.state @narrow cache {k = [2, 16], v = [2, 8]}

// Values of a cache may be narrower than its keys, whichever op gives the handle.
// CHECK-LABEL: func.func private @narrow_values
func.func private @narrow_values(%l: index, %b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %v: tensor<?x2x8xf32>) -> tensor<?x4x8xf32> {
  %c = llm.append @narrow(%k, %v) for %b : tensor<?x2x16xf32>, tensor<?x2x8xf32>
  // CHECK: llm.attention {{.*}} -> tensor<?x4x8xf32>
  %0 = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x8xf32>
  %d = llm.cached @narrow
  // CHECK: llm.attention {{.*}} -> tensor<?x4x8xf32>
  %1 = llm.attention %q in %d for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x8xf32>
  %2 = llm.binary add %0, %1 : (tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return %2 : tensor<?x4x8xf32>
}
