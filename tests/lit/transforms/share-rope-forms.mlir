// Which angles are a table of their own, and who makes it.
// RUN: sluice-opt %s --share-rope=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: share-rope: fused at (entry): 2 rotations by one table
// CHECK-DAG: share-rope: fused at (uncalled): 1 rotations by a table per call: positions or frequencies are made in the block
// CHECK-DAG: share-rope: fused at (scaled): 1 rotations by a table of the callers

// Another amplitude, other frequencies or positions are other angles; pairing
// and place belong to the rotation. What only the tables needed goes.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: (%arg0: index, %[[X:[a-z0-9]*]]: tensor<?x4x16xf32>, %[[P:[a-z0-9]*]]: tensor<?xi32>, %[[A:[a-z0-9]*]]: tensor<?x2x4xf32>, %[[B:[a-z0-9]*]]: tensor<?x2x4xf32>)
// CHECK: llm.rotate half %[[X]] by %[[A]] from 8
// CHECK: llm.rotate adjacent %{{.*}} by %[[A]]
// CHECK: llm.rotate half %{{.*}} by %[[B]]
// CHECK: return %{{.*}}, %[[P]]
func.func private @layer(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<4xf32>) -> (tensor<?x4x16xf32>, tensor<?xi32>) {
  %0 = llm.rope half %x, %p, %f from 8 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32>
  %1 = llm.rope adjacent %0, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32>
  %2 = llm.rope half %1, %p, %f amplitude 1.5 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32> loc("scaled")
  return %2, %p : tensor<?x4x16xf32>, tensor<?xi32>
}

// Nobody calls it, so nobody can make the table for it.
// CHECK-LABEL: func.func private @uncalled
// CHECK-SAME: tensor<?xi32>, %{{.*}}: tensor<4xf32>) ->
// CHECK: %[[T:.*]] = llm.rope_table
// CHECK: llm.rotate half %{{.*}} by %[[T]]
func.func private @uncalled(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<4xf32>) -> tensor<?x4x16xf32> {
  %0 = llm.rope half %x, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32> loc("uncalled")
  return %0 : tensor<?x4x16xf32>
}

// Without rotations a block keeps its arguments, read or not.
// CHECK-LABEL: func.func private @none
// CHECK-SAME: (%arg0: index, %arg1: tensor<?xi32>)
func.func private @none(%l: index, %p: tensor<?xi32>) {
  return
}

// Calls with the same operands share tables, others have their own; the entry
// makes its own.
// CHECK-LABEL: func.func @encode
// CHECK: %[[F:.*]] = llm.rope_freqs 8 theta 1.000000e+04
// CHECK: %[[G:.*]] = llm.rope_freqs 8 theta 5.000000e+02
// CHECK: %[[FA:.*]] = llm.rope_table %[[P:.*]], %[[F]] :
// CHECK: %[[FB:.*]] = llm.rope_table %[[P]], %[[F]] amplitude 1.500000e+00 :
// CHECK: call @layer(%{{.*}}, %{{.*}}, %[[P]], %[[FA]], %[[FB]])
// CHECK: call @layer(%{{.*}}, %{{.*}}, %[[P]], %[[FA]], %[[FB]])
// CHECK: %[[GA:.*]] = llm.rope_table %[[P]], %[[G]] :
// CHECK: %[[GB:.*]] = llm.rope_table %[[P]], %[[G]] amplitude
// CHECK: call @layer(%{{.*}}, %{{.*}}, %[[P]], %[[GA]], %[[GB]])
// CHECK: %[[E:.*]] = llm.rope_table %[[P]], %[[F]] :
// CHECK: llm.rotate half %{{.*}} by %[[E]]
// CHECK: llm.rotate half %{{.*}} by %[[E]]
func.func @encode(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}, %p: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x4x16xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %l = arith.constant 0 : index
  %f = llm.rope_freqs 8 theta 10000.0 : tensor<4xf32>
  %g = llm.rope_freqs 8 theta 500.0 : tensor<4xf32>
  call @none(%l, %p) : (index, tensor<?xi32>) -> ()
  %0:2 = call @layer(%l, %x, %p, %f) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> (tensor<?x4x16xf32>, tensor<?xi32>)
  %1:2 = call @layer(%l, %0#0, %p, %f) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> (tensor<?x4x16xf32>, tensor<?xi32>)
  %2:2 = call @layer(%l, %1#0, %p, %g) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> (tensor<?x4x16xf32>, tensor<?xi32>)
  %3 = llm.rope half %2#0, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32> loc("entry")
  %4 = llm.rope half %3, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32>
  return %4 : tensor<?x4x16xf32>
}
