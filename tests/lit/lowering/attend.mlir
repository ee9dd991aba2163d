// What stands between scores and values, and where keys come from.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @sinks : tensor<4xbf16>
llm.weight @w : tensor<8x4xbf16>
llm.state @kv cache {k = [2, 16], v = [2, 8]} layers [1, 3] keep 100 chunk 40
llm.state @cross cache {k = [4, 16], v = [4, 16]} once

// Keys of 16 floats and values padded to 16 for each head, in blocks of 128
// positions.
// CHECK-DAG: plan.state @kv cache {k = [2, 16], v = [2, 8]} f32 bytes 32768 layers [1, 3] {chunk = 40 : i64, keep = 100 : i64}
// CHECK-DAG: plan.state @cross cache {k = [4, 16], v = [4, 16]} f32 bytes 65536 {once}
// CHECK-DAG: plan.weight @sinks f32 rows [4] of ["sinks"]
// CHECK-DAG: plan.weight @w f32 rows [8, 4] of ["w"]
// CHECK-DAG: plan.kernel @attend.causal "attend" {head_dim = 16 : i64, mask = ["causal"], scale = 2.500000e-01 : f32, value_dim = 8 : i64} (q, cache) -> (y)
// CHECK-DAG: plan.kernel @attend.causal.sinks "attend" {cap = 5.000000e+01 : f32, head_dim = 16 : i64, mask = ["causal"], scale = 2.500000e-01 : f32, sinks, value_dim = 16 : i64} (q, cache, sinks) -> (y)
// CHECK-DAG: plan.kernel @attend.alibi "attend" {bias = "alibi", {{.*}}} (q, cache, slopes) -> (y)
// CHECK-DAG: plan.kernel @attend.bucket.window.causal.sinks "attend" {{.*}} (q, cache, sinks, bias_w, buckets) -> (y) dims (heads, kv_heads, q.stride, window, buckets, max_distance, y.stride)
// CHECK-DAG: plan.kernel @attend "attend" {head_dim

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %q: tensor<?x4x16xf32> {llm.name = "q", llm.input = "rows"}, %k: tensor<?x2x16xf32> {llm.name = "k", llm.input = "rows"}, %v: tensor<?x2x8xf32> {llm.name = "v", llm.input = "rows"}) -> (tensor<?x4x8xf32> {llm.name = "a"}, tensor<?x4x8xf32> {llm.name = "b"}, tensor<?x4x16xf32> {llm.name = "c"}) attributes {llm.entry = "encode"} {
  %s = llm.use @sinks : tensor<4xbf16>
  %l = arith.constant 3 : index
  // CHECK: dispatch @append(k = %k, v = %v) -> (cache = @kv[3]) dims {head_dim = 16, heads = 2, k.stride = 32, v.stride = 16, value_dim = 8} rows tokens
  // CHECK: buffer "attention" tokens f32[32]
  // CHECK-NEXT: dispatch @attend.causal(q = %q, cache = @kv[3]) -> (y = %{{.*}}) dims {heads = 4, kv_heads = 2, q.stride = 64, y.stride = 32} rows tokens scratch
  %c = llm.append @kv[%l] (%k, %v) for %b : tensor<?x2x16xf32>, tensor<?x2x8xf32>
  %0 = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 0.25 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x8xf32>
  // This step's own keys and values: a cache of their widths.
  // CHECK: dispatch @append(k = %k, v = %v) -> (cache = @step.kv.2x16x8[0])
  // CHECK: dispatch @attend.causal(q = %q, cache = @step.kv.2x16x8[0])
  %1 = llm.attention %q over %k, %v for %b mask [#llm.mask<causal>] scale 0.25 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x4x8xf32>
  // Nothing is appended to a cache that another entry has filled.
  // CHECK-NOT: @append
  // CHECK: dispatch @attend.causal.sinks(q = %q, cache = @cross[0], sinks = @sinks[0]) -> (y = %[[A:.*]]) dims
  %d = llm.cached @cross
  %2 = llm.attention %q in %d for %b mask [#llm.mask<causal>] scale 0.25 cap 50.0 sinks %s : (tensor<?x4x16xf32>, !llm.cache, !llm.batch, tensor<4xbf16>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @attend.alibi(q = %[[A]], cache = @cross[0], slopes = @alibi[0]) -> (y = %[[B:.*]]) dims
  %al = llm.alibi 4
  %3 = llm.attention %2 in %d for %b mask [#llm.mask<all>] scale 0.25 bias %al : (tensor<?x4x16xf32>, !llm.cache, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  // `all` takes nothing away from what other terms allow.
  // CHECK: dispatch @attend.bucket.window.causal.sinks(q = %[[B]], cache = @cross[0], sinks = @sinks[0], bias_w = @w[0], buckets = @buckets[0]) -> (y = %[[C:.*]]) dims {buckets = 8, heads = 4, kv_heads = 4, max_distance = 16, q.stride = 64, window = 7, y.stride = 64}
  %w = llm.use @w : tensor<8x4xbf16>
  %bu = llm.bucket_bias %w max_distance 16 both_ways false : tensor<8x4xbf16>
  %4 = llm.attention %3 in %d for %b mask [#llm.mask<window, 7>, #llm.mask<all>, #llm.mask<causal>] scale 0.25 sinks %s bias %bu : (tensor<?x4x16xf32>, !llm.cache, !llm.batch, tensor<4xbf16>, !llm.bias<4>) -> tensor<?x4x16xf32>
  // CHECK: dispatch @attend(q = %[[C]], cache = @cross[0])
  %5 = llm.attention %4 in %d for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  return %0, %1, %5 : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x16xf32>
}
