// RUN: sluice-opt %s --lower-to-plan | FileCheck %s

llm.weight @scale : tensor<16xbf16>
llm.weight @heads : tensor<4x1xf32>

// The same function is one kernel, whatever it is applied to.
// CHECK: plan.kernel @map.mulf "map" {inputs = 2 : i64, splat = "00"}
// CHECK-NOT: plan.kernel @map.mulf{{.*}}splat = "00"
// CHECK: plan.kernel @map.mulf_{{.*}}splat = "01"
// CHECK: plan.weight @constant f32 rows [1] value dense<2.000000e+00> : tensor<1xf32>

// CHECK-LABEL: plan.program @encode.all
llm.weight @x.w : tensor<9x64xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"})
    -> (tensor<?x4x16xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x64xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x64xf32>) -> tensor<?x64xf32> loc("x")
  // No step for a reshape.
  // CHECK: %[[A:.*]] = buffer "binary" tokens f32[64]
  // CHECK-NEXT: dispatch @map.mulf(x0 = %x, x1 = %x) -> (y = %[[A]]) dims {inner = 64, outer = 1,
  %a = llm.binary mul %x, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %r = llm.reshape %a to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  // A weight has no rows; it is repeated for each head.
  // CHECK: dispatch @map.mulf(x0 = %[[A]], x1 = @scale[0]) -> (y = %[[B:.*]]) dims {inner = 16, outer = 4, x0.outer = 16, x0.stride = 64, x1.outer = 0, x1.stride = 0, y.outer = 16, y.stride = 64}
  %w = llm.use @scale : tensor<16xbf16>
  %s = llm.binary mul %r, %w : (tensor<?x4x16xf32>, tensor<16xbf16>) -> tensor<?x4x16xf32>
  // One number per head.
  // CHECK: dispatch @map.mulf_{{.*}}(x0 = %[[B]], x1 = @heads[0]) -> (y = %[[C:.*]]) dims {inner = 16, outer = 4, {{.*}} x1.outer = 1, x1.stride = 0,
  %h = llm.use @heads : tensor<4x1xf32>
  %t = llm.binary mul %s, %h : (tensor<?x4x16xf32>, tensor<4x1xf32>) -> tensor<?x4x16xf32>
  // Half of each head is a copy, half of a row is a view.
  // CHECK: dispatch @map.copy(x0 = %[[C]][8]) -> (y = %[[D:.*]]) dims {inner = 8, outer = 4, x0.outer = 16, x0.stride = 64, y.outer = 8, y.stride = 32}
  %u = llm.slice %t from 8 size 8 : (tensor<?x4x16xf32>) -> tensor<?x4x8xf32>
  // CHECK: dispatch @map.copy(x0 = %[[D]]) -> (y = %[[E:.*]]) dims {inner = 8, outer = 4, x0.outer = 8, x0.stride = 32, y.outer = 16, y.stride = 64}
  // CHECK: dispatch @map.copy(x0 = %[[D]]) -> (y = %[[E]][8])
  %v = llm.concat %u, %u : (tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x16xf32>
  %f = llm.reshape %v to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  %p:2 = llm.split %f into [32, 32] : (tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  // Numbers are folded.
  // CHECK: dispatch @map.{{.*}}(x0 = %[[E]], x1 = %[[E]][32]) -> (y = %[[F:.*]])
  // CHECK: dispatch @map.{{.*}}(x0 = %[[F]], x1 = @constant[0])
  %q = llm.binary add %p#0, %p#1 : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %c = llm.constant 4.0
  %c2 = llm.act sqrt %c : tensor<f32>
  %z = llm.binary mul %q, %c2 : (tensor<?x32xf32>, tensor<f32>) -> tensor<?x32xf32>
  %zz = llm.concat %z, %z : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  %o = llm.reshape %zz to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  return %o : tensor<?x4x16xf32>
}
