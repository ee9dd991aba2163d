// Attention over keys whose first channels are the values, and products of each
// head with a matrix of its own.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @up : tensor<4x24x8xbf16>
llm.weight @up.bias : tensor<4x24xf32>
llm.weight @wide : tensor<4x6x32x!llm.blocks<i8x32>>
llm.state @kv cache {k = [1, 24]} layers [0, 2] keep 100

// A row of 24 channels takes 32.
// CHECK-DAG: plan.state @kv cache {k = [1, 24]} f32 bytes 16384 layers [0, 2] {keep = 100 : i64}
// CHECK-DAG: plan.state @step.k.1x24 transient {k = [1, 24]} f32 bytes 16384
// CHECK-DAG: plan.weight @up bf16 panel [4, 24, 8] of ["up"]
// CHECK-DAG: plan.weight @up.bias f32 rows [4, 24] of ["up.bias"]
// CHECK-DAG: plan.kernel @append.keys_alone "append" {keys_alone} (k) -> (cache) dims (heads, head_dim, k.stride)
// CHECK-DAG: plan.kernel @attend.keys_alone.causal "attend" {head_dim = 24 : i64, keys_alone, mask = ["causal"], scale = 1.000000e+00 : f32, value_dim = 20 : i64} (q, cache) -> (y)
// CHECK-DAG: plan.kernel @linear.bf16.bias.heads "linear" {bias, compute = "bf16", rows = "heads", weight = "bf16"} (x, w, bias) -> (y) dims (K, N, heads, x.stride, y.stride)

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x4x8xf32> {llm.name = "x", llm.input = "rows"}, %k: tensor<?x1x24xf32> {llm.name = "k", llm.input = "rows"}) -> (tensor<?x4x6xf32> {llm.name = "a"}, tensor<?x4x20xf32> {llm.name = "b"}) attributes {llm.entry = "encode"} {
  %l = arith.constant 2 : index
  %up = llm.use @up : tensor<4x24x8xbf16>
  %ub = llm.use @up.bias : tensor<4x24xf32>
  %wide = llm.use @wide : tensor<4x6x32x!llm.blocks<i8x32>>
  // CHECK: dispatch @linear.bf16.bias.heads(x = %x, w = @up[0], bias = @up.bias[0]) -> (y = %[[Q:.*]]) dims {K = 8, N = 24, heads = 4, x.stride = 32, y.stride = 96} rows tokens
  %q = llm.head_linear %x, %up bias %ub compute bf16 : (tensor<?x4x8xf32>, tensor<4x24x8xbf16>, tensor<4x24xf32>) -> tensor<?x4x24xf32>
  // CHECK: dispatch @append.keys_alone(k = %k) -> (cache = @kv[2]) dims {head_dim = 24, heads = 1, k.stride = 24} rows tokens
  // CHECK: dispatch @attend.keys_alone.causal(q = %[[Q]], cache = @kv[2]) -> (y = %{{.*}}) dims {heads = 4, kv_heads = 1, q.stride = 96, y.stride = 80} rows tokens
  %c = llm.append @kv[%l] (%k) for %b : tensor<?x1x24xf32>
  %0 = llm.attention %q in %c values 20 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x24xf32>, !llm.cache, !llm.batch) -> tensor<?x4x20xf32>
  // CHECK: dispatch @append.keys_alone(k = %k) -> (cache = @step.k.1x24[0])
  // CHECK: dispatch @attend.keys_alone{{.*}}(q = %[[Q]], cache = @step.k.1x24[0]) -> (y = %[[A:.*]]) dims
  %1 = llm.attention %q over %k values 20 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x24xf32>, tensor<?x1x24xf32>, !llm.batch) -> tensor<?x4x20xf32>
  %2 = llm.concat %1, %x : (tensor<?x4x20xf32>, tensor<?x4x8xf32>) -> tensor<?x4x28xf32>
  %3 = llm.slice %x from 0 size 4 : (tensor<?x4x8xf32>) -> tensor<?x4x4xf32>
  %4 = llm.concat %2, %3 : (tensor<?x4x28xf32>, tensor<?x4x4xf32>) -> tensor<?x4x32xf32>
  // CHECK: dispatch @linear.i8x32.f32.heads(x = %{{.*}}, w = @wide[0]) -> (y = %{{.*}}) dims {K = 32, N = 6, heads = 4,
  %5 = llm.head_linear %4, %wide : (tensor<?x4x32xf32>, tensor<4x6x32x!llm.blocks<i8x32>>) -> tensor<?x4x6xf32>
  return %5, %0 : tensor<?x4x6xf32>, tensor<?x4x20xf32>
}
