// RUN: sluice-opt %s --fuse-rope-attention=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-rope-attention: fused at {{.*}}: append and attention
// CHECK-DAG: fuse-rope-attention: fused at {{.*}}: attention
// CHECK-DAG: fuse-rope-attention: not fused at {{.*}}: only one of q and k is rotated
// CHECK-DAG: fuse-rope-attention: not fused at {{.*}}: the cache is not written here by keys and values
// CHECK-DAG: fuse-rope-attention: not fused at {{.*}}: rotated without a shared table
// CHECK-DAG: fuse-rope-attention: not fused at {{.*}}: only one of the norms of q and k has a weight for each head

llm.state @kv cache {k = [2, 16], v = [2, 16]} layers [0]

// CHECK-LABEL: func.func private @normed
// CHECK-NEXT: %[[A:.*]] = llm.fused_attention %arg2, %arg3, %arg3 heads 4, 2 for %arg1 in @kv[%arg0] qk_norm <rms, {{.*}}> q_norm %arg5 k_norm %arg5 rope half %arg4 mask [#llm.mask<causal>] scale 2.500000e-01
// CHECK-NEXT: return %[[A]]
func.func private @normed(%l: index, %b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %t: tensor<?x2x8xf32>, %n: tensor<16xf32>) -> tensor<?x64xf32> {
  %q1 = llm.reshape %q to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %v1 = llm.reshape %k to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %q2 = llm.rms_norm %q1, %n eps 1.0e-6 : (tensor<?x4x16xf32>, tensor<16xf32>) -> tensor<?x4x16xf32>
  %k2 = llm.rms_norm %k1, %n eps 1.0e-6 : (tensor<?x2x16xf32>, tensor<16xf32>) -> tensor<?x2x16xf32>
  %q3 = llm.rotate half %q2 by %t : (tensor<?x4x16xf32>, tensor<?x2x8xf32>) -> tensor<?x4x16xf32>
  %k3 = llm.rotate half %k2 by %t : (tensor<?x2x16xf32>, tensor<?x2x8xf32>) -> tensor<?x2x16xf32>
  %kv = llm.append @kv[%l] (%k3, %v1) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %a = llm.attention %q3 in %kv for %b mask [#llm.mask<causal>] scale 0.25 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  %r = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @uncached
// CHECK-NEXT: %[[A:.*]] = llm.fused_attention %arg1, %arg2, %arg2 heads 4, 2 for %arg0 mask [#llm.mask<all>] scale 1.000000e+00 bias %arg3
// CHECK-NEXT: return %[[A]]
func.func private @uncached(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %bias: !llm.bias<4>) -> tensor<?x64xf32> {
  %q1 = llm.reshape %q to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %a = llm.attention %q1 over %k1, %k1 for %b mask [#llm.mask<all>] scale 1.0 bias %bias : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  %r = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @declines
// CHECK-NOT: llm.fused_attention
func.func private @declines(%l: index, %b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %t: tensor<?x2x8xf32>, %p: tensor<?xi32>, %f: tensor<8xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %q1 = llm.reshape %q to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %q2 = llm.rotate half %q1 by %t : (tensor<?x4x16xf32>, tensor<?x2x8xf32>) -> tensor<?x4x16xf32>
  %a = llm.attention %q2 over %k1, %k1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  %r = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %kv = llm.cached @kv[%l]
  %c = llm.attention %q1 in %kv for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  %cr = llm.reshape %c to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %q3 = llm.rope half %q1, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  %d = llm.attention %q3 over %k1, %k1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  %dr = llm.reshape %d to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r, %cr, %dr : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// The kernel takes both weights per head or both for all heads.
// CHECK-LABEL: func.func private @weights_unlike
// CHECK-NOT: llm.fused_attention
func.func private @weights_unlike(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %n: tensor<4x16xf32>, %m: tensor<16xf32>) -> tensor<?x64xf32> {
  %q1 = llm.reshape %q to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %v1 = llm.reshape %k to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %q2 = llm.rms_norm %q1, %n eps 1.0e-6 : (tensor<?x4x16xf32>, tensor<4x16xf32>) -> tensor<?x4x16xf32>
  %k2 = llm.rms_norm %k1, %m eps 1.0e-6 : (tensor<?x2x16xf32>, tensor<16xf32>) -> tensor<?x2x16xf32>
  %a = llm.attention %q2 over %k2, %v1 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  %r = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}
