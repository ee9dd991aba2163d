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
