// Gated units that are none, and what may stand on the way of those that are.
// RUN: sluice-opt %s --fuse-swiglu=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-swiglu: not fused at (both): both sides have an activation
// CHECK-DAG: fuse-swiglu: not fused at (no product): gate and up are not both products
// CHECK-DAG: fuse-swiglu: not fused at (third): the product has other results
// CHECK-DAG: fuse-swiglu: not fused at (compute): the products of gate and up are not alike
// CHECK-DAG: fuse-swiglu: not fused at (biases): the products of gate and up are not alike
// CHECK-DAG: fuse-swiglu: not fused at (types): the products of gate and up are not alike
// CHECK-DAG: fuse-swiglu: not fused at (residual): the products of gate and up are not alike
// CHECK-DAG: fuse-swiglu: not fused at (one side): up is not clamped alike on both sides
// CHECK-DAG: fuse-swiglu: not fused at (other sides): up is not clamped alike on both sides
// CHECK-DAG: fuse-swiglu: not fused at (product read): a value of the gated unit is also read here
// CHECK-DAG: fuse-swiglu: not fused at (same value): a value of the gated unit is also read here

// CHECK-LABEL: func.func private @products
// CHECK-NOT: glu
func.func private @products(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<64x64xbf16>, %b: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %g0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %a0 = llm.act silu %g0 : tensor<?x64xf32>
  %0 = llm.binary mul %a0, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("no product")
  %g1:3 = llm.fused_linear %x weights(%w, %w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
  %a1 = llm.act silu %g1#0 : tensor<?x64xf32>
  %1 = llm.binary mul %a1, %g1#1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("third")
  %g2 = llm.linear %x, %v compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %u2 = llm.linear %x, %v : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %a2 = llm.act silu %g2 : tensor<?x64xf32>
  %2 = llm.binary mul %a2, %u2 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("compute")
  %g3 = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %u3 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %a3 = llm.act silu %g3 : tensor<?x64xf32>
  %3 = llm.binary mul %a3, %u3 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("biases")
  %g4 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %u4 = llm.linear %x, %v : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %a4 = llm.act silu %g4 : tensor<?x64xf32>
  %4 = llm.binary mul %a4, %u4 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("types")
  %g5 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %u5 = llm.fused_linear %x weights(%w) residual %x : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %a5 = llm.act silu %g5 : tensor<?x64xf32>
  %5 = llm.binary mul %a5, %u5 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("residual")
  return %0, %1, %2, %3, %4, %5 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @ways
// CHECK-NOT: glu
func.func private @ways(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %p0:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %a0 = llm.act silu %p0#0 : tensor<?x64xf32>
  %b0 = llm.act tanh %p0#1 : tensor<?x64xf32>
  %0 = llm.binary mul %a0, %b0 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("both")
  %p1:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %a1 = llm.act silu %p1#0 : tensor<?x64xf32>
  %c1 = llm.clamp %p1#1 high 7.0 : tensor<?x64xf32>
  %1 = llm.binary mul %a1, %c1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("one side")
  %p2:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %a2 = llm.act silu %p2#0 : tensor<?x64xf32>
  %c2 = llm.clamp %p2#1 low -6.0 high 7.0 : tensor<?x64xf32>
  %2 = llm.binary mul %a2, %c2 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("other sides")
  // act(p) * p: the product would be gone while it is read.
  %p3:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %a3 = llm.act silu %p3#0 : tensor<?x64xf32>
  %3 = llm.binary mul %a3, %p3#0 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("same value")
  %p4:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %a4 = llm.act silu %p4#0 : tensor<?x64xf32>
  %4 = llm.binary mul %a4, %p4#1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("product read")
  return %0, %1, %2, %3, %4, %p4#1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// Nothing to say of sums, or of products without an activation.
// CHECK-LABEL: func.func private @no_units
// CHECK-NOT: glu
func.func private @no_units(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %p:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %a = llm.act silu %p#0 : tensor<?x64xf32>
  %0 = llm.binary add %a, %p#1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %q:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %1 = llm.binary mul %q#0, %q#1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// The gate may stand on the right, the number on the left; biases follow their
// weights, taps go.
// CHECK-LABEL: func.func private @turned
// CHECK-NEXT: %[[R:.*]] = llm.fused_linear %arg0 weights(%arg2, %arg1) bias(%arg4, %arg3) glu act gelu_tanh gate_max 5.000000e+00 up_add 2.000000e+00 :
// CHECK-NEXT: return %[[R]]
func.func private @turned(%x: tensor<?x64xf32>, %wu: tensor<64x64xf32>, %wg: tensor<64x64xf32>, %bu: tensor<64xf32>, %bg: tensor<64xf32>) -> tensor<?x64xf32> {
  %u, %g = llm.fused_linear %x weights(%wu, %wg) bias(%bu, %bg) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %two = llm.constant 2.0
  %u2 = llm.binary add %two, %u : (tensor<f32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %c = llm.clamp %g high 5.0 : tensor<?x64xf32>
  llm.tap %c "gate" : tensor<?x64xf32>
  %a = llm.act gelu_tanh %c : tensor<?x64xf32>
  %m = llm.binary mul %u2, %a : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %m : tensor<?x64xf32>
}
