// RUN: sluice-opt %s --fuse-norm-matmul=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-norm-matmul: fused at {{.*}}: norm into 1 product
// CHECK-DAG: fuse-norm-matmul: fused at {{.*}}: norm into 2 products
// CHECK-DAG: fuse-norm-matmul: not fused at {{.*}}: the normalised rows are also read here ({{.*}}:[[#]]:{{[0-9]+}})
// CHECK-DAG: fuse-norm-matmul: not fused at (bias only): the norm has a bias but no weight

// CHECK-LABEL: func.func private @rms
// CHECK: llm.fused_linear %arg0 norm <rms, 9.99999974E-6 : f32>(%arg1) weights(%arg2) compute bf16
// CHECK-NOT: llm.rms_norm
// CHECK-NOT: llm.tap
func.func private @rms(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xbf16>) -> tensor<?x64xf32> {
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  llm.tap %h "h" : tensor<?x64xf32>
  %0 = llm.linear %h, %w compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @layer
// CHECK: llm.fused_linear %arg0 norm <layer, {{.*}}>(%arg1, %arg1) weights(%arg2, %arg2)
func.func private @layer(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %h = llm.layer_norm %x, %n bias %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %0:2 = llm.fused_linear %h weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return %0#0, %0#1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// A norm after the sum (its rows are the residual too) stays.
// CHECK-LABEL: func.func private @also_residual
// CHECK: llm.layer_norm
// CHECK: llm.linear
func.func private @also_residual(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %h = llm.layer_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %0 = llm.linear %h, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.binary add %h, %0 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// The kernel has no bias without a weight, no norm but these, and one at most.
// CHECK-LABEL: func.func private @declines
// CHECK: llm.layer_norm
// CHECK-NEXT: llm.linear
// CHECK: llm.l2_norm
// CHECK-NEXT: llm.linear
// CHECK: llm.rms_norm
// CHECK-NEXT: llm.fused_linear %{{.*}} norm <rms
func.func private @declines(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %h = llm.layer_norm %x bias %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %0 = llm.linear %h, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> loc("bias only")
  %i = llm.l2_norm %x eps 1.0e-5 in sum : tensor<?x64xf32>
  %1 = llm.linear %i, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %j = llm.rms_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = llm.fused_linear %j norm <rms, 1.0e-5 : f32> weights(%w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// What stands behind the product is kept.
// CHECK-LABEL: func.func private @epilogue
// CHECK-NEXT: llm.fused_linear %arg0 norm <layer, 9.99999974E-6 : f32> weights(%arg1) residual %arg0 act silu
func.func private @epilogue(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %h = llm.layer_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %0 = llm.fused_linear %h weights(%w) residual %x act silu : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
