// Calls are followed: layers are unrolled, and a step says whose it is.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s
// RUN: sluice-opt %s --lower-to-plan --mlir-print-debuginfo | FileCheck %s --check-prefix=PLACES

llm.weight @layers.n : tensor<8xf32> layers [0, 1, 2]

func.func private @inner(%l: index, %x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>) {
  %n = llm.use @layers.n[%l] : tensor<8xf32>
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32> loc("inner/h"("a.yaml":3:5))
  return %h, %n : tensor<?x8xf32>, tensor<8xf32>
}

// A block may call another, give back weights, or rows it was given.
func.func private @layer(%l: index, %x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %h, %n = call @inner(%l, %x) : (index, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>) loc("layer/call"("a.yaml":7:5))
  %y = llm.binary add %h, %n : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y, %x : tensor<?x8xf32>, tensor<?x8xf32>
}

// The buffer is named after the value in the spec.
// CHECK-LABEL: plan.program @encode.all
// PLACES: dispatch @norm.rms.weight{{.*}} loc(#[[AT:.*]])
func.func @encode(%b: !llm.batch, %x: tensor<?x8xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x8xf32> {llm.name = "y"}, tensor<?x8xf32> {llm.name = "z"}) attributes {llm.entry = "encode"} {
  // CHECK: %h = buffer "h" tokens f32[8]
  // CHECK-NEXT: dispatch @norm.rms.weight(x = %x, w = @layers.n[2]) -> (y = %h) {{.*}} layer 2
  // CHECK: dispatch @map.addf(x0 = %h, x1 = @layers.n[2]) -> (y = %[[Y:.*]]) {{.*}} layer 2
  %l2 = arith.constant 2 : index
  %0:2 = call @layer(%l2, %x) : (index, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) loc("encode/x"("a.yaml":11:3))
  // CHECK: dispatch @norm.rms.weight(x = %[[Y]], w = @layers.n[0]) -> (y = %[[H:.*]]) {{.*}} layer 0
  // CHECK: dispatch @map.addf(x0 = %[[H]], x1 = @layers.n[0]) -> (y = %[[Z:.*]]) {{.*}} layer 0
  %l0 = arith.constant 0 : index
  %1:2 = call @layer(%l0, %0#0) : (index, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>)
  // Outside of blocks a step has no layer.
  // CHECK: dispatch @map.tanh(x0 = %[[Y]]) {{.*}} rows tokens{{$}}
  %2 = llm.act tanh %1#1 : tensor<?x8xf32>
  // CHECK: output "y" %[[Z]]
  return %1#0, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// A step knows every call on its way.
// PLACES-DAG: #[[STEP:.*]] = loc("inner/h"(
// PLACES-DAG: #[[CALL:.*]] = loc("layer/call"(
// PLACES-DAG: #[[ENTRY:.*]] = loc("encode/x"(
// PLACES-DAG: #[[INNER:.*]] = loc(callsite(#[[STEP]] at #[[CALL]]))
// PLACES-DAG: #[[AT]] = loc(callsite(#[[INNER]] at #[[ENTRY]]))
