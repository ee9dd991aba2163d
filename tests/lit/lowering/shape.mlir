// A change of shape is a view where the layout allows it, else a copy of runs.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// CHECK: plan.weight @freqs f32 rows [1] value dense<1.000000e-01> : tensor<1xf32>

// CHECK-LABEL: plan.program @views.all
func.func @views(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x1x16xf32> {llm.name = "y"}, tensor<?x8xf32> {llm.name = "z"}) attributes {llm.entry = "encode"} {
  // CHECK: dispatch @softmax(x = %x) -> (y = %[[S:.*]]) dims
  // CHECK-NOT: dispatch @map.copy
  %s = llm.softmax %x : tensor<?x64xf32>
  %0:3 = llm.split %s into [16, 16, 32] : (tensor<?x64xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x32xf32>)
  %1 = llm.reshape %0#1 to [1, 16] : (tensor<?x16xf32>) -> tensor<?x1x16xf32>
  // A slice of a slice, and of one head, which is a run.
  // CHECK: dispatch @softmax(x = %[[S]][16])
  %2 = llm.softmax %1 : tensor<?x1x16xf32>
  %3 = llm.slice %0#2 from 4 size 24 : (tensor<?x32xf32>) -> tensor<?x24xf32>
  %4 = llm.slice %3 from 2 size 8 : (tensor<?x24xf32>) -> tensor<?x8xf32>
  // CHECK: output "z" %[[S]] tokens[8] from 38
  return %2, %4 : tensor<?x1x16xf32>, tensor<?x8xf32>
}

// Parts of every head are runs that lie apart.
// CHECK-LABEL: plan.program @parts.all
func.func @parts(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x4x4xf32> {llm.name = "y"}, tensor<?x4x12xf32> {llm.name = "z"}) attributes {llm.entry = "encode"} {
  // CHECK: %[[A:.*]] = buffer "split" tokens f32[16]
  // CHECK: dispatch @map.copy(x0 = %x) -> (y = %[[A]]) dims {inner = 4, outer = 4, x0.outer = 16, x0.stride = 64, y.outer = 4, y.stride = 16}
  // CHECK: %[[B:.*]] = buffer "split" tokens f32[48]
  // CHECK: dispatch @map.copy(x0 = %x[4]) -> (y = %[[B]]) dims {inner = 12, outer = 4, x0.outer = 16, x0.stride = 64, y.outer = 12, y.stride = 48}
  %0:2 = llm.split %x into [4, 12] : (tensor<?x4x16xf32>) -> (tensor<?x4x4xf32>, tensor<?x4x12xf32>)
  return %0#0, %0#1 : tensor<?x4x4xf32>, tensor<?x4x12xf32>
}

// CHECK-LABEL: plan.program @joins.all
func.func @joins(%b: !llm.batch, %x: tensor<?x2x4xf32> {llm.name = "x", llm.input = "rows"}, %y: tensor<?x2x8xf32> {llm.name = "y", llm.input = "rows"}) -> (tensor<?x2x12xf32> {llm.name = "a"}, tensor<?x6x4xf32> {llm.name = "b"}) attributes {llm.entry = "encode"} {
  // CHECK: %[[A:.*]] = buffer "concat" tokens f32[24]
  // CHECK: dispatch @map.copy(x0 = %x) -> (y = %[[A]]) dims {inner = 4, outer = 2, x0.outer = 4, x0.stride = 8, y.outer = 12, y.stride = 32}
  // CHECK: dispatch @map.copy(x0 = %y) -> (y = %[[A]][4]) dims {inner = 8, outer = 2, x0.outer = 8, x0.stride = 16, y.outer = 12, y.stride = 32}
  %0 = llm.concat %x, %y : (tensor<?x2x4xf32>, tensor<?x2x8xf32>) -> tensor<?x2x12xf32>
  // Head h becomes heads 3h, 3h + 1 and 3h + 2.
  // CHECK: %[[B:.*]] = buffer "repeat_heads" tokens f32[24]
  // CHECK: dispatch @map.copy(x0 = %x) -> (y = %[[B]]) dims {inner = 4, outer = 2, x0.outer = 4, x0.stride = 8, y.outer = 12, y.stride = 32}
  // CHECK: dispatch @map.copy(x0 = %x) -> (y = %[[B]][4])
  // CHECK: dispatch @map.copy(x0 = %x) -> (y = %[[B]][8])
  %1 = llm.repeat_heads %x times 3 : (tensor<?x2x4xf32>) -> tensor<?x6x4xf32>
  return %0, %1 : tensor<?x2x12xf32>, tensor<?x6x4xf32>
}

// Numbers that are known are cut now: the second of two frequencies.
// CHECK-LABEL: plan.program @numbers.all
func.func @numbers(%b: !llm.batch, %p: tensor<?xi32> {llm.name = "p", llm.input = "positions"}) -> (tensor<?x2x1xf32> {llm.name = "t"}) attributes {llm.entry = "encode"} {
  %f = llm.rope_freqs 4 theta 100.0 : tensor<2xf32>
  %s = llm.slice %f from 1 size 1 : (tensor<2xf32>) -> tensor<1xf32>
  // CHECK: dispatch @rope_table(pos = %p, freqs = @freqs[0])
  %t = llm.rope_table %p, %s : (tensor<?xi32>, tensor<1xf32>) -> tensor<?x2x1xf32>
  return %t : tensor<?x2x1xf32>
}
