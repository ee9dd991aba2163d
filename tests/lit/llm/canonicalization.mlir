// RUN: sluice-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func private @same
// CHECK-NEXT: return %arg0
func.func private @same(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.reshape %x to [64] : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @there_and_back
// CHECK-NEXT: return %arg0
func.func private @there_and_back(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %1 = llm.reshape %0 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @twice
// CHECK-NEXT: %[[R:.*]] = llm.reshape %arg0 to [2, 32]
// CHECK-NEXT: return %[[R]]
func.func private @twice(%x: tensor<?x64xf32>) -> tensor<?x2x32xf32> {
  %0 = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %1 = llm.reshape %0 to [2, 32] : (tensor<?x4x16xf32>) -> tensor<?x2x32xf32>
  return %1 : tensor<?x2x32xf32>
}

// A write to a cache stays although nobody reads the handle.
// CHECK-LABEL: func.func private @write
// CHECK: llm.append @kv
llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @write(%k: tensor<?x2x16xf32>, %b: !llm.batch) {
  %0 = llm.append @kv (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  return
}

// A reshape between two others is skipped, though it is read elsewhere.
// CHECK-LABEL: func.func private @between
// CHECK-NEXT: %[[A:.*]] = llm.reshape %arg0 to [4, 16]
// CHECK-NEXT: %[[B:.*]] = llm.reshape %arg0 to [2, 32]
// CHECK-NEXT: return %[[A]], %[[B]]
func.func private @between(%x: tensor<?x64xf32>) -> (tensor<?x4x16xf32>, tensor<?x2x32xf32>) {
  %0 = llm.reshape %x to [8, 8] : (tensor<?x64xf32>) -> tensor<?x8x8xf32>
  %1 = llm.reshape %0 to [4, 16] : (tensor<?x8x8xf32>) -> tensor<?x4x16xf32>
  %2 = llm.reshape %1 to [2, 32] : (tensor<?x4x16xf32>) -> tensor<?x2x32xf32>
  return %1, %2 : tensor<?x4x16xf32>, tensor<?x2x32xf32>
}

// Equal numbers are one, unequal ones are not.
// CHECK-LABEL: func.func private @numbers
// CHECK-DAG: %[[A:.*]] = llm.constant 2.000000e+00
// CHECK-DAG: %[[B:.*]] = llm.constant 3.000000e+00
// CHECK-NEXT: return %[[A]], %[[A]], %[[B]]
func.func private @numbers() -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %0 = llm.constant 2.0
  %1 = llm.constant 2.0
  %2 = llm.constant 3.0
  return %0, %1, %2 : tensor<f32>, tensor<f32>, tensor<f32>
}

// What nobody reads goes, with its operands; states, taps and what a step
// leaves behind stay.
// CHECK-LABEL: func.func private @dead
// CHECK-NEXT: llm.causal_conv
// CHECK-NEXT: llm.fused_attention
// CHECK-NEXT: llm.tap
// CHECK-NEXT: return
llm.state @tail fixed {value = [1, 32]}
func.func private @dead(%b: !llm.batch, %x: tensor<?x32xf32>, %w: tensor<32x2xf32>, %v: tensor<32x32xf32>) {
  %0 = llm.causal_conv %x, %w in @tail for %b : (tensor<?x32xf32>, tensor<32x2xf32>, !llm.batch) -> tensor<?x32xf32>
  %1 = llm.fused_attention %x, %x, %x heads 2, 2 for %b in @kv mask [#llm.mask<all>] scale 1.0 : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x32xf32>
  %2 = llm.linear %x, %v : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %3 = llm.softmax %2 : tensor<?x32xf32>
  %4 = llm.cached @kv
  llm.tap %x "x" : tensor<?x32xf32>
  return
}
