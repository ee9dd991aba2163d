// Every part of a fused op as an op, in the order of its definition; a part
// that is not there is no op.
// RUN: sluice-opt %s --decompose-fused | FileCheck %s

// CHECK-NOT: llm.fused

// CHECK-LABEL: func.func private @linear
// CHECK-NEXT: %[[H:.*]] = llm.layer_norm %arg0, %arg1 bias %arg2 eps 9.99999974E-6
// CHECK-NEXT: %[[L:.*]] = llm.linear %[[H]], %arg3 bias %arg2 compute bf16
// CHECK-NEXT: %[[A:.*]] = llm.act swish %[[L]] beta 1.500000e+00
// CHECK-NEXT: %[[C:.*]] = llm.constant 5.000000e-01
// CHECK-NEXT: %[[S:.*]] = llm.binary mul %[[A]], %[[C]]
// CHECK-NEXT: %[[T:.*]] = llm.softcap %[[S]] limit 3.000000e+01
// CHECK-NEXT: %[[Y:.*]] = llm.binary add %arg0, %[[T]]
// CHECK-NEXT: %[[P:.*]] = llm.linear %[[Y]], %arg3 :
// CHECK-NEXT: %[[Q:.*]] = llm.linear %[[Y]], %arg3 :
// CHECK-NEXT: return %[[P]], %[[Q]]
func.func private @linear(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %b: tensor<64xf32>, %w: tensor<64x64xbf16>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %y = llm.fused_linear %x norm <layer, 1.0e-5 : f32>(%n, %b) weights(%w) bias(%b) residual %x compute bf16 act swish beta 1.5 scale 0.5 cap 30.0 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64x64xbf16>, tensor<64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %p, %q = llm.fused_linear %y weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64x64xbf16>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return %p, %q : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @glu
// CHECK-NEXT: %[[N:.*]] = llm.rms_norm %arg0 eps
// CHECK-NEXT: %[[G:.*]] = llm.linear %[[N]], %arg1 bias %arg3
// CHECK-NEXT: %[[U:.*]] = llm.linear %[[N]], %arg2 bias %arg4
// CHECK-NEXT: %[[GC:.*]] = llm.clamp %[[G]] high 7.000000e+00
// CHECK-NEXT: %[[UC:.*]] = llm.clamp %[[U]] low -6.000000e+00 high 6.000000e+00
// CHECK-NEXT: %[[ONE:.*]] = llm.constant 1.000000e+00
// CHECK-NEXT: %[[UP:.*]] = llm.binary add %[[UC]], %[[ONE]]
// CHECK-NEXT: %[[A:.*]] = llm.act silu %[[GC]]
// CHECK-NEXT: %[[M:.*]] = llm.binary mul %[[A]], %[[UP]]
// CHECK-NEXT: %[[C:.*]] = llm.constant 2.000000e+00
// CHECK-NEXT: %[[S:.*]] = llm.binary mul %[[M]], %[[C]]
// CHECK-NEXT: return %[[S]]
func.func private @glu(%x: tensor<?x64xf32>, %g: tensor<64x64xf32>, %u: tensor<64x64xf32>, %b: tensor<64xf32>, %c: tensor<64xf32>) -> tensor<?x64xf32> {
  %0 = llm.fused_linear %x norm <rms, 1.0e-5 : f32> weights(%g, %u) bias(%b, %c) glu act silu gate_max 7.0 up_limit 6.0 up_add 1.0 scale 2.0 : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

llm.state @kv cache {k = [2, 16], v = [2, 8]} layers [0]

// Norm, rotation, append, attention; or rotation, norm, attention over rows.
// CHECK-LABEL: func.func private @attention
// CHECK-NEXT: %[[Q:.*]] = llm.reshape %arg2 to [4, 16]
// CHECK-NEXT: %[[QN:.*]] = llm.rms_norm %[[Q]], %arg6 eps
// CHECK-NEXT: %[[QR:.*]] = llm.rotate half %[[QN]] by %arg5 from 4
// CHECK-NEXT: %[[K:.*]] = llm.reshape %arg3 to [2, 16]
// CHECK-NEXT: %[[KN:.*]] = llm.rms_norm %[[K]] eps
// CHECK-NEXT: %[[KR:.*]] = llm.rotate half %[[KN]] by %arg5 from 4
// CHECK-NEXT: %[[V:.*]] = llm.reshape %arg4 to [2, 8]
// CHECK-NEXT: %[[C:.*]] = llm.append @kv[%arg0] (%[[KR]], %[[V]]) for %arg1
// CHECK-NEXT: %[[A:.*]] = llm.attention %[[QR]] in %[[C]] for %arg1 mask [#llm.mask<causal>] scale 2.500000e-01 cap 5.000000e+01 sinks %arg7 bias %arg8
// CHECK-NEXT: llm.reshape %[[A]] to [32]
// CHECK-NEXT: %[[Q:.*]] = llm.reshape %arg2 to [4, 16]
// CHECK-NEXT: %[[QR:.*]] = llm.rotate half %[[Q]] by %arg5 :
// CHECK-NEXT: %[[QN:.*]] = llm.layer_norm %[[QR]] eps
// CHECK-NEXT: %[[K:.*]] = llm.reshape %arg3 to [2, 16]
// CHECK-NEXT: %[[KR:.*]] = llm.rotate half %[[K]] by %arg5 :
// CHECK-NEXT: %[[KN:.*]] = llm.layer_norm %[[KR]] eps
// CHECK-NEXT: %[[V:.*]] = llm.reshape %arg4 to [2, 8]
// CHECK-NEXT: %[[A:.*]] = llm.attention %[[QN]] over %[[KN]], %[[V]] for
func.func private @attention(%l: index, %b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %t: tensor<?x2x4xf32>, %n: tensor<16xf32>, %s: tensor<4xf32>, %bias: !llm.bias<4>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %0 = llm.fused_attention %q, %k, %v heads 4, 2 for %b in @kv[%l] qk_norm <rms, 1.0e-5 : f32> q_norm %n rope half %t from 4 mask [#llm.mask<causal>] scale 0.25 cap 50.0 sinks %s bias %bias : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, index, tensor<?x2x4xf32>, tensor<16xf32>, tensor<4xf32>, !llm.bias<4>) -> tensor<?x32xf32>
  %1 = llm.fused_attention %q, %k, %v heads 4, 2 for %b qk_norm <layer, 1.0e-5 : f32> norm_after_rope rope half %t mask [#llm.mask<all>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, tensor<?x2x4xf32>) -> tensor<?x32xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}

// Only the choice sees the correction.
// CHECK-LABEL: func.func private @router
// CHECK-NEXT: %[[L:.*]] = llm.linear %arg0, %arg1 bias %arg2
// CHECK-NEXT: %[[S:.*]] = llm.act sigmoid %[[L]]
// CHECK-NEXT: %[[C:.*]] = llm.binary add %[[S]], %arg2
// CHECK-NEXT: %[[I:.*]] = llm.top_k %[[C]], 2
// CHECK-NEXT: %[[P:.*]] = llm.pick %[[S]] at %[[I]]
// CHECK-NEXT: %[[N:.*]] = llm.normalize %[[P]] eps 9.99999968E-21
// CHECK-NEXT: %[[K:.*]] = llm.constant 2.500000e+00
// CHECK-NEXT: %[[W:.*]] = llm.binary mul %[[N]], %[[K]]
// CHECK-NEXT: %[[L:.*]] = llm.linear %arg0, %arg1 :
// CHECK-NEXT: %[[J:.*]] = llm.top_k %[[L]], 3
// CHECK-NEXT: %[[P:.*]] = llm.pick %[[L]] at %[[J]]
// CHECK-NEXT: %[[Q:.*]] = llm.softmax %[[P]]
// CHECK-NEXT: return %arg0, %[[W]], %[[Q]]
func.func private @router(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>, %b: tensor<4xf32>) -> (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x3xf32>) {
  %h, %i, %p = llm.fused_router %x weights(%w) bias %b correction %b sigmoid score_first top 2 normalize 1.0e-20 scale 2.5 : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  %g, %j, %q = llm.fused_router %x weights(%w) softmax top_first top 3 : (tensor<?x64xf32>, tensor<4x64xf32>) -> (tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>)
  return %g, %p, %q : tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x3xf32>
}

// Stacked weights in the order first, down, biases of the first, bias of down.
// CHECK-LABEL: func.func private @experts
// CHECK-NEXT: %[[E:.*]] = llm.experts %arg0 at %arg1 with(%arg3, %arg3, %arg4, %arg5, %arg5, %arg6) in_scale %arg2 :
// CHECK-NEXT: ^bb0(%[[R:.*]]: tensor<?x64xf32>, %[[G:.*]]: tensor<32x64xf32>, %[[U:.*]]: tensor<32x64xf32>, %[[D:.*]]: tensor<64x32xf32>, %[[GB:.*]]: tensor<32xf32>, %[[UB:.*]]: tensor<32xf32>, %[[DB:.*]]: tensor<64xf32>):
// CHECK-NEXT: %[[A:.*]] = llm.linear %[[R]], %[[G]] bias %[[GB]]
// CHECK-NEXT: %[[B:.*]] = llm.linear %[[R]], %[[U]] bias %[[UB]]
// CHECK: %[[M:.*]] = llm.binary mul
// CHECK-NEXT: %[[O:.*]] = llm.linear %[[M]], %[[D]] bias %[[DB]]
// CHECK-NEXT: llm.yield %[[O]]
// CHECK: %[[Y:.*]] = llm.binary add %arg0, %[[E]]
// CHECK-NEXT: llm.experts %[[Y]] at %arg1 with(%arg3, %arg4) :
func.func private @experts(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %ub: tensor<4x32xf32>, %db: tensor<4x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.fused_experts %x at %i weight %p first(%u, %u) bias(%ub, %ub) down(%d) down_bias %db residual %x glu act silu scale_input : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = llm.fused_experts %0 at %i first(%u) down(%d) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}
