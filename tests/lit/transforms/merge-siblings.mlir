// RUN: sluice-opt %s --merge-siblings=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: merge-siblings: fused at {{.*}}merge-siblings.mlir:[[#]]:{{[0-9]+}}: 3 products of the same rows
// CHECK-DAG: merge-siblings: not fused at {{.*}}: compute types differ ({{.*}}merge-siblings.mlir
// CHECK-DAG: merge-siblings: not fused at {{.*}}: only one of them has a bias
// CHECK-DAG: merge-siblings: not fused at {{.*}}: a width that is not a multiple of 16

// CHECK-DAG: merge-siblings: not fused at {{.*}}: their weights are of different layers ({{.*}}merge-siblings.mlir
// CHECK-DAG: merge-siblings: not fused at {{.*}}: not every layer that has one of their weights has the others
// CHECK-DAG: merge-siblings: fused at {{.*}}: 2 products of the same rows

llm.weight @q : tensor<64x64xbf16>
llm.weight @k : tensor<32x64xbf16>
llm.weight @odd : tensor<40x64xbf16>

// The uses of later weights move in front of the merged op.
// CHECK-LABEL: func.func private @three
// CHECK: %[[Q:.*]] = llm.use @q
// CHECK: %[[K:.*]] = llm.use @k
// CHECK: %[[V:.*]] = llm.use @k
// CHECK: %[[R:.*]]:3 = llm.fused_linear %arg1 weights(%[[Q]], %[[K]], %[[V]]) compute bf16
// CHECK-NOT: llm.linear
// CHECK: return %[[R]]#0, %[[R]]#1, %[[R]]#2
func.func private @three(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %wq = llm.use @q : tensor<64x64xbf16>
  %q = llm.linear %x, %wq compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %wk = llm.use @k : tensor<32x64xbf16>
  %k = llm.linear %x, %wk compute bf16 : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  %wv = llm.use @k : tensor<32x64xbf16>
  %v = llm.linear %x, %wv compute bf16 : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  return %q, %k, %v : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// Gate and up pair with each other; the router and the product with an
// activation of its own stay alone.
// CHECK-LABEL: func.func private @gated
// CHECK: %[[R:.*]]:2 = llm.fused_linear %arg1 weights(%arg2, %arg3)
// CHECK: llm.linear %arg1, %arg4
// CHECK: llm.linear %arg1, %arg5
func.func private @gated(%l: index, %x: tensor<?x64xf32>, %wg: tensor<96x64xf32>, %wu: tensor<96x64xf32>, %wr: tensor<64x64xf32>, %wa: tensor<64x64xf32>) -> (tensor<?x96xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %g = llm.linear %x, %wg : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %r = llm.linear %x, %wr : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %u = llm.linear %x, %wu : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %a = llm.act silu %g : tensor<?x96xf32>
  %m = llm.binary mul %a, %u : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  %h = llm.linear %x, %wa : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %ha = llm.act relu %h : tensor<?x64xf32>
  return %m, %r, %ha : tensor<?x96xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @unlike
// CHECK-NOT: llm.fused_linear
func.func private @unlike(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %b: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.linear %x, %w compute bf16 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %2 = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @odd_width
// CHECK-NOT: llm.fused_linear
func.func private @odd_width(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x40xf32>, tensor<?x64xf32>) {
  %w0 = llm.use @odd : tensor<40x64xbf16>
  %w1 = llm.use @q : tensor<64x64xbf16>
  %0 = llm.linear %x, %w0 : (tensor<?x64xf32>, tensor<40x64xbf16>) -> tensor<?x40xf32>
  %1 = llm.linear %x, %w1 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x64xf32>
}

llm.weight @layers.q : tensor<64x64xbf16> layers [0, 1, 2]
llm.weight @layers.k$0 : tensor<32x64xbf16> layers [0, 2]
llm.weight @layers.k$1 : tensor<16x64xbf16> layers [1]
llm.weight @layers.v$0 : tensor<32x64xbf16> layers [0, 2]
llm.weight @layers.bias : tensor<64xf32> layers [0, 2]
llm.weight @layers.q.bias : tensor<64xf32> layers [0, 1, 2]

// One index for all parts would read the wrong layer of the others.
// CHECK-LABEL: func.func private @other_layer
// CHECK-NOT: llm.fused_linear
func.func private @other_layer(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %zero = arith.constant 0 : index
  %w0 = llm.use @layers.q[%zero] : tensor<64x64xbf16>
  %w1 = llm.use @layers.q[%l] : tensor<64x64xbf16>
  %w2 = llm.use @q : tensor<64x64xbf16>
  %0 = llm.linear %x, %w0 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %1 = llm.linear %x, %w1 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %2 = llm.linear %x, %w2 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// Keys and values have the shapes of some layers only, queries of all.
// CHECK-LABEL: func.func private @some_layers
// CHECK: llm.linear %arg1
// CHECK: llm.fused_linear %arg1 weights(%{{.*}}, %{{.*}}) : (tensor<?x64xf32>, tensor<32x64xbf16>, tensor<32x64xbf16>)
func.func private @some_layers(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %wq = llm.use @layers.q[%l] : tensor<64x64xbf16>
  %wk = llm.use @layers.k$0[%l] : tensor<32x64xbf16>
  %wv = llm.use @layers.v$0[%l] : tensor<32x64xbf16>
  %q = llm.linear %x, %wq : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %k = llm.linear %x, %wk : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  %v = llm.linear %x, %wv : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  return %q, %k, %v : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// The same for biases.
// CHECK-LABEL: func.func private @some_biases
// CHECK-NOT: llm.fused_linear
func.func private @some_biases(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = llm.use @layers.q[%l] : tensor<64x64xbf16>
  %b0 = llm.use @layers.q.bias[%l] : tensor<64xf32>
  %b1 = llm.use @layers.bias[%l] : tensor<64xf32>
  %0 = llm.linear %x, %w bias %b0 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64xf32>) -> tensor<?x64xf32>
  %1 = llm.linear %x, %w bias %b1 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

llm.weight @layers.gate : tensor<4x32x64xbf16> layers [0, 1]
llm.weight @layers.up : tensor<4x32x64xbf16> layers [0, 1]

// Weights of experts are seen through the region.
// CHECK-LABEL: func.func private @experts
// CHECK-NOT: llm.fused_linear
func.func private @experts(%l: index, %x: tensor<?x64xf32>, %i: tensor<?x2xi32>) -> tensor<?x32xf32> {
  %zero = arith.constant 0 : index
  %g = llm.use @layers.gate[%zero] : tensor<4x32x64xbf16>
  %u = llm.use @layers.up[%l] : tensor<4x32x64xbf16>
  %y = llm.experts %x at %i with (%g, %u) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xbf16>, tensor<4x32x64xbf16>) -> tensor<?x32xf32> {
  ^bb0(%r: tensor<?x64xf32>, %wg: tensor<32x64xbf16>, %wu: tensor<32x64xbf16>):
    %0 = llm.linear %r, %wg : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
    %1 = llm.linear %r, %wu : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
    %2 = llm.act silu %0 : tensor<?x32xf32>
    %3 = llm.binary mul %2, %1 : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
    llm.yield %3 : tensor<?x32xf32>
  }
  return %y : tensor<?x32xf32>
}
