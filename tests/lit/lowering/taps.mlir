// What is tapped is an output of the program, once per call of its block.
// RUN: sluice-opt %s --lower-to-plan | FileCheck %s
// RUN: sluice-opt %s --tap-results | FileCheck %s --check-prefix=TAPS

// CHECK: plan.entry @encode {{.*}} outputs ("half#0", "half#1", y)
// CHECK: output "half#0"
// CHECK: output "half#1"
// CHECK: output "y"

// TAPS-LABEL: func.func private @layer
// TAPS: llm.linear
// TAPS-NEXT: llm.tap %{{.*}} "1 llm.linear - {{.*}}taps.mlir:
// TAPS: llm.reshape
// TAPS-NEXT: llm.tap %{{.*}} "half"
// TAPS-LABEL: func.func @encode
// TAPS: llm.embedding
// TAPS-NEXT: llm.tap %{{.*}} "0 llm.embedding - {{.*}}taps.mlir:
llm.weight @x : tensor<4x6xf32>
llm.weight @w : tensor<6x6xf32> layers [0, 1]
func.func private @layer(%l: index, %x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  %w = llm.use @w[%l] : tensor<6x6xf32>
  %y = llm.linear %x, %w : (tensor<?x6xf32>, tensor<6x6xf32>) -> tensor<?x6xf32>
  %h = llm.reshape %y to [3, 2] : (tensor<?x6xf32>) -> tensor<?x3x2xf32>
  llm.tap %h "half" : tensor<?x3x2xf32>
  return %y : tensor<?x6xf32>
}
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x6xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %t = llm.use @x : tensor<4x6xf32>
  %x = llm.embedding %ids, %t : (tensor<?xi32>, tensor<4x6xf32>) -> tensor<?x6xf32>
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  %y0 = call @layer(%l0, %x) : (index, tensor<?x6xf32>) -> tensor<?x6xf32>
  %y1 = call @layer(%l1, %y0) : (index, tensor<?x6xf32>) -> tensor<?x6xf32>
  return %y1 : tensor<?x6xf32>
}

// An input is there already; rows of another kind come out as such.
// CHECK: plan.entry @embed {{.*}} outputs ("some#0", y)
// CHECK-LABEL: plan.program @embed.all
// CHECK: output "some#0" %{{.*}} sequences[3] from 2
func.func @embed(%b: !llm.batch, %x: tensor<?x6xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x6xf32> {llm.name = "y"}) attributes {llm.entry = "embed"} {
  llm.tap %x "input" : tensor<?x6xf32>
  %p = llm.pool_rows max %x for %b : tensor<?x6xf32>
  %s = llm.slice %p from 2 size 3 : (tensor<?x6xf32>) -> tensor<?x3xf32>
  llm.tap %s "some" : tensor<?x3xf32>
  return %p : tensor<?x6xf32>
}
