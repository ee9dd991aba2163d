// What the packer is told to compute, and what is known without it.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @a : tensor<8xbf16>
llm.weight @quarter : tensor<4xbf16>
llm.weight @one : tensor<1xf32>
llm.weight @heads : tensor<2x1xf32>
llm.weight @layers.s : tensor<8xf32> layers [0, 4]
llm.weight @layers.s$1 : tensor<8xf32> layers [2]

// Every part is read as f32 and repeated to the shape of the result.
// CHECK-DAG: plan.weight @heads.mulf f32 rows [2, 4] of ["heads", "quarter"] body(
// CHECK-DAG: plan.weight @a.mulf f32 rows [8] of ["a"] body(%{{.*}}: f32) {
// Parts of layers are named with their layer, by the path in the spec.
// CHECK-DAG: plan.weight @"layers.s[4].addf.addf" f32 rows [8] of ["layers.s"[4], "layers.s"[0], "layers.s"[2]] body(
// A number of a weight is a vector of one.
// CHECK-DAG: plan.weight @one.exp f32 rows [1] of ["one"] body(
// Numbers alone are folded; those that meet a weight are its tables.
// CHECK-DAG: plan.weight @constant f32 rows [1] value dense<7.000000e+00> : tensor<1xf32>
// CHECK-DAG: plan.weight @a.mulf.addf f32 rows [8] of ["a"] tables [dense<3.000000e+00> : tensor<f32>, dense<4.000000e+00> : tensor<f32>] body(

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x8xf32> {llm.name = "x", llm.input = "rows"}, %h: tensor<?x2x4xf32> {llm.name = "h", llm.input = "rows"}) -> (tensor<?x8xf32> {llm.name = "y"}, tensor<?x2x4xf32> {llm.name = "z"}) attributes {llm.entry = "encode"} {
  %a = llm.use @a : tensor<8xbf16>
  %q = llm.use @quarter : tensor<4xbf16>
  %w = llm.use @heads : tensor<2x1xf32>
  %o = llm.use @one : tensor<1xf32>
  // A weight that is used twice is one part.
  // CHECK: dispatch @map.addf(x0 = %x, x1 = @a.mulf[0])
  %aa = llm.binary mul %a, %a : (tensor<8xbf16>, tensor<8xbf16>) -> tensor<8xf32>
  %0 = llm.binary add %x, %aa : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @map.addf(x0 = %h, x1 = @heads.mulf[0]) -> (y = %{{.*}}) dims {inner = 8, outer = 1,
  %wq = llm.binary mul %w, %q : (tensor<2x1xf32>, tensor<4xbf16>) -> tensor<2x4xf32>
  %z = llm.binary add %h, %wq : (tensor<?x2x4xf32>, tensor<2x4xf32>) -> tensor<?x2x4xf32>
  %l0 = arith.constant 0 : index
  %l2 = arith.constant 2 : index
  %l4 = arith.constant 4 : index
  %s0 = llm.use @layers.s[%l0] : tensor<8xf32>
  %s2 = llm.use @layers.s$1[%l2] : tensor<8xf32>
  %s4 = llm.use @layers.s[%l4] : tensor<8xf32>
  // CHECK: dispatch @map.addf(x0 = %{{.*}}, x1 = @"layers.s[4].addf.addf"[0])
  %s = llm.binary add %s4, %s0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %t = llm.binary add %s, %s2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = llm.binary add %0, %t : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @map.addf_{{[0-9]+}}(x0 = %{{.*}}, x1 = @one.exp[0]) -> (y = %{{.*}}) dims {inner = 8, outer = 1, x0.outer = 8, x0.stride = 16, x1.outer =
  %e = llm.act exp %o : tensor<1xf32>
  %2 = llm.binary add %1, %e : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @map.mulf{{.*}}x1 = @constant[0])
  %c3 = llm.constant 3.0
  %c4 = llm.constant 4.0
  %c7 = llm.binary add %c3, %c4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %3 = llm.binary mul %2, %c7 : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  // CHECK: dispatch @map.mulf{{.*}}x1 = @a.mulf.addf[0])
  %a3 = llm.binary mul %a, %c3 : (tensor<8xbf16>, tensor<f32>) -> tensor<8xf32>
  %a34 = llm.binary add %a3, %c4 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = llm.binary mul %3, %a34 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // The same of the same is one weight.
  // CHECK: dispatch @map.subf(x0 = %{{.*}}, x1 = @a.mulf[0])
  %bb = llm.binary mul %a, %a : (tensor<8xbf16>, tensor<8xbf16>) -> tensor<8xf32>
  %5 = llm.binary sub %4, %bb : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %5, %z : tensor<?x8xf32>, tensor<?x2x4xf32>
}
