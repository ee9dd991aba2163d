// RUN: sluice-opt %s --fuse-moe-dispatch=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-moe-dispatch: fused at {{.*}}: experts
// CHECK-DAG: fuse-moe-dispatch: fused at {{.*}}: norm and router
// CHECK-DAG: fuse-moe-dispatch: fused at {{.*}}: residual into the experts
// CHECK-DAG: fuse-moe-dispatch: not fused at {{.*}}: this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at {{.*}}: the body does not begin with a product and its activation

// Softmax over all experts, then the best two, normalised. The shared expert
// reads the rows that the router's norm makes.
// CHECK-LABEL: func.func private @score_first
// CHECK-NEXT: %[[H:.*]], %[[I:.*]], %[[P:.*]] = llm.fused_router %arg0 norm <rms, {{.*}}>(%arg1) weights(%arg2) softmax score_first top 2 normalize 0.000000e+00
// CHECK-NEXT: %[[S:.*]] = llm.linear %[[H]], %arg5
// CHECK-NEXT: %[[Y:.*]] = llm.fused_experts %[[H]] at %[[I]] weight %[[P]] first(%arg3, %arg3) down(%arg4) residual %arg0 glu act silu
// CHECK-NEXT: return %[[Y]], %[[S]]
func.func private @score_first(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %wr: tensor<4x64xf32>, %up: tensor<4x96x64xf32>, %down: tensor<4x64x96xf32>, %shared: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %sh = llm.linear %h, %shared : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %l = llm.linear %h, %wr : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s = llm.softmax %l : tensor<?x4xf32>
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %s at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %w = llm.normalize %p : tensor<?x2xf32>
  %y = llm.experts %h at %i with (%up, %down) out_scale %w : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x96x64xf32>, tensor<4x64x96xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<96x64xf32>, %d: tensor<64x96xf32>):
    %m = llm.fused_linear %r weights(%u, %u) glu act silu : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
    %o = llm.linear %m, %d : (tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  %z = llm.binary add %x, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %z, %sh : tensor<?x64xf32>, tensor<?x64xf32>
}

// The best two by logit, softmax over them; biases everywhere.
// CHECK-LABEL: func.func private @top_first
// CHECK-NEXT: %[[H:.*]], %[[I:.*]], %[[P:.*]] = llm.fused_router %arg0 weights(%arg1) bias %arg2 softmax top_first top 2
// CHECK-NEXT: llm.fused_experts %[[H]] at %[[I]] weight %[[P]] first(%arg3) bias(%arg5) down(%arg4) down_bias %arg6 act relu
func.func private @top_first(%x: tensor<?x64xf32>, %wr: tensor<4x64xf32>, %br: tensor<4xf32>, %up: tensor<4x96x64xf32>, %down: tensor<4x64x96xf32>, %bu: tensor<4x96xf32>, %bd: tensor<4x64xf32>) -> tensor<?x64xf32> {
  %l = llm.linear %x, %wr bias %br : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %i = llm.top_k %l, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %l at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %w = llm.softmax %p : tensor<?x2xf32>
  %y = llm.experts %x at %i with (%up, %down, %bu, %bd) out_scale %w : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x96x64xf32>, tensor<4x64x96xf32>, tensor<4x96xf32>, tensor<4x64xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<96x64xf32>, %d: tensor<64x96xf32>, %ub: tensor<96xf32>, %db: tensor<64xf32>):
    %m = llm.fused_linear %r weights(%u) bias(%ub) act relu : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96xf32>) -> tensor<?x96xf32>
    %o = llm.linear %m, %d bias %db : (tensor<?x96xf32>, tensor<64x96xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// A correction that only the choice sees, and a factor.
// CHECK-LABEL: func.func private @corrected
// CHECK: llm.fused_router %arg0 weights(%arg1) correction %{{.*}} sigmoid score_first top 2 normalize 9.99999968E-21 scale 2.500000e+00
// CHECK: llm.fused_experts
llm.weight @correction : tensor<4xf32>
func.func private @corrected(%x: tensor<?x64xf32>, %wr: tensor<4x64xf32>, %up: tensor<4x96x64xf32>, %down: tensor<4x64x96xf32>) -> tensor<?x64xf32> {
  %k = llm.constant 2.5
  %l = llm.linear %x, %wr : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s = llm.act sigmoid %l : tensor<?x4xf32>
  %c = llm.use @correction : tensor<4xf32>
  %t = llm.binary add %s, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %i = llm.top_k %t, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %s at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %n = llm.normalize %p eps 1.0e-20 : tensor<?x2xf32>
  %w = llm.binary mul %n, %k : (tensor<?x2xf32>, tensor<f32>) -> tensor<?x2xf32>
  %y = llm.experts %x at %i with (%up, %down) out_scale %w : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x96x64xf32>, tensor<4x64x96xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<96x64xf32>, %d: tensor<64x96xf32>):
    %m = llm.fused_linear %r weights(%u) act relu : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
    %o = llm.linear %m, %d : (tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// Another router keeps its ops, its experts fuse. Experts of one layer do not.
// CHECK-LABEL: func.func private @declines
// CHECK: llm.l2_norm
// CHECK-NOT: llm.fused_router
// CHECK: llm.fused_experts
// CHECK: llm.experts
func.func private @declines(%x: tensor<?x64xf32>, %wr: tensor<4x64xf32>, %up: tensor<4x96x64xf32>, %down: tensor<4x64x96xf32>, %one: tensor<4x64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %l = llm.linear %x, %wr : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s = llm.l2_norm %l eps 1.0e-6 in sum : tensor<?x4xf32>
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %w = llm.pick %s at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %y = llm.experts %x at %i with (%up, %down) out_scale %w : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x96x64xf32>, tensor<4x64x96xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<96x64xf32>, %d: tensor<64x96xf32>):
    %m = llm.fused_linear %r weights(%u) act relu : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
    %o = llm.linear %m, %d : (tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  %z = llm.experts %x at %i with (%one) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<64x64xf32>):
    %o = llm.linear %r, %u : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}
