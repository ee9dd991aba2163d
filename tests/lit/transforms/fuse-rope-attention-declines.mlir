// q, k, v or a result that one kernel could not treat alike.
// RUN: sluice-opt %s --fuse-rope-attention=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-rope-attention: not fused at (tables): q and k are rotated differently{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (pairing): q and k are rotated differently{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (from): q and k are rotated differently{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (eps): q and k are normalised differently{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (one norm): q and k are normalised differently{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (one weight): only one of the norms of q and k has a weight{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (orders): q and k are normalised and rotated in another order{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (v): v is normalised or rotated{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (norm bias): q, k or v is not reshaped from rows{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (argument): q, k or v is not reshaped from rows{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (two rotations): q, k or v is not reshaped from rows{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (no rows): the result is not reshaped to rows{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (two readers): the result is not reshaped to rows{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (q read): a value between product and attention is also read here{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (cache read): a value between product and attention is also read here{{ \(|$}}
// CHECK-DAG: fuse-rope-attention: not fused at (latent): its values are channels of its keys{{ \(|$}}

llm.state @kv cache {k = [4, 16], v = [4, 16]}
llm.state @latent cache {k = [4, 16]}

// One table, one pairing and one place for both.
// CHECK-LABEL: func.func private @rotated
// CHECK-NOT: llm.fused_attention
// CHECK: return
func.func private @rotated(%b: !llm.batch, %x: tensor<?x64xf32>, %t: tensor<?x2x4xf32>, %u: tensor<?x2x4xf32>, %w: tensor<16xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %h0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q0 = llm.rotate half %h0 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %k0 = llm.rotate half %g0 by %u : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %a0 = llm.attention %q0 over %k0, %v0 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("tables")
  %r0 = llm.reshape %a0 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q1 = llm.rotate half %h1 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.rotate adjacent %g1 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %a1 = llm.attention %q1 over %k1, %v1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("pairing")
  %r1 = llm.reshape %a1 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q2 = llm.rotate half %h2 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %k2 = llm.rotate half %g2 by %t from 8 : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %a2 = llm.attention %q2 over %k2, %v2 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("from")
  %r2 = llm.reshape %a2 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r0, %r1, %r2 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// One norm for both, on the same side of the rotation.
// CHECK-LABEL: func.func private @normed
// CHECK-NOT: llm.fused_attention
// CHECK: return
func.func private @normed(%b: !llm.batch, %x: tensor<?x64xf32>, %t: tensor<?x2x4xf32>, %u: tensor<?x2x4xf32>, %w: tensor<16xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %h0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q0 = llm.rms_norm %h0 eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %k0 = llm.rms_norm %g0 eps 1.0e-6 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %a0 = llm.attention %q0 over %k0, %v0 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("eps")
  %r0 = llm.reshape %a0 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q1 = llm.rms_norm %h1 eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %a1 = llm.attention %q1 over %g1, %v1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("one norm")
  %r1 = llm.reshape %a1 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q2 = llm.rms_norm %h2, %w eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<16xf32>) -> tensor<?x4x16xf32>
  %k2 = llm.rms_norm %g2 eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %a2 = llm.attention %q2 over %k2, %v2 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("one weight")
  %r2 = llm.reshape %a2 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %n3 = llm.rms_norm %h3 eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %q3 = llm.rotate half %n3 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %n4 = llm.rotate half %g3 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %k3 = llm.rms_norm %n4 eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %a3 = llm.attention %q3 over %k3, %v3 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("orders")
  %r3 = llm.reshape %a3 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r0, %r1, %r2, %r3 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// What the kernel does on the way is at most one norm without a bias and one rotation.
// CHECK-LABEL: func.func private @ways
// CHECK-NOT: llm.fused_attention
// CHECK: return
func.func private @ways(%b: !llm.batch, %x: tensor<?x64xf32>, %t: tensor<?x2x4xf32>, %u: tensor<?x2x4xf32>, %w: tensor<16xf32>, %p: tensor<?x4x16xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %q0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %n0 = llm.rms_norm %v0 eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %a0 = llm.attention %q0 over %k0, %n0 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("v")
  %r0 = llm.reshape %a0 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q1 = llm.layer_norm %h1 bias %w eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<16xf32>) -> tensor<?x4x16xf32>
  %a1 = llm.attention %q1 over %k1, %v1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("norm bias")
  %r1 = llm.reshape %a1 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %k2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %a2 = llm.attention %p over %k2, %v2 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("argument")
  %r2 = llm.reshape %a2 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %h3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %i3 = llm.rotate half %h3 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %q3 = llm.rotate half %i3 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %a3 = llm.attention %q3 over %k3, %v3 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("two rotations")
  %r3 = llm.reshape %a3 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r0, %r1, %r2, %r3 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// What is read elsewhere must stay a value.
// CHECK-LABEL: func.func private @readers
// CHECK-NOT: llm.fused_attention
// CHECK: return
func.func private @readers(%b: !llm.batch, %x: tensor<?x64xf32>, %t: tensor<?x2x4xf32>, %u: tensor<?x2x4xf32>, %w: tensor<16xf32>) -> (tensor<?x4x16xf32>, tensor<?x64xf32>, tensor<?x4x16xf32>, tensor<?x64xf32>, tensor<?x4x16xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %q0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %a0 = llm.attention %q0 over %k0, %v0 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("no rows")
  %q1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v1 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %a1 = llm.attention %q1 over %k1, %v1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("two readers")
  %r1 = llm.reshape %a1 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %s1 = llm.act tanh %a1 : tensor<?x4x16xf32>
  %h2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %q2 = llm.rotate half %h2 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %g2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k2 = llm.rotate half %g2 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %v2 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %a2 = llm.attention %q2 over %k2, %v2 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32> loc("q read")
  %r2 = llm.reshape %a2 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %q3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v3 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %c = llm.append @kv (%k3, %v3) for %b : tensor<?x4x16xf32>, tensor<?x4x16xf32>
  %a3 = llm.attention %q3 in %c for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32> loc("cache read")
  %r3 = llm.reshape %a3 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %a4 = llm.attention %q2 in %c for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32> loc("cache read")
  %r4 = llm.reshape %a4 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %a0, %r1, %s1, %r2, %q2, %r3, %r4 : tensor<?x4x16xf32>, tensor<?x64xf32>, tensor<?x4x16xf32>, tensor<?x64xf32>, tensor<?x4x16xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// The other forms: rotation, then a norm of layers with a weight for each head,
// sinks and a cap; and neither norm nor rotation, over keys that are the values.
// CHECK-LABEL: func.func private @forms
// CHECK-NEXT: %[[A:.*]] = llm.fused_attention %arg1, %arg1, %arg1 heads 4, 4 for %arg0 in @kv qk_norm <layer, {{.*}}> q_norm %arg3 k_norm %arg3 norm_after_rope rope adjacent %arg2 from 8 mask [#llm.mask<causal>] scale 1.000000e+00 cap 5.000000e+01 sinks %arg4
// CHECK-NEXT: %[[B:.*]] = llm.fused_attention %[[A]], %[[A]], %[[A]] heads 4, 4 for %arg0 mask [#llm.mask<all>] scale 1.000000e+00 :
// CHECK-NEXT: return %[[B]]
func.func private @forms(%b: !llm.batch, %x: tensor<?x64xf32>, %t: tensor<?x2x4xf32>, %n: tensor<4x16xf32>, %s: tensor<4xf32>) -> tensor<?x64xf32> {
  %h = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %g = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %h1 = llm.rotate adjacent %h by %t from 8 : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %g1 = llm.rotate adjacent %g by %t from 8 : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %q = llm.layer_norm %h1, %n eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<4x16xf32>) -> tensor<?x4x16xf32>
  %k = llm.layer_norm %g1, %n eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<4x16xf32>) -> tensor<?x4x16xf32>
  llm.tap %k "gone" : tensor<?x4x16xf32>
  %c = llm.append @kv (%k, %v) for %b : tensor<?x4x16xf32>, tensor<?x4x16xf32>
  %a = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 1.0 cap 50.0 sinks %s : (tensor<?x4x16xf32>, !llm.cache, !llm.batch, tensor<4xf32>) -> tensor<?x4x16xf32>
  %r = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %m = llm.reshape %r to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %o = llm.attention %m over %m, %m for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  %f = llm.reshape %o to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %f : tensor<?x64xf32>
}

// Keys that are the values, too.
// CHECK-LABEL: func.func private @keys_alone
// CHECK-NOT: llm.fused_attention
// CHECK: return
func.func private @keys_alone(%b: !llm.batch, %x: tensor<?x64xf32>) -> tensor<?x48xf32> {
  %q = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %c = llm.append @latent (%k) for %b : tensor<?x4x16xf32>
  %a = llm.attention %q in %c values 12 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x12xf32> loc("latent")
  %r = llm.reshape %a to [48] : (tensor<?x4x12xf32>) -> tensor<?x48xf32>
  return %r : tensor<?x48xf32>
}
