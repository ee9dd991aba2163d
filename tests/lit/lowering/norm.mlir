// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @w : tensor<64xbf16>
llm.weight @b : tensor<64xf32>
llm.weight @h : tensor<4x16xf32>
llm.weight @layers.n : tensor<64xf32> layers [0, 3]

// CHECK-DAG: plan.kernel @norm.rms "norm" {eps = 9.99999974E-6 : f32, kind = "rms"} (x) -> (y)
// CHECK-DAG: plan.kernel @norm.rms.weight "norm" {eps = 9.99999974E-6 : f32, kind = "rms", weight} (x, w) -> (y)
// CHECK-DAG: plan.kernel @norm.layer.bias "norm" {bias, eps = 9.99999974E-6 : f32, kind = "layer"} (x, b) -> (y)
// CHECK-DAG: plan.kernel @norm.l2.sum "norm" {eps = 9.99999974E-6 : f32, eps_in = "sum", kind = "l2"}
// CHECK-DAG: plan.kernel @norm.l2.max "norm" {eps = 9.99999974E-6 : f32, eps_in = "max", kind = "l2"}
// Weights of norms are kept in f32.
// CHECK-DAG: plan.weight @w f32 rows [64] of ["w"]
// CHECK-DAG: plan.weight @h f32 rows [4, 16] of ["h"]
// CHECK-DAG: plan.weight @layers.n f32 rows [64] of ["layers.n"] layers [0, 3]

// CHECK-LABEL: plan.program @rows.all
func.func @rows(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<64xbf16>
  %c = llm.use @b : tensor<64xf32>
  %l = arith.constant 3 : index
  %n = llm.use @layers.n[%l] : tensor<64xf32>
  // CHECK: dispatch @norm.rms(x = %x) -> (y = %[[A:.*]]) dims {N = 64, heads = 1, x.stride = 64, y.stride = 64} rows tokens
  %0 = llm.rms_norm %x eps 1.0e-5 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @norm.rms.weight(x = %[[A]], w = @w[0])
  %1 = llm.rms_norm %0, %w eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xbf16>) -> tensor<?x64xf32>
  // Another layer is an operand, another eps a kernel.
  // CHECK: dispatch @norm.rms.weight(x = %{{.*}}, w = @layers.n[3])
  %2 = llm.rms_norm %1, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @norm.rms.weight_{{[0-9]+}}(x = %{{.*}}, w = @w[0])
  %3 = llm.rms_norm %2, %w eps 1.0e-6 : (tensor<?x64xf32>, tensor<64xbf16>) -> tensor<?x64xf32>
  // CHECK: dispatch @norm.layer.weight.bias(x = %{{.*}}, w = @w[0], b = @b[0])
  %4 = llm.layer_norm %3, %w bias %c eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xbf16>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @norm.layer.bias(x = %{{.*}}, b = @b[0])
  %5 = llm.layer_norm %4 bias %c eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @norm.l2.sum(
  %6 = llm.l2_norm %5 eps 1.0e-5 in sum : tensor<?x64xf32>
  // CHECK: dispatch @norm.l2.max(
  %7 = llm.l2_norm %6 eps 1.0e-5 in max : tensor<?x64xf32>
  return %7 : tensor<?x64xf32>
}

// Only the last axis is normalised; a weight is for all heads or for each.
// CHECK-LABEL: plan.program @heads.all
func.func @heads(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x4x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %h = llm.use @h : tensor<4x16xf32>
  // CHECK: dispatch @norm.rms(x = %x) -> (y = %{{.*}}) dims {N = 16, heads = 4, x.stride = 64, y.stride = 64}
  %0 = llm.rms_norm %x eps 1.0e-5 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @norm.layer.weight.bias.per_head_weight(x = %{{.*}}, w = @h[0], b = @h[0])
  %1 = llm.layer_norm %0, %h bias %h eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @norm.layer.bias.per_head_weight(x = %{{.*}}, b = @h[0])
  %2 = llm.layer_norm %1 bias %h eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<4x16xf32>) -> tensor<?x4x16xf32>
  return %2 : tensor<?x4x16xf32>
}
