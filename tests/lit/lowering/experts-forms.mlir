// What the parts of experts change in the plan.
// RUN: sluice-opt %s --lower-to-plan="decode-tokens=0" --verify-plan | FileCheck %s

llm.weight @layers.up : tensor<4x32x64xf32> layers [0, 6]
llm.weight @layers.up.bias : tensor<4x32xf32> layers [0, 6]
llm.weight @layers.down : tensor<4x64x32xf32> layers [0, 6]
llm.weight @layers.down.bias : tensor<4x64xbf16> layers [0, 6]

// Experts are the leading axis of what lies in panels.
// CHECK-DAG: plan.weight @layers.up f32 panel [4, 32, 64] of ["layers.up"] layers [0, 6]
// CHECK-DAG: plan.weight @layers.up.bias f32 rows [4, 32] of ["layers.up.bias"] layers [0, 6]
// CHECK-DAG: plan.weight @layers.down.bias f32 rows [4, 64] of ["layers.down.bias"] layers [0, 6]
// CHECK-DAG: plan.kernel @linear.f32.swish.bias.tokens "linear" {act = "swish", beta = 1.500000e+00 : f32, bias, compute = "f32", rows = "tokens", weight = "f32"} (x, w, bias, offsets, pairs) -> (y)
// CHECK-DAG: plan.kernel @linear.f32.bias.pairs "linear" {bias, compute = "f32", rows = "pairs", weight = "f32"} (x, w, bias, offsets) -> (y)

// CHECK-LABEL: plan.program @generate.all
// The library has no product by groups.
// CHECK-NOT: matmul
func.func @generate(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}, %s: tensor<?x4xf32> {llm.name = "s", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "y"}) attributes {llm.entry = "generate"} {
  %l = arith.constant 6 : index
  %u = llm.use @layers.up[%l] : tensor<4x32x64xf32>
  %d = llm.use @layers.down[%l] : tensor<4x64x32xf32>
  %ub = llm.use @layers.up.bias[%l] : tensor<4x32xf32>
  %db = llm.use @layers.down.bias[%l] : tensor<4x64xbf16>
  // CHECK: dispatch @top_k(x = %s) -> (idx = %[[I:.*]]) dims
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p = llm.pick %s at %i : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>

  // The weight after the experts, biases in both products.
  // CHECK: dispatch @pick({{.*}}) -> (y = %[[P:.*]]) dims
  // CHECK: %[[PAIRS:.*]] = buffer "pairs" tokens * 2 i32[1]
  // CHECK: %[[POS:.*]] = buffer "position" tokens * 2 i32[1]
  // CHECK: dispatch @group(idx = %[[I]]) -> (offsets = %[[O:.*]], pairs = %[[PAIRS]], position = %[[POS]]) dims {experts = 4, idx.stride = 16, top_k = 2} rows tokens scratch 16
  // CHECK: %[[M:.*]] = buffer "expert.hidden" tokens * 2 f32[32]
  // CHECK: dispatch @linear.f32.swish.bias.tokens(x = %x, w = @layers.up[6], bias = @layers.up.bias[6], offsets = %[[O]], pairs = %[[PAIRS]]) -> (y = %[[M]]) dims {K = 64, N = 32, experts = 4, top_k = 2, {{.*}} rows tokens * 2
  // CHECK: dispatch @linear.f32.bias.pairs(x = %[[M]], w = @layers.down[6], bias = @layers.down.bias[6], offsets = %[[O]]) -> (y = %[[Y:.*]]) dims {K = 32, N = 64, experts = 4, {{.*}} rows tokens * 2
  // CHECK: dispatch @combine.weight(x = %[[Y]], position = %[[POS]], weight = %[[P]]) -> (y = %[[A:.*]]) dims {N = 64, {{.*}} rows tokens{{$}}
  %0 = llm.fused_experts %x at %i weight %p first(%u) bias(%ub) down(%d) down_bias %db act swish beta 1.5
      : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x32xf32>, tensor<4x64xbf16>) -> tensor<?x64xf32>
  // The weight in front of them: rows are gathered and multiplied.
  // CHECK: dispatch @gather_pairs.scale(x = %[[A]], pairs = %[[PAIRS:.*]], weight = %[[P]]) -> (y = %[[G:.*]]) dims {N = 64, top_k = 2, {{.*}} rows tokens * 2
  // CHECK: dispatch @linear.f32.relu.pairs(x = %[[G]], w = @layers.up[6], offsets = %{{.*}}) -> (y
  // CHECK: dispatch @combine(x = %{{.*}}, position = %{{.*}}) -> (y = %[[B:.*]]) dims
  %1 = llm.fused_experts %0 at %i weight %p first(%u) down(%d) act relu scale_input
      : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  // No weight at all.
  // CHECK: dispatch @linear.f32.relu.tokens(x = %[[B]], w = @layers.up[6],
  // CHECK: dispatch @combine(x = %{{.*}}, position = %{{.*}}) -> (y = %[[C:.*]]) dims
  %2 = llm.fused_experts %1 at %i first(%u) down(%d) act relu
      : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>

  // Unfused: any function of the gathered rows, with a weight before and after,
  // and products with an epilogue.
  // CHECK: dispatch @gather_pairs.scale(x = %[[C]], pairs = %{{.*}}, weight = %[[P]]) -> (y = %[[G:.*]]) dims
  // CHECK: dispatch @linear.f32.relu.pairs(x = %[[G]], w = @layers.up[6], offsets = %{{.*}}) -> (y = %[[M:.*]]) dims {K = 64, N = 32, experts = 4,
  // CHECK: dispatch @norm.rms(x = %[[M]]) {{.*}} rows tokens * 2
  // CHECK: dispatch @linear.f32.bias.pairs(x = %{{.*}}, w = @layers.down[6], bias = @layers.down.bias[6], offsets
  // CHECK: dispatch @combine.weight(x = %{{.*}}, position = %{{.*}}, weight = %[[P]]) -> (y = %[[D:.*]]) dims
  %3 = llm.experts %2 at %i with (%u, %d, %db) in_scale %p out_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x64xbf16>, tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %eu: tensor<32x64xf32>, %ed: tensor<64x32xf32>, %eb: tensor<64xbf16>):
    %m = llm.fused_linear %r weights(%eu) act relu : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
    %n = llm.rms_norm %m eps 1.0e-5 : (tensor<?x32xf32>) -> tensor<?x32xf32>
    %o = llm.linear %n, %ed bias %eb : (tensor<?x32xf32>, tensor<64x32xf32>, tensor<64xbf16>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  // CHECK: dispatch @gather_pairs(x = %[[D]], pairs = %{{.*}}) -> (y
  // CHECK: dispatch @combine(x = %gathered_
  %4 = llm.experts %3 at %i with (%u) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %eu: tensor<32x64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return %4 : tensor<?x64xf32>
}

// Pairs are as many as the rows of their kind.
// CHECK-LABEL: plan.program @classify.all
func.func @classify(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "y"}) attributes {llm.entry = "classify"} {
  %l = arith.constant 0 : index
  %u = llm.use @layers.up[%l] : tensor<4x32x64xf32>
  %d = llm.use @layers.down[%l] : tensor<4x64x32xf32>
  %h = llm.pool_rows max %x for %b : tensor<?x64xf32>
  %s = llm.slice %h from 0 size 4 : (tensor<?x64xf32>) -> tensor<?x4xf32>
  %i = llm.top_k %s, 3 : (tensor<?x4xf32>) -> tensor<?x3xi32>
  // CHECK: buffer "pairs" sequences * 3 i32[1]
  // CHECK: dispatch @group({{.*}} rows sequences scratch
  // CHECK: dispatch @linear.f32.relu.tokens({{.*}} rows sequences * 3
  // CHECK: dispatch @combine({{.*}} rows sequences{{$}}
  %0 = llm.fused_experts %h at %i first(%u) down(%d) act relu
      : (tensor<?x64xf32>, tensor<?x3xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
