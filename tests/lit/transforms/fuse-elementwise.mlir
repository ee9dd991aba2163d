// RUN: sluice-opt %s --fuse-elementwise=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-elementwise: fused at {{.*}}: elementwise chain
// CHECK-DAG: fuse-elementwise: not fused at {{.*}}: the value between is also read here
// CHECK-DAG: fuse-elementwise: not fused at {{.*}}: the value between is broadcast

// CHECK-LABEL: func.func private @chain
// CHECK: %[[M:.*]] = llm.map %arg0, %arg1 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32> {
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[B:.*]]: f32):
// CHECK: %[[C:.*]] = arith.constant 2.000000e+00 : f32
// CHECK: %[[S:.*]] = arith.mulf %[[X]], %[[C]] : f32
// CHECK: %[[A:.*]] = arith.addf %[[S]], %[[B]] : f32
// CHECK: %[[R:.*]] = arith.cmpf ogt, %[[A]]
// CHECK: %[[Y:.*]] = arith.select %[[R]], %[[A]]
// CHECK: llm.yield %[[Y]] : f32
// CHECK: return %[[M]]
func.func private @chain(%x: tensor<?x64xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  %c = llm.constant 2.0
  %0 = llm.binary mul %x, %c : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %1 = llm.binary add %0, %b : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %2 = llm.act relu %1 : tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// Arithmetic on constants is folded elsewhere; a single op has nothing to gain.
// CHECK-LABEL: func.func private @alone
// CHECK-NOT: llm.map
func.func private @alone(%x: tensor<?x64xf32>, %f: tensor<64xf32>) -> tensor<?x64xf32> {
  %c = llm.constant 2.0
  %0 = llm.binary div %f, %c : (tensor<64xf32>, tensor<f32>) -> tensor<64xf32>
  %1 = llm.binary mul %0, %c : (tensor<64xf32>, tensor<f32>) -> tensor<64xf32>
  %2 = llm.binary mul %x, %1 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @declines
// CHECK-NOT: llm.map
func.func private @declines(%x: tensor<?x64xf32>, %s: tensor<?x1xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.act exp %x : tensor<?x64xf32>
  %1 = llm.act sqrt %0 : tensor<?x64xf32>
  %2 = llm.act sigmoid %s : tensor<?x1xf32>
  %3 = llm.binary mul %x, %2 : (tensor<?x64xf32>, tensor<?x1xf32>) -> tensor<?x64xf32>
  return %0, %1, %3 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
