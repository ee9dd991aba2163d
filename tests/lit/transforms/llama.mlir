// A whole gated decoder through the pipeline: what a layer becomes.
// RUN: sluice-opt %s --fusion-pipeline | FileCheck %s
// RUN: sluice-opt %s --fusion-pipeline --decompose-fused | FileCheck %s --check-prefix=UNFUSED
// RUN: sluice-opt %s --pass-pipeline="builtin.module(fusion-pipeline{disable=share-rope,wanted-rows,merge-siblings,fuse-norm-matmul,fuse-swiglu,fuse-epilogue,fuse-rope-attention,fuse-moe-dispatch,fuse-elementwise})" | FileCheck %s --check-prefix=TWIN
// RUN: sluice-opt %s --fusion-pipeline --mlir-print-debuginfo | FileCheck %s --check-prefix=PLACES

llm.weight @embed : tensor<128x64xbf16>
llm.weight @norm : tensor<64xf32>
llm.weight @layers.n1 : tensor<64xf32> layers [0, 1]
llm.weight @layers.n2 : tensor<64xf32> layers [0, 1]
llm.weight @layers.q : tensor<64x64xbf16> layers [0, 1]
llm.weight @layers.k : tensor<32x64xbf16> layers [0, 1]
llm.weight @layers.v : tensor<32x64xbf16> layers [0, 1]
llm.weight @layers.o : tensor<64x64xbf16> layers [0, 1]
llm.weight @layers.gate : tensor<96x64xbf16> layers [0, 1]
llm.weight @layers.up : tensor<96x64xbf16> layers [0, 1]
llm.weight @layers.down : tensor<64x96xbf16> layers [0, 1]
llm.state @layers.kv cache {k = [2, 16], v = [2, 16]} layers [0, 1]

// CHECK-LABEL: func.func private @layer
// CHECK-SAME: (%[[L:.*]]: index, %[[B:.*]]: !llm.batch, %[[X:.*]]: tensor<?x64xf32>, %[[T:.*]]: tensor<?x2x8xf32>)
// CHECK: %[[QKV:.*]]:3 = llm.fused_linear %[[X]] norm <rms, {{.*}}>(%{{.*}}) weights(%{{.*}}, %{{.*}}, %{{.*}}) compute bf16
// CHECK: %[[A:.*]] = llm.fused_attention %[[QKV]]#0, %[[QKV]]#1, %[[QKV]]#2 heads 4, 2 for %[[B]] in @layers.kv[%[[L]]] rope half %[[T]] mask [#llm.mask<causal>] scale 2.500000e-01
// CHECK: %[[X1:.*]] = llm.fused_linear %[[A]] weights(%{{.*}}) residual %[[X]] compute bf16
// CHECK: %[[M:.*]] = llm.fused_linear %[[X1]] norm <rms, {{.*}}>(%{{.*}}) weights(%{{.*}}, %{{.*}}) compute bf16 glu act silu
// CHECK: %[[X2:.*]] = llm.fused_linear %[[M]] weights(%{{.*}}) residual %[[X1]] compute bf16
// CHECK-NEXT: return %[[X2]]

// UNFUSED-LABEL: func.func private @layer
// UNFUSED-NOT: fused
// UNFUSED: llm.rotate
// UNFUSED: llm.append @layers.kv
// UNFUSED: llm.attention
// UNFUSED: llm.binary mul

// TWIN-LABEL: func.func private @layer
// TWIN-NOT: fused
// TWIN: llm.rope half

// PLACES-DAG: loc(fused<"fuse-rope-attention">
// PLACES-DAG: loc(fused<"fuse-swiglu">
func.func private @layer(%l: index, %b: !llm.batch, %x: tensor<?x64xf32>, %pos: tensor<?xi32>, %f: tensor<8xf32>) -> tensor<?x64xf32> {
  %n1 = llm.use @layers.n1[%l] : tensor<64xf32>
  %h = llm.rms_norm %x, %n1 eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %wq = llm.use @layers.q[%l] : tensor<64x64xbf16>
  %q0 = llm.linear %h, %wq compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %wk = llm.use @layers.k[%l] : tensor<32x64xbf16>
  %k0 = llm.linear %h, %wk compute bf16 : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  %wv = llm.use @layers.v[%l] : tensor<32x64xbf16>
  %v0 = llm.linear %h, %wv compute bf16 : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  %q1 = llm.reshape %q0 to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k0 to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %v1 = llm.reshape %v0 to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %q = llm.rope half %q1, %pos, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  %k = llm.rope half %k1, %pos, %f : (tensor<?x2x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x2x16xf32>
  %c = llm.append @layers.kv[%l] (%k, %v1) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %a = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 0.25 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  %af = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %wo = llm.use @layers.o[%l] : tensor<64x64xbf16>
  %ao = llm.linear %af, %wo compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %x1 = llm.binary add %x, %ao : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %n2 = llm.use @layers.n2[%l] : tensor<64xf32>
  %h2 = llm.rms_norm %x1, %n2 eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %wg = llm.use @layers.gate[%l] : tensor<96x64xbf16>
  %g = llm.linear %h2, %wg compute bf16 : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
  %wu = llm.use @layers.up[%l] : tensor<96x64xbf16>
  %u = llm.linear %h2, %wu compute bf16 : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
  %ga = llm.act silu %g : tensor<?x96xf32>
  %m = llm.binary mul %ga, %u : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  %wd = llm.use @layers.down[%l] : tensor<64x96xbf16>
  %d = llm.linear %m, %wd compute bf16 : (tensor<?x96xf32>, tensor<64x96xbf16>) -> tensor<?x64xf32>
  %x2 = llm.binary add %x1, %d : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %x2 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @generate
// CHECK: %[[T:.*]] = llm.rope_table
// CHECK: %[[X1:.*]] = call @layer(%{{.*}}, %arg0, %{{.*}}, %[[T]])
// CHECK: %[[X2:.*]] = call @layer(%{{.*}}, %arg0, %[[X1]], %[[T]])
// CHECK: %[[R:.*]] = llm.wanted_rows %[[X2]]
// CHECK: %[[G:.*]] = llm.fused_linear %[[R]] norm
// CHECK: return %[[G]]
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x128xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %f = llm.rope_freqs 16 theta 10000.0 : tensor<8xf32>
  %e = llm.use @embed : tensor<128x64xbf16>
  %x0 = llm.embedding %ids, %e : (tensor<?xi32>, tensor<128x64xbf16>) -> tensor<?x64xf32>
  %l0 = arith.constant 0 : index
  %x1 = call @layer(%l0, %b, %x0, %pos, %f) : (index, !llm.batch, tensor<?x64xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x64xf32>
  %l1 = arith.constant 1 : index
  %x2 = call @layer(%l1, %b, %x1, %pos, %f) : (index, !llm.batch, tensor<?x64xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x64xf32>
  %n = llm.use @norm : tensor<64xf32>
  %h = llm.rms_norm %x2, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %e2 = llm.use @embed : tensor<128x64xbf16>
  %g = llm.linear %h, %e2 compute bf16 : (tensor<?x64xf32>, tensor<128x64xbf16>) -> tensor<?x128xf32>
  %r = llm.wanted_rows %g for %b : tensor<?x128xf32>
  return %r : tensor<?x128xf32>
}
