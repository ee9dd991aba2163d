// Routers that are built otherwise, and the parts that one may lack.
// RUN: sluice-opt %s --fuse-moe-dispatch=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-moe-dispatch: not fused at (no pick): this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at (no top): this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at (other indices): this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at (corrected otherwise): this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at (corrected late): this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at (no product): this op is not part of a router that can be fused
// CHECK-DAG: fuse-moe-dispatch: not fused at (other rows): router and experts read different rows
// CHECK-DAG: fuse-moe-dispatch: not fused at (scores read): a value of the router is also read here
// CHECK-DAG: fuse-moe-dispatch: not fused at (late weight): a weight of the router is computed after the norm

// CHECK-LABEL: func.func private @routers
// CHECK-NOT: llm.fused_router
// CHECK: return
func.func private @routers(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %w: tensor<4x64xf32>, %u: tensor<4x64x64xf32>, %c: tensor<4xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>) {
  // Weights that come from elsewhere.
  %l0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i0 = llm.top_k %l0, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %q0 = llm.softmax %p : tensor<?x2xf32>
  %t0 = llm.act tanh %q0 : tensor<?x2xf32>
  %0 = llm.fused_experts %x at %i0 weight %t0 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("no pick")
  %l1 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %p1 = llm.pick %l1 at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %1 = llm.fused_experts %x at %i weight %p1 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("no top")
  %l2 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i2 = llm.top_k %l2, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %j2 = llm.top_k %l2, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p2 = llm.pick %l2 at %j2 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %2 = llm.fused_experts %x at %i2 weight %p2 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("other indices")
  // A correction is added to the scores; nothing else is done to them.
  %l3 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s3 = llm.softmax %l3 : tensor<?x4xf32>
  %c3 = llm.binary mul %s3, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %i3 = llm.top_k %c3, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p3 = llm.pick %s3 at %i3 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %3 = llm.fused_experts %x at %i3 weight %p3 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("corrected otherwise")
  %l4 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %c4 = llm.binary add %l4, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %i4 = llm.top_k %c4, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p4 = llm.pick %l4 at %i4 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %w4 = llm.softmax %p4 : tensor<?x2xf32>
  %4 = llm.fused_experts %x at %i4 weight %w4 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("corrected late")
  %l5 = llm.slice %x from 0 size 4 : (tensor<?x64xf32>) -> tensor<?x4xf32>
  %s5 = llm.softmax %l5 : tensor<?x4xf32>
  %i5 = llm.top_k %s5, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p5 = llm.pick %s5 at %i5 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %5 = llm.fused_experts %x at %i5 weight %p5 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("no product")
  // Results that the fused op does not give.
  %l6 = llm.linear %y, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i6 = llm.top_k %l6, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p6 = llm.pick %l6 at %i6 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %6 = llm.fused_experts %x at %i6 weight %p6 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("other rows")
  %l7 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s7 = llm.softmax %l7 : tensor<?x4xf32>
  %i7 = llm.top_k %s7, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p7 = llm.pick %s7 at %i7 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %7 = llm.fused_experts %x at %i7 weight %p7 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("scores read")
  %h8 = llm.rms_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %w8 = llm.binary add %w, %w : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %l8 = llm.linear %h8, %w8 : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i8 = llm.top_k %l8, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p8 = llm.pick %l8 at %i8 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %8 = llm.fused_experts %h8 at %i8 weight %p8 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("late weight")
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %s7 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x4xf32>
}

// No score and no weight of a norm; indices that are read elsewhere come from
// the router, its rows go to nobody else.
// CHECK-LABEL: func.func private @bare
// CHECK-NEXT: %[[H:.*]], %[[I:.*]], %[[P:.*]] = llm.fused_router %arg0 weights(%arg1) none score_first top 2 :
// CHECK-NEXT: %[[Y:.*]] = llm.fused_experts %[[H]] at %[[I]] weight %[[P]]
// CHECK-NEXT: return %[[Y]], %arg0
func.func private @bare(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>, %u: tensor<4x64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %l = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i = llm.top_k %l, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %l at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %y = llm.fused_experts %x at %i weight %p first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  return %y, %x : tensor<?x64xf32>, tensor<?x64xf32>
}

// A norm of layers with a bias; a use of a weight moves in front of it. A norm
// that the router cannot have stays in front.
llm.weight @router : tensor<4x64xf32>
// CHECK-LABEL: func.func private @norms
// CHECK: %[[W:.*]] = llm.use @router
// CHECK: %[[H:.*]], %{{.*}}, %{{.*}} = llm.fused_router %arg0 norm <layer, {{.*}}>(%arg2, %arg2) weights(%[[W]]) sigmoid top_first top 2
// CHECK: llm.fused_experts %[[H]]
// CHECK: %[[N:.*]] = llm.layer_norm %arg0 bias %arg2
// CHECK: %[[H:.*]], %{{.*}}, %{{.*}} = llm.fused_router %[[N]] weights
// CHECK: llm.fused_experts %[[H]]
func.func private @norms(%x: tensor<?x64xf32>, %u: tensor<4x64x64xf32>, %n: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %h = llm.layer_norm %x, %n bias %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %w = llm.use @router : tensor<4x64xf32>
  %l = llm.linear %h, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i = llm.top_k %l, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %l at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %s = llm.act sigmoid %p : tensor<?x2xf32>
  llm.tap %s "gone" : tensor<?x2xf32>
  %y = llm.fused_experts %h at %i weight %s first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  %g = llm.layer_norm %x bias %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %m = llm.linear %g, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %j = llm.top_k %m, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %q = llm.pick %m at %j : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %z = llm.fused_experts %g at %j weight %q first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// Without weights there is no router to read back.
// CHECK-LABEL: func.func private @unweighted
// CHECK-NOT: llm.fused_router
func.func private @unweighted(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>, %u: tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  %l = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %i = llm.top_k %l, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %y = llm.fused_experts %x at %i first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
