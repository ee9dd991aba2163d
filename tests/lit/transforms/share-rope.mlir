// RUN: sluice-opt %s --share-rope=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: share-rope: fused at {{.*}}: 2 rotations by a table of the callers
// CHECK-DAG: share-rope: fused at {{.*}}: 1 rotations by a table per call: positions or frequencies are made in the block

// Positions and frequencies are no longer arguments, the table is.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: (%arg0: index, %arg1: tensor<?x4x16xf32>, %[[T:.*]]: tensor<?x2x8xf32>)
// CHECK: llm.rotate half %arg1 by %[[T]]
// CHECK: llm.rotate half %{{.*}} by %[[T]]
func.func private @layer(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<8xf32>) -> tensor<?x4x16xf32> {
  %0 = llm.rope half %x, %p, %f amplitude 1.5 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  %1 = llm.rope half %0, %p, %f amplitude 1.5 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  return %1 : tensor<?x4x16xf32>
}

// CHECK-LABEL: func.func private @own_freqs
// CHECK: %[[F:.*]] = llm.rope_freqs
// CHECK: %[[T:.*]] = llm.rope_table %arg2, %[[F]]
// CHECK: llm.rotate adjacent %arg1 by %[[T]]
func.func private @own_freqs(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>) -> tensor<?x4x16xf32> {
  %f = llm.rope_freqs 16 theta 10000.0 : tensor<8xf32>
  %0 = llm.rope adjacent %x, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  return %0 : tensor<?x4x16xf32>
}

// One table for both layers.
// CHECK-LABEL: func.func @encode
// CHECK: %[[T:.*]] = llm.rope_table %{{.*}}, %{{.*}} amplitude 1.500000e+00
// CHECK-NOT: llm.rope_table
// CHECK: call @layer(%{{.*}}, %{{.*}}, %[[T]])
// CHECK: call @layer(%{{.*}}, %{{.*}}, %[[T]])
llm.weight @e : tensor<8x64xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %p: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x4x16xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %f = llm.rope_freqs 16 theta 10000.0 : tensor<8xf32>
  %e = llm.use @e : tensor<8x64xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<8x64xf32>) -> tensor<?x64xf32>
  %h = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %l0 = arith.constant 0 : index
  %0 = call @layer(%l0, %h, %p, %f) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  %l1 = arith.constant 1 : index
  %1 = call @layer(%l1, %0, %p, %f) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  %2 = call @own_freqs(%l0, %1, %p) : (index, tensor<?x4x16xf32>, tensor<?xi32>) -> tensor<?x4x16xf32>
  return %2 : tensor<?x4x16xf32>
}
