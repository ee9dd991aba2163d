// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// Terms by their words, lists of all and of any by turns; numbers are dims, values rows.
// CHECK-DAG: plan.kernel @attend.causal.chunk "attend" {{.*}} mask = ["causal", "chunk"], {{.*}} (q, cache) -> (y) dims (heads, kv_heads, q.stride, chunk, y.stride)
// CHECK-DAG: plan.kernel @attend.band "attend" {{.*}} mask = {{\[\[}}"band", "band"]], {{.*}} dims (heads, kv_heads, q.stride, band, band.1, y.stride)
// CHECK-DAG: plan.kernel @attend.causal.prefix.segments.keys "attend" {{.*}} mask = {{\[\[}}"causal", "prefix", ["segments", "keys"]]], {{.*}} (q, cache, prefix, segments, keys) -> (y)
// CHECK-DAG: plan.kernel @attend.causal.from "attend" {{.*}} mask = ["causal", "from"], {{.*}} (q, cache, from) -> (y)
// CHECK-DAG: plan.kernel @attend.band.keys.queries "attend" {{.*}} mask = {{\[\[}}"band", "keys"], "queries"], {{.*}} (q, cache, keys, queries) -> (y)
// CHECK-DAG: plan.kernel @attend.blocks.causal "attend" {{.*}} dims (heads, kv_heads, q.stride, blocks.size, blocks.local, blocks.stride, blocks.hop, y.stride)
// CHECK-DAG: plan.kernel @attend.alibi.bf16.two_sided "attend" {bias = "alibi", {{.*}} rounded = "bf16", {{.*}} times = 5.000000e-01 : f32, two_sided,

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x2x8xf32> {llm.name = "x", llm.input = "rows"}, %n: tensor<?xi32> {llm.name = "n", llm.input = "rows"}, %m: tensor<?xi32> {llm.name = "m", llm.input = "rows", llm.flags}) -> (tensor<?x2x8xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  // A flag is a byte to the caller.
  // CHECK: %n = input "n" i32[1] shape []
  // CHECK: %m = input "m" ui8[1] shape []
  // CHECK: dispatch @flags(x = %m) -> (y = %[[M:.*]]) dims {N = 1,
  // CHECK: dispatch @attend.causal.chunk({{.*}} dims {chunk = 5,
  %a0 = llm.attention %x over %x, %x for %b mask [#llm.mask<causal>, #llm.mask<chunk, 5>] scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  // One of one of several is one of them all.
  // CHECK: dispatch @attend.band({{.*}} dims {band = 4, band.1 = 2,
  %a1 = llm.attention %a0 over %x, %x for %b mask [#llm.mask<any of [#llm.mask<band, 4>, #llm.mask<any of [#llm.mask<band, 2>]>]>] scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  // CHECK: dispatch @attend.causal.prefix.segments.keys({{.*}}, prefix = %n, segments = %n, keys = %[[M]])
  %a2 = llm.attention %a1 over %x, %x for %b mask [#llm.mask<any of [#llm.mask<causal>, #llm.mask<prefix, 0>, #llm.mask<every of [#llm.mask<segments, 0>, #llm.mask<keys, 1>]>]>] (%n, %m) scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, tensor<?xi32>, tensor<?xi32>) -> tensor<?x2x8xf32>
  // CHECK: dispatch @attend.blocks.causal({{.*}} dims {blocks.hop = 1, blocks.local = 2, blocks.size = 4, blocks.stride = 3,
  %a3 = llm.attention %a2 over %x, %x for %b mask [#llm.mask<blocks, 4, 2, 3, 1>, #llm.mask<causal>] scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  // CHECK: dispatch @attend.causal.from({{.*}}, from = %n)
  %a5 = llm.attention %a3 over %x, %x for %b mask [#llm.mask<causal>, #llm.mask<from, 0>] (%n) scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
  // CHECK: dispatch @attend.band.keys.queries({{.*}}, keys = %n, queries = %[[M]]) -> {{.*}} dims {band = 2,
  %a6 = llm.attention %a5 over %x, %x for %b mask [#llm.mask<any of [#llm.mask<band, 2>, #llm.mask<keys, 0>]>, #llm.mask<queries, 1>] (%n, %m) scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, tensor<?xi32>, tensor<?xi32>) -> tensor<?x2x8xf32>
  %s = llm.alibi 2 times 0.5 slopes [0.3, 0.7] two_sided true rounded bf16
  // The slopes are rounded, too.
  // CHECK: dispatch @attend.alibi.bf16.two_sided(
  %a4 = llm.attention %a6 over %x, %x for %b mask [#llm.mask<all>] scale 1.0 bias %s : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, !llm.bias<2>) -> tensor<?x2x8xf32>
  return %a4 : tensor<?x2x8xf32>
}
