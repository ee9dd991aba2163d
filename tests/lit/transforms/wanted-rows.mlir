// RUN: sluice-opt %s --wanted-rows=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: wanted-rows: fused at {{.*}}: rows selected before llm.linear
// CHECK-DAG: wanted-rows: not fused at {{.*}}: all rows are also read here
// CHECK-DAG: wanted-rows: not fused at (ids): reads rows of ids
// CHECK-DAG: wanted-rows: not fused at (batch): the batch is not known there

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

// Whatever treats rows one by one lets them through, with all its operands.
// CHECK-LABEL: func.func private @through
// CHECK-DAG: %[[X:.*]] = llm.wanted_rows %arg1
// CHECK-DAG: %[[Y:.*]] = llm.wanted_rows %arg2
// CHECK: %[[F:.*]] = llm.fused_linear %[[X]] weights(%arg3) residual %[[Y]]
// CHECK: %[[R:.*]] = llm.reshape %[[F]] to [4, 16]
// CHECK: llm.softmax
// CHECK: llm.repeat_heads
// CHECK: llm.slice
// CHECK-NOT: llm.wanted_rows
func.func private @through(%b: !llm.batch, %x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x8x2xf32> {
  %0 = llm.fused_linear %x weights(%w) residual %y : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = llm.reshape %0 to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %2 = llm.softmax %1 : tensor<?x4x16xf32>
  llm.tap %2 "gone" : tensor<?x4x16xf32>
  %3 = llm.repeat_heads %2 times 2 : (tensor<?x4x16xf32>) -> tensor<?x8x16xf32>
  %4 = llm.slice %3 from 1 size 2 : (tensor<?x8x16xf32>) -> tensor<?x8x2xf32>
  %5 = llm.wanted_rows %4 for %b : tensor<?x8x2xf32>
  return %5 : tensor<?x8x2xf32>
}

// Ops that mix rows, ops with several results, calls and ids hold them up; so
// does a batch that is not there yet.
// CHECK-LABEL: func.func private @held_up
// CHECK: %[[P:.*]]:2 = llm.split %arg2
// CHECK-NEXT: llm.wanted_rows %[[P]]#0
// CHECK: %[[C:.*]] = call @rows
// CHECK-NEXT: llm.wanted_rows %[[C]]
// CHECK: %[[M:.*]] = llm.binary add
// CHECK-NEXT: llm.wanted_rows %[[M]]
// CHECK: %[[N:.*]] = llm.act tanh
// CHECK-NEXT: %[[B:.*]] = call @batch
// CHECK-NEXT: llm.wanted_rows %[[N]] for %[[B]]
func.func private @rows(index) -> tensor<?x64xf32>
func.func private @batch(index) -> !llm.batch
func.func private @held_up(%l: index, %b: !llm.batch, %x: tensor<?x64xf32>, %s: tensor<?x64xbf16>) -> (tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0:2 = llm.split %x into [32, 32] : (tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  %1 = llm.wanted_rows %0#0 for %b : tensor<?x32xf32>
  %2 = call @rows(%l) : (index) -> tensor<?x64xf32>
  %3 = llm.wanted_rows %2 for %b : tensor<?x64xf32>
  %4 = llm.binary add %x, %s : (tensor<?x64xf32>, tensor<?x64xbf16>) -> tensor<?x64xf32>
  %5 = llm.wanted_rows %4 for %b : tensor<?x64xf32> loc("ids")
  %6 = llm.act tanh %x : tensor<?x64xf32>
  %c = call @batch(%l) : (index) -> !llm.batch
  %7 = llm.wanted_rows %6 for %c : tensor<?x64xf32> loc("batch")
  return %1, %3, %5, %7 : tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
