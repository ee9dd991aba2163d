// What a query makes of distances, a cache that begins full of zeros, and parts of a table.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @first : tensor<40x64xf32>
llm.weight @rest : tensor<30x64xf32>
llm.state @kv cache {k = [4, 16], v = [4, 16]} keep 12 full

// The runtime keeps no rows for the zeros; the kernel counts them.
// CHECK-DAG: plan.state @kv cache {k = [4, 16], v = [4, 16]} f32 bytes 65536 {keep = 12 : i64}
// CHECK-DAG: plan.kernel @[[ATTEND:attend[^ ]*]] "attend" {bias = "distance", full, head_dim = 16 : i64, mask = ["window"], scale = 2.500000e-01 : f32, value_dim = 16 : i64} (q, cache, bias_x) -> (y) dims (heads, kv_heads, q.stride, window, distances, bias_x.stride, y.stride)
// CHECK-DAG: plan.kernel @[[PART:embedding[^ ]*]] "embedding" {layout = "rows", part, weight = "f32"}

// Of parts of a table no id is too large.
// CHECK: plan.entry @generate "generate" inputs {ids = "tokens"} limits [70]
// CHECK-LABEL: plan.program @generate.decode
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x64xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %w = llm.use @first : tensor<40x64xf32>
  // CHECK: dispatch @[[PART]](ids = %ids, w = @first[0]) -> (y = %[[X:.*]]) dims {N = 64, V = 40, from = 0, ids.stride = 1, y.stride = 64} rows tokens
  %x = llm.embedding %ids, %w from 0 of 70 : (tensor<?xi32>, tensor<40x64xf32>) -> tensor<?x64xf32>
  %v = llm.use @rest : tensor<30x64xf32>
  // CHECK: dispatch @[[PART]](ids = %ids, w = @rest[0]) -> (y = %[[Y:.*]]) dims {N = 64, V = 30, from = 40,
  %y = llm.embedding %ids, %v from 40 of 70 : (tensor<?xi32>, tensor<30x64xf32>) -> tensor<?x64xf32>
  %q = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %k = llm.reshape %y to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %s = llm.distance_bias %q : (tensor<?x4x16xf32>) -> !llm.bias<4>
  %c = llm.append @kv (%k, %k) for %b : tensor<?x4x16xf32>, tensor<?x4x16xf32>
  // CHECK: dispatch @[[ATTEND]](q = %[[X]], cache = @kv[0], bias_x = %[[X]]) -> (y = %{{.*}}) dims {bias_x.stride = 64, distances = 16, heads = 4, kv_heads = 4, q.stride = 64, window = 12, y.stride = 64}
  %a = llm.attention %q in %c for %b mask [#llm.mask<window, 12>] scale 0.25 bias %s : (tensor<?x4x16xf32>, !llm.cache, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  %r = llm.reshape %a to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @log_softmax(x = %{{.*}}) -> (y = %{{.*}}) dims {N = 64, heads = 1, x.stride = 64, y.stride = 64}
  %l = llm.log_softmax %r : tensor<?x64xf32>
  return %l : tensor<?x64xf32>
}
