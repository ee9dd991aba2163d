// Every optional part of an op, there and left out; defaults are not printed.
// RUN: sluice-opt %s | sluice-opt | FileCheck %s
// RUN: sluice-opt --mlir-print-op-generic %s | sluice-opt | FileCheck %s

// CHECK: llm.weight @blocks : tensor<48x64x!llm.blocks<i8x32>> layers [2, 5]
llm.weight @blocks : tensor<48x64x!llm.blocks<i8x32>> layers [2, 5]
// CHECK: llm.state @kv cache {k = [2, 16], v = [2, 8]} keep 7 chunk 128 once
llm.state @kv cache {k = [2, 16], v = [2, 8]} keep 7 chunk 128 once
// CHECK: llm.state @tail fixed {"a b" = [3, 64]}
llm.state @tail fixed {"a b" = [3, 64]}
// CHECK: llm.state @latent cache {k = [2, 16]}
llm.state @latent cache {k = [2, 16]}

// CHECK-LABEL: func.func private @rows
func.func private @rows(%b: !llm.batch, %x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xbf16>, %c: tensor<64x4xf32>) {
  // CHECK: llm.clamp %{{.*}} low -1.000000e+00 : tensor<?x64xf32>
  %0 = llm.clamp %x low -1.0 : tensor<?x64xf32>
  // CHECK: llm.clamp %{{.*}} low -1.000000e+00 high 1.000000e+00 : tensor<?x64xf32>
  %1 = llm.clamp %x low -1.0 high 1.0 : tensor<?x64xf32>
  // CHECK: llm.softcap %{{.*}} limit 3.000000e+01 : tensor<?x64xf32>
  %2 = llm.softcap %x limit 30.0 : tensor<?x64xf32>
  // CHECK: llm.xielu %{{.*}}, %{{.*}}, %{{.*}} beta 5.000000e-01 eps -9.99999997E-7 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %3 = llm.xielu %x, %n, %n beta 0.5 eps -1.0e-6 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.select %{{.*}}, %{{.*}} by %{{.*}} :
  %4 = llm.select %x, %n by %x : (tensor<?x64xf32>, tensor<64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.round %{{.*}} to f16 : tensor<?x64xf32>
  %5 = llm.round %x to f16 : tensor<?x64xf32>
  // CHECK: llm.normalize %{{.*}} eps 9.99999997E-7 : tensor<?x64xf32>
  %6 = llm.normalize %x eps 1.0e-6 : tensor<?x64xf32>
  // CHECK: llm.normalize %{{.*}} : tensor<?x64xf32>
  %7 = llm.normalize %x eps 0.0 : tensor<?x64xf32>
  // CHECK: llm.rms_norm %{{.*}} eps 9.99999974E-6 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %8 = llm.rms_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.layer_norm %{{.*}} eps
  %9 = llm.layer_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.layer_norm %{{.*}}, %{{.*}} eps
  %10 = llm.layer_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.layer_norm %{{.*}} bias %{{.*}} eps
  %11 = llm.layer_norm %x bias %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.l2_norm %{{.*}} eps 9.99999974E-6 in sum : tensor<?x64xf32>
  %12 = llm.l2_norm %x eps 1.0e-5 in sum : tensor<?x64xf32>
  // CHECK: llm.linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64xf32>)
  %13 = llm.linear %x, %w bias %n compute f32 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.causal_conv %{{.*}}, %{{.*}} bias %{{.*}} in @tail for %{{.*}} :
  %14 = llm.causal_conv %x, %c bias %n in @tail for %b : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<64xf32>, !llm.batch) -> tensor<?x64xf32>
  // CHECK: llm.pick_rows first %{{.*}} for %{{.*}} : tensor<?x64xf32>
  %15 = llm.pick_rows first %x for %b : tensor<?x64xf32>
  // CHECK: llm.pool_rows max %{{.*}} for %{{.*}} : tensor<?x64xf32>
  %16 = llm.pool_rows max %x for %b : tensor<?x64xf32>
  // CHECK: llm.sum %{{.*}} : (tensor<?x64xf32>) -> tensor<?x1xf32>
  %17 = llm.sum %x : (tensor<?x64xf32>) -> tensor<?x1xf32>
  return
}

// CHECK-LABEL: func.func private @attention
func.func private @attention(%l: index, %b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %v: tensor<?x2x8xf32>, %p: tensor<?xi32>, %f: tensor<4xf32>, %q2: tensor<?x64xf32>, %k2: tensor<?x32xf32>, %v2: tensor<?x16xf32>, %n: tensor<16xf32>, %s: tensor<4xf32>, %hw: tensor<4x5x16xbf16>, %hb: tensor<4x5xf32>) {
  // CHECK: llm.rope adjacent %{{.*}}, %{{.*}}, %{{.*}} from 8 :
  %0 = llm.rope adjacent %q, %p, %f from 8 amplitude 1.0 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32>
  // CHECK: %[[T:.*]] = llm.rope_table %{{.*}}, %{{.*}} amplitude 1.500000e+00 :
  %t = llm.rope_table %p, %f amplitude 1.5 : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  // CHECK: llm.rotate half %{{.*}} by %[[T]] from 4 :
  %1 = llm.rotate half %q by %t from 4 : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  // CHECK: llm.alibi 4{{$}}
  %a = llm.alibi 4 times 1.0
  // CHECK: %[[A:.*]] = llm.alibi 4 times 2.500000e-01 rounded bf16
  %a1 = llm.alibi 4 times 0.25 rounded bf16
  // CHECK: llm.attention %{{.*}} over %{{.*}}, %{{.*}} for %{{.*}} mask [#llm.mask<band, 64>, #llm.mask<chunk, 8192>] scale 1.000000e+00 :
  %2 = llm.attention %q over %k, %v for %b mask [#llm.mask<band, 64>, #llm.mask<chunk, 8192>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x4x8xf32>
  // CHECK: %[[Z:.*]] = llm.append @latent (%{{.*}}) for %{{.*}} : tensor<?x2x16xf32>
  %z = llm.append @latent (%k) for %b : tensor<?x2x16xf32>
  // CHECK: llm.attention %{{.*}} in %[[Z]] values 9 for %{{.*}} mask [#llm.mask<causal>] scale 1.000000e+00 :
  %z0 = llm.attention %q in %z values 9 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x9xf32>
  // CHECK: llm.attention %{{.*}} over %{{.*}} values 9 for %{{.*}} mask [#llm.mask<all>] scale 1.000000e+00 :
  %z1 = llm.attention %q over %k values 9 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, !llm.batch) -> tensor<?x4x9xf32>
  // CHECK: llm.head_linear %{{.*}}, %{{.*}} : (tensor<?x4x16xf32>, tensor<4x5x16xbf16>) -> tensor<?x4x5xf32>
  %z2 = llm.head_linear %q, %hw compute f32 : (tensor<?x4x16xf32>, tensor<4x5x16xbf16>) -> tensor<?x4x5xf32>
  // CHECK: llm.head_linear %{{.*}}, %{{.*}} bias %{{.*}} compute bf16 : (tensor<?x4x16xf32>, tensor<4x5x16xbf16>, tensor<4x5xf32>) -> tensor<?x4x5xf32>
  %z3 = llm.head_linear %q, %hw bias %hb compute bf16 : (tensor<?x4x16xf32>, tensor<4x5x16xbf16>, tensor<4x5xf32>) -> tensor<?x4x5xf32>
  // CHECK: llm.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 4, 2 for %{{.*}} in @kv qk_norm <layer, 9.99999974E-6 : f32> q_norm %{{.*}} k_norm %{{.*}} norm_after_rope rope adjacent %[[T]] from 8 mask [#llm.mask<all>] scale 1.000000e+00 cap 3.000000e+01 sinks %{{.*}} bias %[[A]] :
  %3 = llm.fused_attention %q2, %k2, %v2 heads 4, 2 for %b in @kv qk_norm <layer, 1.0e-5 : f32> q_norm %n k_norm %n norm_after_rope rope adjacent %t from 8 mask [#llm.mask<all>] scale 1.0 cap 30.0 sinks %s bias %a1 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, tensor<?x2x4xf32>, tensor<16xf32>, tensor<16xf32>, tensor<4xf32>, !llm.bias<4>) -> tensor<?x32xf32>
  // CHECK: llm.fused_attention %{{.*}}, %{{.*}}, %{{.*}} heads 4, 2 for %{{.*}} mask [#llm.mask<causal>] scale 1.000000e+00 :
  %4 = llm.fused_attention %q2, %k2, %v2 heads 4, 2 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch) -> tensor<?x32xf32>
  return
}

// CHECK-LABEL: func.func private @products
func.func private @products(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xbf16>) {
  // CHECK: llm.fused_linear %{{.*}} norm <layer, 9.99999974E-6 : f32>(%{{.*}}, %{{.*}}) weights(%{{.*}}) bias(%{{.*}}) residual %{{.*}} compute bf16 act swish beta 1.500000e+00 scale 2.000000e+00 cap 3.000000e+01 :
  %0 = llm.fused_linear %x norm <layer, 1.0e-5 : f32>(%n, %n) weights(%w) bias(%n) residual %x compute bf16 act swish beta 1.5 scale 2.0 cap 30.0 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64x64xbf16>, tensor<64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.fused_linear %{{.*}} norm <rms, 9.99999974E-6 : f32> weights(%{{.*}}, %{{.*}}) bias(%{{.*}}, %{{.*}}) glu act gelu_erf gate_max 1.000000e+00 up_limit 2.000000e+00 up_add 3.000000e+00 :
  %1 = llm.fused_linear %x norm <rms, 1.0e-5 : f32> weights(%w, %w) bias(%n, %n) glu act gelu_erf gate_max 1.0 up_limit 2.0 up_add 3.0 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.fused_linear %{{.*}} weights(%{{.*}}) :
  %2 = llm.fused_linear %x weights(%w) compute f32 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  return
}

// CHECK-LABEL: func.func private @experts
func.func private @experts(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %n: tensor<64xf32>, %r: tensor<4x64xbf16>, %c: tensor<4xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %ub: tensor<4x32xf32>, %db: tensor<4x64xf32>) {
  // CHECK: llm.fused_router %{{.*}} norm <layer, {{.*}}>(%{{.*}}, %{{.*}}) weights(%{{.*}}) bias %{{.*}} correction %{{.*}} compute bf16 sigmoid score_first top 2 normalize 0.000000e+00 scale 2.500000e+00 :
  %0, %1, %2 = llm.fused_router %x norm <layer, 1.0e-5 : f32>(%n, %n) weights(%r) bias %c correction %c compute bf16 sigmoid score_first top 2 normalize 0.0 scale 2.5 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<4x64xbf16>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  // CHECK: llm.fused_router %{{.*}} weights(%{{.*}}) none top_first top 1 :
  %3, %4, %5 = llm.fused_router %x weights(%r) none top_first top 1 : (tensor<?x64xf32>, tensor<4x64xbf16>) -> (tensor<?x64xf32>, tensor<?x1xi32>, tensor<?x1xf32>)
  // CHECK: llm.fused_experts %{{.*}} at %{{.*}} weight %{{.*}} first(%{{.*}}, %{{.*}}) bias(%{{.*}}, %{{.*}}) down(%{{.*}}) down_bias %{{.*}} residual %{{.*}} glu act swish beta 1.500000e+00 gate_max 1.000000e+00 up_limit 2.000000e+00 up_add 3.000000e+00 scale_input :
  %6 = llm.fused_experts %x at %i weight %p first(%u, %u) bias(%ub, %ub) down(%d) down_bias %db residual %x compute f32 glu act swish beta 1.5 gate_max 1.0 up_limit 2.0 up_add 3.0 scale_input : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: llm.fused_experts %{{.*}} at %{{.*}} first(%{{.*}}) down(%{{.*}}) act relu :
  %7 = llm.fused_experts %x at %i first(%u) down(%d) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  // CHECK: llm.experts %{{.*}} at %{{.*}} with() in_scale %{{.*}} out_scale %{{.*}} :
  %8 = llm.experts %x at %i with () in_scale %p out_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%h: tensor<?x64xf32>):
    llm.yield %h : tensor<?x64xf32>
  }
  return
}
