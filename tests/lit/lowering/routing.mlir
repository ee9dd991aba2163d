// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @layers.router : tensor<8x64xbf16> layers [1]
llm.weight @layers.router.bias : tensor<8xf32> layers [1]
llm.weight @layers.correction : tensor<8xbf16> layers [1]
llm.weight @n : tensor<64xf32>

// CHECK-DAG: plan.kernel @route.correction.score_first.sigmoid "route" {correction, normalize = 9.99999968E-21 : f32, order = "score_first", scale = 2.500000e+00 : f32, score = "sigmoid"} (x, correction) -> (idx, weight)
// CHECK-DAG: plan.kernel @route.top_first.none "route" {order = "top_first", score = "none"} (x) -> (idx, weight)
// CHECK-DAG: plan.weight @layers.correction f32 rows [8] of ["layers.correction"] layers [1]

// CHECK-LABEL: plan.program @unfused.all
func.func @unfused(%b: !llm.batch, %x: tensor<?x8xf32> {llm.name = "x", llm.input = "rows"}, %y: tensor<?x12xf32> {llm.name = "y", llm.input = "rows"}) -> (tensor<?x3xf32> {llm.name = "p"}, tensor<?x3xf32> {llm.name = "q"}) attributes {llm.entry = "encode"} {
  // CHECK: %[[I:.*]] = buffer "top_k" tokens i32[3]
  // CHECK-NEXT: dispatch @top_k(x = %x) -> (idx = %[[I]]) dims {experts = 8, heads = 1, idx.stride = 16, top_k = 3, x.stride = 8} rows tokens
  // CHECK: dispatch @pick(x = %x, idx = %[[I]]) -> (y = %{{.*}}) dims {experts = 8, heads = 1, {{.*}} top_k = 3,
  %i = llm.top_k %x, 3 : (tensor<?x8xf32>) -> tensor<?x3xi32>
  %p = llm.pick %x at %i : (tensor<?x8xf32>, tensor<?x3xi32>) -> tensor<?x3xf32>
  // More to choose from than was chosen from is no danger.
  // CHECK: dispatch @pick(x = %y, idx = %[[I]]) -> (y = %{{.*}}) dims {experts = 12,
  %q = llm.pick %y at %i : (tensor<?x12xf32>, tensor<?x3xi32>) -> tensor<?x3xf32>
  return %p, %q : tensor<?x3xf32>, tensor<?x3xf32>
}

// Of each group of a row; which groups were chosen is a mask.
// CHECK-LABEL: plan.program @in_groups.all
func.func @in_groups(%b: !llm.batch, %x: tensor<?x4x6xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x4x2xf32> {llm.name = "p"}, tensor<?x4xf32> {llm.name = "m"}) attributes {llm.entry = "encode"} {
  // CHECK: %[[I:.*]] = buffer "top_k" tokens i32[8]
  // CHECK-NEXT: dispatch @top_k(x = %x) -> (idx = %[[I]]) dims {experts = 6, heads = 4, {{.*}} top_k = 2,
  // CHECK: dispatch @pick(x = %x, idx = %[[I]]) -> (y = %[[P:.*]]) dims {experts = 6, heads = 4, {{.*}} top_k = 2,
  %i = llm.top_k %x, 2 : (tensor<?x4x6xf32>) -> tensor<?x4x2xi32>
  %p = llm.pick %x at %i : (tensor<?x4x6xf32>, tensor<?x4x2xi32>) -> tensor<?x4x2xf32>
  %s = llm.sum %p : (tensor<?x4x2xf32>) -> tensor<?x4x1xf32>
  %t = llm.reshape %s to [4] : (tensor<?x4x1xf32>) -> tensor<?x4xf32>
  // CHECK: dispatch @top_k(x = %{{.*}}) -> (idx = %[[J:.*]]) dims {experts = 4, heads = 1,
  // CHECK: dispatch @chosen(idx = %[[J]]) -> (y = %{{.*}}) dims {experts = 4, idx.stride = 16, top_k = 3,
  %j = llm.top_k %t, 3 : (tensor<?x4xf32>) -> tensor<?x3xi32>
  %m = llm.chosen %j of 4 : (tensor<?x3xi32>) -> tensor<?x4xf32>
  return %p, %m : tensor<?x4x2xf32>, tensor<?x4xf32>
}

// The normalised rows are a value, as the experts read them, too.
// CHECK-LABEL: plan.program @fused.all
func.func @fused(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "h"}, tensor<?x3xf32> {llm.name = "p"}, tensor<?x2xf32> {llm.name = "q"}) attributes {llm.entry = "encode"} {
  %l = arith.constant 1 : index
  %w = llm.use @layers.router[%l] : tensor<8x64xbf16>
  %c = llm.use @layers.router.bias[%l] : tensor<8xf32>
  %d = llm.use @layers.correction[%l] : tensor<8xbf16>
  %n = llm.use @n : tensor<64xf32>
  // CHECK: %[[H:.*]] = buffer "h" tokens f32[64]
  // CHECK-NEXT: dispatch @norm.layer.weight.bias(x = %x, w = @n[0], b = @n[0]) -> (y = %[[H]])
  // CHECK: dispatch @convert(x = %[[H]]) -> (y = %[[C:.*]]) dims
  // CHECK: matmul @linear.bf16.bias.input_bf16(x = %[[C]], w = @layers.router[1], bias = @layers.router.bias[1]) -> (y = %[[L:.*]]) dims {K = 64, N = 8,
  // CHECK: %[[I:.*]] = buffer "fused_router" tokens i32[3]
  // CHECK-NEXT: %[[P:.*]] = buffer "fused_router" tokens f32[3]
  // CHECK-NEXT: dispatch @route.correction.score_first.sigmoid(x = %[[L]], correction = @layers.correction[1]) -> (idx = %[[I]], weight = %[[P]]) dims {experts = 8, idx.stride = 16, top_k = 3, {{.*}} scratch 128
  %h, %i, %p = llm.fused_router %x norm <layer, 1.0e-5 : f32>(%n, %n) weights(%w) bias %c correction %d compute bf16 sigmoid score_first top 3 normalize 1.0e-20 scale 2.5
      : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<8x64xbf16>, tensor<8xf32>, tensor<8xbf16>) -> (tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>)
  // Without a norm the rows are those of the router's input.
  // CHECK: dispatch @route.top_first.none(x = %{{.*}}) -> (idx = %{{.*}}, weight = %{{.*}}) dims {experts = 8, {{.*}} top_k = 2,
  %g, %j, %q = llm.fused_router %h weights(%w) none top_first top 2 : (tensor<?x64xf32>, tensor<8x64xbf16>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  // CHECK: output "h" %[[H]] tokens[64]
  return %g, %p, %q : tensor<?x64xf32>, tensor<?x3xf32>, tensor<?x2xf32>
}
