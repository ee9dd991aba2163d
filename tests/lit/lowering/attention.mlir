// RUN: sluice-opt %s --lower-to-plan | FileCheck %s

llm.state @layers.kv cache {k = [2, 16], v = [2, 16]} layers [0, 1]
llm.weight @bias : tensor<8x4xf32>

// CHECK-DAG: plan.state @layers.kv cache {k = [2, 16], v = [2, 16]} f32 bytes {{[0-9]+}} layers [0, 1]
// Keys and values of the step alone go through a cache that lasts as long.
// CHECK-DAG: plan.state @step.kv.2x16x16 transient {k = [2, 16], v = [2, 16]}
// Distances -4 ... 4: two exact buckets a side, the rest on a log scale.
// CHECK-DAG: plan.weight @buckets i32 rows [9] value dense<[3, 3, 2, 1, 0, 5, 6, 7, 7]>

func.func private @layer(%l: index, %b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>) -> tensor<?x4x16xf32> {
  %c = llm.append @layers.kv[%l] (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %a = llm.attention %q in %c for %b mask [#llm.mask<causal>, #llm.mask<window, 7>] scale 2.5e-01 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  return %a : tensor<?x4x16xf32>
}

// CHECK-LABEL: plan.program @encode.all
llm.weight @x.w : tensor<9x64xf32>
llm.weight @y.w : tensor<9x32xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x4x16xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x64xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x64xf32>) -> tensor<?x64xf32> loc("x")
  %y.w = llm.use @y.w : tensor<9x32xf32>
  %y = llm.embedding %ids, %y.w : (tensor<?xi32>, tensor<9x32xf32>) -> tensor<?x32xf32> loc("y")
  %q = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k = llm.reshape %y to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  // Each call works on its layer of the cache.
  // CHECK: dispatch @append(k = %y, v = %y) -> (cache = @layers.kv[0]) dims {head_dim = 16, heads = 2, {{.*}} layer 0
  // CHECK: dispatch @attend.causal.window(q = %x, cache = @layers.kv[0]) -> (y = %[[A:.*]]) dims {heads = 4, kv_heads = 2, q.stride = 64, window = 7,
  // CHECK: dispatch @append(k = %y, v = %y) -> (cache = @layers.kv[1])
  // CHECK: dispatch @attend.causal.window(q = %[[A]], cache = @layers.kv[1])
  %l0 = arith.constant 0 : index
  %a0 = func.call @layer(%l0, %b, %q, %k) : (index, !llm.batch, tensor<?x4x16xf32>, tensor<?x2x16xf32>) -> tensor<?x4x16xf32>
  %l1 = arith.constant 1 : index
  %a1 = func.call @layer(%l1, %b, %a0, %k) : (index, !llm.batch, tensor<?x4x16xf32>, tensor<?x2x16xf32>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @append(k = %y, v = %y) -> (cache = @step.kv.2x16x16[0])
  // CHECK: dispatch @attend.bucket(q = %{{.*}}, cache = @step.kv.2x16x16[0], bias_w = @bias[0], buckets = @buckets[0]) -> {{.*}} max_distance = 4
  %w = llm.use @bias : tensor<8x4xf32>
  %s = llm.bucket_bias %w max_distance 4 both_ways true : tensor<8x4xf32>
  %a2 = llm.attention %a1 over %k, %k for %b mask [#llm.mask<all>] scale 1.0 bias %s : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  return %a2 : tensor<?x4x16xf32>
}
