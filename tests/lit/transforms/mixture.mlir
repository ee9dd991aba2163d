// A layer with routed experts through the pipeline, and back.
// RUN: sluice-opt %s --fusion-pipeline | FileCheck %s
// RUN: sluice-opt %s --fusion-pipeline --decompose-fused | FileCheck %s --check-prefix=UNFUSED

llm.weight @n : tensor<64xf32> layers [0]
llm.weight @router : tensor<4x64xf32> layers [0]
llm.weight @gate : tensor<4x96x64xbf16> layers [0]
llm.weight @up : tensor<4x96x64xbf16> layers [0]
llm.weight @down : tensor<4x64x96xbf16> layers [0]

// CHECK-LABEL: func.func private @moe
// CHECK: %[[H:.*]], %[[I:.*]], %[[P:.*]] = llm.fused_router %arg1 norm <rms, {{.*}}>(%{{.*}}) weights(%{{.*}}) softmax score_first top 2 normalize
// CHECK: %[[Y:.*]] = llm.fused_experts %[[H]] at %[[I]] weight %[[P]] first(%[[G:.*]], %[[U:.*]]) down(%{{.*}}) residual %arg1 compute bf16 glu act silu
// CHECK-NEXT: return %[[Y]]

// UNFUSED-LABEL: func.func private @moe
// UNFUSED: %[[H:.*]] = llm.rms_norm %arg1
// UNFUSED: %[[L:.*]] = llm.linear %[[H]]
// UNFUSED: %[[S:.*]] = llm.softmax %[[L]]
// UNFUSED: %[[I:.*]] = llm.top_k %[[S]], 2
// UNFUSED: %[[P:.*]] = llm.pick %[[S]] at %[[I]]
// UNFUSED: %[[W:.*]] = llm.normalize %[[P]]
// UNFUSED: %[[Y:.*]] = llm.experts %[[H]] at %[[I]] with(%{{.*}}, %{{.*}}, %{{.*}}) out_scale %[[W]]
// UNFUSED-NEXT: ^bb0(%[[R:.*]]: tensor<?x64xf32>, %[[WG:.*]]: tensor<96x64xbf16>, %[[WU:.*]]: tensor<96x64xbf16>, %[[WD:.*]]: tensor<64x96xbf16>):
// UNFUSED-NEXT: %[[G:.*]] = llm.linear %[[R]], %[[WG]] compute bf16
// UNFUSED-NEXT: %[[U:.*]] = llm.linear %[[R]], %[[WU]] compute bf16
// UNFUSED-NEXT: %[[A:.*]] = llm.act silu %[[G]]
// UNFUSED-NEXT: %[[M:.*]] = llm.binary mul %[[A]], %[[U]]
// UNFUSED-NEXT: %[[D:.*]] = llm.linear %[[M]], %[[WD]] compute bf16
// UNFUSED-NEXT: llm.yield %[[D]]
// UNFUSED: llm.binary add %arg1, %[[Y]]
func.func private @moe(%l: index, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %n = llm.use @n[%l] : tensor<64xf32>
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %wr = llm.use @router[%l] : tensor<4x64xf32>
  %s0 = llm.linear %h, %wr : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s = llm.softmax %s0 : tensor<?x4xf32>
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %s at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %w = llm.normalize %p : tensor<?x2xf32>
  %wg = llm.use @gate[%l] : tensor<4x96x64xbf16>
  %wu = llm.use @up[%l] : tensor<4x96x64xbf16>
  %wd = llm.use @down[%l] : tensor<4x64x96xbf16>
  %y = llm.experts %h at %i with (%wg, %wu, %wd) out_scale %w : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x96x64xbf16>, tensor<4x96x64xbf16>, tensor<4x64x96xbf16>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %g: tensor<96x64xbf16>, %u: tensor<96x64xbf16>, %d: tensor<64x96xbf16>):
    %0 = llm.linear %r, %g compute bf16 : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
    %1 = llm.linear %r, %u compute bf16 : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
    %2 = llm.act silu %0 : tensor<?x96xf32>
    %3 = llm.binary mul %2, %1 : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
    %4 = llm.linear %3, %d compute bf16 : (tensor<?x96xf32>, tensor<64x96xbf16>) -> tensor<?x64xf32>
    llm.yield %4 : tensor<?x64xf32>
  }
  %z = llm.binary add %x, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
