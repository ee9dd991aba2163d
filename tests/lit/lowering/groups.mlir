// Reductions of the last axis, for each head of a row.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// CHECK-DAG: plan.kernel @normalize "normalize" {eps = 0.000000e+00 : f32}
// CHECK-DAG: plan.kernel @normalize_{{[0-9]+}} "normalize" {eps = 9.99999997E-7 : f32}

// CHECK-LABEL: plan.program @groups.all
func.func @groups(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}, %v: tensor<?x64xf32> {llm.name = "v", llm.input = "rows"}) -> (tensor<?x4x16xf32> {llm.name = "y"}, tensor<?x64xf32> {llm.name = "z"}) attributes {llm.entry = "encode"} {
  // CHECK: dispatch @softmax(x = %x) -> (y = %[[S:.*]]) dims {N = 16, heads = 4, x.stride = 64, y.stride = 64} rows tokens
  %s = llm.softmax %x : tensor<?x4x16xf32>
  // CHECK: %[[T:.*]] = buffer "sum" tokens f32[4]
  // CHECK-NEXT: dispatch @sum(x = %[[S]]) -> (y = %[[T]]) dims {N = 16, heads = 4, x.stride = 64, y.stride = 16}
  %t = llm.sum %s : (tensor<?x4x16xf32>) -> tensor<?x4x1xf32>
  // One number per head is repeated over its channels.
  // CHECK: dispatch @map.divf(x0 = %[[S]], x1 = %[[T]]) -> (y = %[[D:.*]]) dims {inner = 16, outer = 4, x0.outer = 16, x0.stride = 64, x1.outer = 1, x1.stride = 16,
  %d = llm.binary div %s, %t : (tensor<?x4x16xf32>, tensor<?x4x1xf32>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @normalize(x = %[[D]]) -> (y = %[[N:.*]]) dims {N = 16, heads = 4,
  %n = llm.normalize %d : tensor<?x4x16xf32>
  // CHECK: dispatch @normalize_{{[0-9]+}}(x = %[[N]])
  %m = llm.normalize %n eps 1.0e-6 : tensor<?x4x16xf32>
  // A row without heads is one group.
  // CHECK: dispatch @softmax(x = %v) -> (y = %{{.*}}) dims {N = 64, heads = 1,
  %u = llm.softmax %v : tensor<?x64xf32>
  return %m, %u : tensor<?x4x16xf32>, tensor<?x64xf32>
}
