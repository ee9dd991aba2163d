// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s
// RUN: sluice-opt %s --fuse-elementwise --lower-to-plan --verify-plan | FileCheck %s

llm.weight @factors : tensor<2xf32>
llm.weight @layers.scale : tensor<8xf32> layers [0, 1]
llm.weight @shift : tensor<8xf32>
llm.weight @inverse : tensor<2xf32>

// The packer computes what has no rows; the plan says what of, once.
// CHECK-DAG: plan.weight @"layers.scale[0].addf" f32 rows [8] of ["layers.scale"[0]] tables [dense<1.000000e+00> : tensor<f32>] body(%[[S:.*]]: f32, %[[T:.*]]: f32) {
// CHECK-DAG: plan.weight @"layers.scale[1].addf" f32 rows [8] of ["layers.scale"[1]]
// CHECK-DAG: plan.weight @factors.divf f32 rows [2] of ["factors"] tables [dense<[1.000000e+00, 1.000000e-01]> : tensor<2xf32>]

// A weight that is read as it is needs none of this.
// CHECK-DAG: plan.weight @inverse f32 rows [2] of ["inverse"]

// A chain is one body; its parts may come from several weights.
// CHECK: plan.weight @shift.negf.exp.addf.divf{{.*}} f32 rows [8] of ["shift", "layers.scale"[1]]

// CHECK-NOT: plan.weight @shift f32

func.func private @layer(%l: index, %x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %s = llm.use @layers.scale[%l] : tensor<8xf32>
  %one = llm.constant 1.0
  %w = llm.binary add %s, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %y = llm.binary mul %x, %w : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

llm.weight @x.w : tensor<9x8xf32>
// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"},
                  %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x2x4xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x8xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x8xf32>) -> tensor<?x8xf32> loc("x")
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  // CHECK: dispatch @map.mulf(x0 = %x, x1 = @"layers.scale[0].addf"[0])
  %y0 = func.call @layer(%l0, %x) : (index, tensor<?x8xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @map.mulf(x0 = %{{.*}}, x1 = @"layers.scale[1].addf"[0])
  %y1 = func.call @layer(%l1, %y0) : (index, tensor<?x8xf32>) -> tensor<?x8xf32>
  %f = llm.rope_freqs 4 theta 1.000000e+02 : tensor<2xf32>
  %w = llm.use @factors : tensor<2xf32>
  %g = llm.binary div %f, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %h = llm.reshape %y1 to [2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  // CHECK: dispatch @rope_table(pos = %pos, freqs = @factors.divf[0])
  %r = llm.rope half %h, %pos, %g : (tensor<?x2x4xf32>, tensor<?xi32>, tensor<2xf32>) -> tensor<?x2x4xf32>
  %i = llm.use @inverse : tensor<2xf32>
  // CHECK: dispatch @rope_table(pos = %pos, freqs = @inverse[0])
  %q = llm.rope half %r, %pos, %i : (tensor<?x2x4xf32>, tensor<?xi32>, tensor<2xf32>) -> tensor<?x2x4xf32>
  %s = llm.use @shift : tensor<8xf32>
  %a = llm.act silu %s : tensor<8xf32>
  %t = llm.use @layers.scale[%l1] : tensor<8xf32>
  %m = llm.binary max %a, %t : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %flat = llm.reshape %q to [8] : (tensor<?x2x4xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @map.addf{{.*}}(x0 = %{{.*}}, x1 = @shift.negf.exp.addf.divf{{.*}}[0])
  %z = llm.binary add %flat, %m : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %o = llm.reshape %z to [2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  return %o : tensor<?x2x4xf32>
}
