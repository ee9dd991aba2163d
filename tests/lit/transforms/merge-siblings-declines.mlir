// Products of the same rows that cannot be one, and those that can beside them.
// RUN: sluice-opt %s --merge-siblings=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: merge-siblings: not fused at (f32): storage types differ (
// CHECK-DAG: merge-siblings: fused at (bf16): 2 products of the same rows
// CHECK-DAG: merge-siblings: not fused at (declared): only one of their weights is declared as one (
// CHECK-DAG: merge-siblings: not fused at (later weight): a weight is computed after the first product (
// CHECK-DAG: merge-siblings: not fused at (later bias): a weight is computed after the first product (
// CHECK-DAG: merge-siblings: fused at (odd last): 2 products of the same rows
// CHECK-NOT: merge-siblings:

llm.weight @w : tensor<64x64xf32>

// Each kind by itself, in the place of its first.
// CHECK-LABEL: func.func private @kinds
// CHECK-NEXT: %[[A:.*]] = llm.linear %arg1, %arg2
// CHECK-NEXT: %[[B:.*]]:2 = llm.fused_linear %arg1 weights(%arg3, %arg3)
// CHECK-NEXT: return %[[A]], %[[B]]#0, %[[B]]#1
func.func private @kinds(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<64x64xbf16>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> loc("f32")
  %1 = llm.linear %x, %v : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32> loc("bf16")
  %2 = llm.linear %x, %v : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// Only declared weights can lie side by side.
// CHECK-LABEL: func.func private @declared
// CHECK-NOT: llm.fused_linear
func.func private @declared(%l: index, %x: tensor<?x64xf32>, %v: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = llm.use @w : tensor<64x64xf32>
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> loc("declared")
  %1 = llm.linear %x, %v : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// A use of a weight moves up, arithmetic on one does not.
// CHECK-LABEL: func.func private @computed
// CHECK-NOT: llm.fused_linear
func.func private @computed(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32> loc("later weight")
  %v = llm.binary add %w, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = llm.linear %x, %v : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}
// CHECK-LABEL: func.func private @computed_bias
// CHECK-NOT: llm.fused_linear
func.func private @computed_bias(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %b: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32> loc("later bias")
  %c = llm.binary add %b, %b : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = llm.linear %x, %w bias %c : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// Nothing comes after the last result, so its width is free; biases follow.
// CHECK-LABEL: func.func private @odd_last
// CHECK: llm.fused_linear %arg1 weights(%arg2, %arg3) bias(%arg4, %arg5)
func.func private @odd_last(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<7x64xf32>, %b: tensor<64xf32>, %c: tensor<7xf32>) -> (tensor<?x64xf32>, tensor<?x7xf32>) {
  %0 = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32> loc("odd last")
  %1 = llm.linear %x, %v bias %c : (tensor<?x64xf32>, tensor<7x64xf32>, tensor<7xf32>) -> tensor<?x7xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x7xf32>
}

// A unit with an activation on both sides is no gated unit; other rows are no
// siblings; and rows of the region of experts are its own.
// CHECK-LABEL: func.func private @no_siblings
// CHECK-NOT: llm.fused_linear
func.func private @no_siblings(%l: index, %x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %w: tensor<64x64xf32>, %i: tensor<?x2xi32>, %e: tensor<4x64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %g = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %u = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %a = llm.act silu %g : tensor<?x64xf32>
  %c = llm.act tanh %u : tensor<?x64xf32>
  %m = llm.binary mul %a, %c : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %0 = llm.linear %y, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.experts %y at %i with (%e) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %v: tensor<64x64xf32>):
    %2 = llm.linear %r, %v : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %2 : tensor<?x64xf32>
  }
  return %m, %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
