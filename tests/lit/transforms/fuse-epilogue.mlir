// RUN: sluice-opt %s --fuse-epilogue=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-epilogue: fused at {{.*}}: activation into the product
// CHECK-DAG: fuse-epilogue: fused at {{.*}}: factor into the product
// CHECK-DAG: fuse-epilogue: fused at {{.*}}: soft cap into the product
// CHECK-DAG: fuse-epilogue: fused at {{.*}}: residual into the product
// CHECK-DAG: fuse-epilogue: not fused at {{.*}}: the product's result is also read here
// CHECK-DAG: fuse-epilogue: not fused at {{.*}}: the product's epilogue already has a later step

// CHECK-LABEL: func.func private @all
// CHECK: %[[R:.*]] = llm.fused_linear %arg0 weights(%arg1) bias(%arg2) residual %arg0 act gelu_tanh scale 5.000000e-01 cap 3.000000e+01
// CHECK-NEXT: return %[[R]]
func.func private @all(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  %half = llm.constant 0.5
  %0 = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %1 = llm.act gelu_tanh %0 : tensor<?x64xf32>
  %2 = llm.binary mul %1, %half : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %3 = llm.softcap %2 limit 30.0 : tensor<?x64xf32>
  %4 = llm.binary add %x, %3 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %4 : tensor<?x64xf32>
}

// Two products and one residual: x + a + m.
// CHECK-LABEL: func.func private @parallel
// CHECK: %[[A:.*]] = llm.fused_linear %arg0 weights(%arg1) residual %arg0
// CHECK: %[[M:.*]] = llm.fused_linear %arg0 weights(%arg2) residual %[[A]]
// CHECK-NEXT: return %[[M]]
func.func private @parallel(%x: tensor<?x64xf32>, %wa: tensor<64x64xf32>, %wm: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %a = llm.linear %x, %wa : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %m = llm.linear %x, %wm : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %0 = llm.binary add %x, %a : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = llm.binary add %0, %m : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// An activation after the residual is not part of the epilogue's order.
// CHECK-LABEL: func.func private @order
// CHECK: llm.fused_linear %arg0 weights(%arg1) residual %arg0 :
// CHECK: llm.act relu
func.func private @order(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.binary add %x, %0 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = llm.act relu %1 : tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @read_twice
// CHECK: llm.linear
// CHECK: llm.act
func.func private @read_twice(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.act relu %0 : tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}
