// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// A table is one thing, what turns by it another: so rotations can share it.
// CHECK-DAG: plan.kernel @rope_table "rope_table" {amplitude = 1.000000e+00 : f32} (pos, freqs) -> (y)
// CHECK-DAG: plan.kernel @rope_table_{{[0-9]+}} "rope_table" {amplitude = 1.250000e+00 : f32}
// CHECK-DAG: plan.kernel @rotate.half "rotate" {from = 0 : i64, pairing = "half"} (x, table) -> (y)
// CHECK-DAG: plan.kernel @rotate.half_{{[0-9]+}} "rotate" {from = 8 : i64, pairing = "half"}
// CHECK-DAG: plan.kernel @rotate.adjacent "rotate" {from = 4 : i64, pairing = "adjacent"}

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}, %p: tensor<?xi32> {llm.name = "p", llm.input = "positions"}) -> (tensor<?x4x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %f = llm.rope_freqs 16 theta 10000.0 : tensor<8xf32>
  %g = llm.rope_freqs 8 theta 10000.0 : tensor<4xf32>
  // CHECK: %[[T:.*]] = buffer "rope" tokens f32[16]
  // CHECK-NEXT: dispatch @rope_table(pos = %p, freqs = @freqs[0]) -> (y = %[[T]]) dims {N = 8, pos.stride = 1, y.stride = 16} rows tokens
  // CHECK: dispatch @rotate.half(x = %x, table = %[[T]]) -> (y = %[[A:.*]]) dims {head_dim = 16, heads = 4, rotary = 8, table.stride = 16, x.stride = 64, y.stride = 64}
  %0 = llm.rope half %x, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @rope_table_{{[0-9]+}}(pos = %p, freqs = @freqs_{{[0-9]+}}[0]) -> (y = %[[T:.*]]) dims {N = 4,
  // CHECK: dispatch @rotate.half_{{[0-9]+}}(x = %[[A]], table = %[[T]]) -> (y = %[[B:.*]]) dims {{.*}} rotary = 4,
  %1 = llm.rope half %0, %p, %g from 8 amplitude 1.25 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @rope_table(pos = %p, freqs = @freqs_{{[0-9]+}}[0]) -> (y = %[[T:.*]])
  // CHECK-NOT: @rope_table
  // CHECK: dispatch @rotate.adjacent(x = %[[B]], table = %[[T]]) -> (y = %[[C:.*]]) dims
  // CHECK: dispatch @rotate.half(x = %[[C]], table = %[[T]])
  %t = llm.rope_table %p, %g : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  %2 = llm.rotate adjacent %1 by %t from 4 : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  %3 = llm.rotate half %2 by %t : (tensor<?x4x16xf32>, tensor<?x2x4xf32>) -> tensor<?x4x16xf32>
  return %3 : tensor<?x4x16xf32>
}

// Frequencies of each row.
// CHECK-LABEL: plan.program @each.all
func.func @each(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}, %p: tensor<?xi32> {llm.name = "p", llm.input = "positions"}) -> (tensor<?x4x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %n = llm.number %p : (tensor<?xi32>) -> tensor<?x1xf32>
  // CHECK: dispatch @freqs_ntk(x = %{{.*}}) -> (y = %[[F:[a-z_0-9]+]]) dims {N = 8, x.stride = {{[0-9]+}}, y.stride = {{[0-9]+}}} rows tokens
  %f = llm.freqs_ntk %n dims 16 theta 10000.0 : (tensor<?x1xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @rope_table.each(pos = %p, freqs = %[[F]]) -> (y = %[[T:.*]]) dims {N = 8, freqs.stride = {{[0-9]+}}, pos.stride = 1, y.stride = 16} rows tokens
  %0 = llm.rope half %x, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x4x16xf32>
  return %0 : tensor<?x4x16xf32>
}
