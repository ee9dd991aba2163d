// RUN: sluice-opt %s --fuse-swiglu=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-swiglu: fused at {{.*}}: gated unit into its product
// CHECK-DAG: fuse-swiglu: not fused at {{.*}}: a value of the gated unit is also read here
// CHECK-DAG: fuse-swiglu: not fused at {{.*}}: the gate is clamped from below
// CHECK-DAG: fuse-swiglu: not fused at {{.*}}: gate and up are products of different rows
// CHECK-DAG: fuse-swiglu: not fused at {{.*}}: their weights are of different layers

// The gate is the second result, so the weights change places.
// CHECK-LABEL: func.func private @merged
// CHECK-NEXT: %[[R:.*]] = llm.fused_linear %arg0 norm <rms, {{.*}}>(%arg1) weights(%arg3, %arg2) compute bf16 glu act silu
// CHECK-NEXT: return %[[R]]
func.func private @merged(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %wu: tensor<96x64xbf16>, %wg: tensor<96x64xbf16>) -> tensor<?x96xf32> {
  %u, %g = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%wu, %wg) compute bf16 : (tensor<?x64xf32>, tensor<64xf32>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> (tensor<?x96xf32>, tensor<?x96xf32>)
  %a = llm.act silu %g : tensor<?x96xf32>
  %m = llm.binary mul %a, %u : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  return %m : tensor<?x96xf32>
}

// CHECK-LABEL: func.func private @clamped
// CHECK: llm.fused_linear %arg0 weights(%arg1, %arg2) bias(%arg3, %arg4) glu act swish beta 1.702000e+00 gate_max 7.000000e+00 up_limit 7.000000e+00 up_add 1.000000e+00
// CHECK-NEXT: return
func.func private @clamped(%x: tensor<?x64xf32>, %wg: tensor<96x64xf32>, %wu: tensor<96x64xf32>, %bg: tensor<96xf32>, %bu: tensor<96xf32>) -> tensor<?x96xf32> {
  %one = llm.constant 1.0
  %g = llm.linear %x, %wg bias %bg : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96xf32>) -> tensor<?x96xf32>
  %u = llm.linear %x, %wu bias %bu : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96xf32>) -> tensor<?x96xf32>
  %gc = llm.clamp %g high 7.0 : tensor<?x96xf32>
  %uc = llm.clamp %u low -7.0 high 7.0 : tensor<?x96xf32>
  %u1 = llm.binary add %uc, %one : (tensor<?x96xf32>, tensor<f32>) -> tensor<?x96xf32>
  %a = llm.act swish %gc beta 1.702 : tensor<?x96xf32>
  %m = llm.binary mul %a, %u1 : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  return %m : tensor<?x96xf32>
}

// CHECK-LABEL: func.func private @declines
// CHECK-NOT: glu
func.func private @declines(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %w: tensor<96x64xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>) {
  %g = llm.linear %x, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %u = llm.linear %x, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %a = llm.act silu %g : tensor<?x96xf32>
  %0 = llm.binary mul %a, %u : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  %g1 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %u1 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %c1 = llm.clamp %g1 low 0.5 : tensor<?x96xf32>
  %a1 = llm.act silu %c1 : tensor<?x96xf32>
  %1 = llm.binary mul %a1, %u1 : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  %g2 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %u2 = llm.linear %y, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %a2 = llm.act silu %g2 : tensor<?x96xf32>
  %2 = llm.binary mul %a2, %u2 : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  return %0, %a, %1, %2 : tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>
}

llm.weight @layers.w : tensor<96x64xbf16> layers [0, 1]

// CHECK-LABEL: func.func private @other_layer
// CHECK-NOT: llm.fused_linear
func.func private @other_layer(%l: index, %x: tensor<?x64xf32>) -> tensor<?x96xf32> {
  %zero = arith.constant 0 : index
  %wg = llm.use @layers.w[%zero] : tensor<96x64xbf16>
  %wu = llm.use @layers.w[%l] : tensor<96x64xbf16>
  %g = llm.linear %x, %wg : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
  %u = llm.linear %x, %wu : (tensor<?x64xf32>, tensor<96x64xbf16>) -> tensor<?x96xf32>
  %a = llm.act silu %g : tensor<?x96xf32>
  %m = llm.binary mul %a, %u : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  return %m : tensor<?x96xf32>
}
