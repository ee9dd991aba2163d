// Layers whose norms follow the sums, and a decoder layer with
// cross-attention, through the pipeline.
// RUN: sluice-opt %s --fusion-pipeline | FileCheck %s

llm.weight @w : tensor<64x64xf32> layers [0]
llm.weight @b : tensor<64xf32> layers [0]
llm.state @kv cache {k = [4, 16], v = [4, 16]} layers [0]
llm.state @cross cache {k = [4, 16], v = [4, 16]} layers [0] once

// The normalised rows are residuals too, so norms stay; everything else fuses.
// CHECK-LABEL: func.func private @post_norm
// CHECK: %[[QKV:.*]]:3 = llm.fused_linear %arg2 weights(%{{.*}}, %{{.*}}, %{{.*}}) bias(%{{.*}}, %{{.*}}, %{{.*}})
// CHECK: %[[A:.*]] = llm.fused_attention %[[QKV]]#0, %[[QKV]]#1, %[[QKV]]#2 heads 4, 4 for %arg1 mask [#llm.mask<all>]
// CHECK: %[[O:.*]] = llm.fused_linear %[[A]] weights(%{{.*}}) bias(%{{.*}}) residual %arg2
// CHECK: %[[N:.*]] = llm.layer_norm %[[O]]
// CHECK: %[[U:.*]] = llm.fused_linear %[[N]] weights(%{{.*}}) bias(%{{.*}}) act gelu_erf
// CHECK: %[[D:.*]] = llm.fused_linear %[[U]] weights(%{{.*}}) residual %[[N]]
// CHECK: llm.layer_norm %[[D]]
func.func private @post_norm(%l: index, %batch: !llm.batch, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = llm.use @w[%l] : tensor<64x64xf32>
  %b = llm.use @b[%l] : tensor<64xf32>
  %q = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %k = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %v = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %q1 = llm.reshape %q to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k1 = llm.reshape %k to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %v1 = llm.reshape %v to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %a = llm.attention %q1 over %k1, %v1 for %batch mask [#llm.mask<all>] scale 0.25 : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  %a1 = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %o = llm.linear %a1, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %x1 = llm.binary add %x, %o : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %n1 = llm.layer_norm %x1, %b bias %b eps 1.0e-12 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %u = llm.linear %n1, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %ua = llm.act gelu_erf %u : tensor<?x64xf32>
  %d = llm.linear %ua, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %x2 = llm.binary add %n1, %d : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %n2 = llm.layer_norm %x2, %b bias %b eps 1.0e-12 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %n2 : tensor<?x64xf32>
}

// The norm goes into q; attention over the encoder's cache stays as it is.
// CHECK-LABEL: func.func private @cross_attention
// CHECK: %[[Q:.*]] = llm.fused_linear %arg2 norm <rms, {{.*}}> weights(%{{.*}})
// CHECK: %[[H:.*]] = llm.reshape %[[Q]] to [4, 16]
// CHECK: %[[C:.*]] = llm.cached @cross[%arg0]
// CHECK: %[[A:.*]] = llm.attention %[[H]] in %[[C]]
// CHECK: %[[R:.*]] = llm.reshape %[[A]] to [64]
// CHECK: llm.fused_linear %[[R]] weights(%{{.*}}) residual %arg2
func.func private @cross_attention(%l: index, %batch: !llm.batch, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = llm.use @w[%l] : tensor<64x64xf32>
  %h = llm.rms_norm %x eps 1.0e-6 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %q = llm.linear %h, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %q1 = llm.reshape %q to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %kv = llm.cached @cross[%l]
  %a = llm.attention %q1 in %kv for %batch mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  %a1 = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %o = llm.linear %a1, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %x1 = llm.binary add %x, %o : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %x1 : tensor<?x64xf32>
}
