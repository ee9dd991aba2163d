// RUN: sluice-opt %s --wanted-rows=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: wanted-rows: fused at {{.*}}: rows selected before llm.linear
// CHECK-DAG: wanted-rows: not fused at {{.*}}: all rows are also read here

// CHECK-LABEL: func.func private @head
// CHECK: %[[R:.*]] = llm.wanted_rows %arg1
// CHECK: %[[N:.*]] = llm.rms_norm %[[R]], %arg2
// CHECK: %[[S:.*]] = llm.binary mul %[[N]], %{{.*}} : (tensor<?x64xf32>, tensor<f32>)
// CHECK: %[[L:.*]] = llm.linear %[[S]]
// CHECK: return %[[L]]
func.func private @head(%b: !llm.batch, %x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<128x64xbf16>) -> tensor<?x128xf32> {
  %c = llm.constant 0.125
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %s = llm.binary mul %h, %c : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %l = llm.linear %s, %w : (tensor<?x64xf32>, tensor<128x64xbf16>) -> tensor<?x128xf32>
  %0 = llm.wanted_rows %l for %b : tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}

// CHECK-LABEL: func.func private @all_rows_needed
// CHECK: %[[N:.*]] = llm.rms_norm %arg1
// CHECK: llm.wanted_rows %[[N]]
func.func private @all_rows_needed(%b: !llm.batch, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %h = llm.rms_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %0 = llm.wanted_rows %h for %b : tensor<?x64xf32>
  return %0, %h : tensor<?x64xf32>, tensor<?x64xf32>
}
