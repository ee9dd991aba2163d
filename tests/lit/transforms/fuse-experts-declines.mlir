// Experts that are no two products, and results that others read.
// RUN: sluice-opt %s --fuse-moe-dispatch=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-moe-dispatch: not fused at (act last): the body does not end in a plain product
// CHECK-DAG: fuse-moe-dispatch: not fused at (norm last): the body does not end in a plain product
// CHECK-DAG: fuse-moe-dispatch: not fused at (no act): the body does not begin with a product and its activation
// CHECK-DAG: fuse-moe-dispatch: not fused at (factor): the first product has a norm, factor, cap or residual
// CHECK-DAG: fuse-moe-dispatch: not fused at (cap): the first product has a norm, factor, cap or residual
// CHECK-DAG: fuse-moe-dispatch: not fused at (norm): the first product has a norm, factor, cap or residual
// CHECK-DAG: fuse-moe-dispatch: not fused at (other rows): the first product does not read the experts' rows
// CHECK-DAG: fuse-moe-dispatch: not fused at (compute): compute types of the two products differ
// CHECK-DAG: fuse-moe-dispatch: not fused at (read twice): the body does not end in a plain product
// CHECK-DAG: fuse-moe-dispatch: not fused at (both scales): rows are scaled before and after the experts
// CHECK-DAG: fuse-moe-dispatch: not fused at (made here): a weight is not one of the experts'
// CHECK-DAG: fuse-moe-dispatch: not fused at (no product): the body does not end in a plain product
// CHECK-DAG: fuse-moe-dispatch: not fused at (read here): the first product's result is read twice
// CHECK-DAG: fuse-moe-dispatch: not fused at (sum): the experts' result is also read here

// CHECK-LABEL: func.func private @bodies
// CHECK-NOT: llm.fused_experts
// CHECK: return
func.func private @bodies(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x64x64xf32>, %d: tensor<4x64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.fused_linear %f weights(%b) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("act last")
  %1 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %s = llm.rms_norm %o eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
    llm.yield %s : tensor<?x64xf32>
  } loc("norm last")
  %2 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.linear %r, %a : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("no act")
  %3 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu scale 2.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("factor")
  %4 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu cap 2.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("cap")
  %5 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r norm <rms, 1.0e-5 : f32> weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("norm")
  %6 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %n = llm.act tanh %r : tensor<?x64xf32>
    %f = llm.fused_linear %n weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("other rows")
  %7 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b compute bf16 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("compute")
  %8 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %s = llm.binary add %o, %f : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    llm.yield %s : tensor<?x64xf32>
  } loc("read twice")
  %9 = llm.experts %x at %i with (%u, %d) in_scale %p out_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>, tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("both scales")
  %10 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %c = llm.binary add %a, %a : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    %f = llm.fused_linear %r weights(%c) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("made here")
  %11 = llm.experts %x at %i with (%u) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>):
    llm.yield %r : tensor<?x64xf32>
  } loc("no product")
  %12 = llm.experts %x at %i with (%u, %d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %f = llm.fused_linear %r weights(%a) act relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %t = llm.act tanh %f : tensor<?x64xf32>
    llm.tap %t "t" : tensor<?x64xf32>
    %o = llm.linear %f, %b : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  } loc("read here")
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// The sum keeps its operand if somebody else reads it, a vector is no residual,
// and one residual is all that there is room for.
// CHECK-LABEL: func.func private @residuals
// CHECK: %[[A:.*]] = llm.fused_experts {{.*}} act relu :
// CHECK: llm.binary add %arg0, %[[A]]
// CHECK: %[[B:.*]] = llm.fused_experts {{.*}} act relu :
// CHECK: llm.binary add %[[B]], %arg3
// CHECK: %[[C:.*]] = llm.fused_experts {{.*}} residual %arg0 act relu :
// CHECK: llm.binary add %[[C]], %arg0
// CHECK: %[[D:.*]] = llm.fused_experts {{.*}} act relu :
// CHECK: llm.binary sub %arg0, %[[D]]
func.func private @residuals(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %u: tensor<4x64x64xf32>, %v: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.fused_experts %x at %i first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.binary add %x, %0 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("sum")
  %2 = llm.fused_experts %x at %i first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  %3 = llm.binary add %2, %v : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %4 = llm.fused_experts %x at %i first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  %5 = llm.binary add %4, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %6 = llm.binary add %5, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %7 = llm.fused_experts %x at %i first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32>
  %8 = llm.binary sub %x, %7 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0, %1, %3, %6, %8 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// Rows that are scaled in front of the experts.
// CHECK-LABEL: func.func private @scale_input
// CHECK: llm.fused_experts %arg0 at %arg1 weight %arg2 first(%arg3) down(%arg3) act swish beta 1.500000e+00 scale_input
func.func private @scale_input(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.experts %x at %i with (%u) in_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>):
    %o = llm.fused_linear %r weights(%a) act swish beta 1.5 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    %s = llm.linear %o, %a : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %s : tensor<?x64xf32>
  }
  return %0 : tensor<?x64xf32>
}
