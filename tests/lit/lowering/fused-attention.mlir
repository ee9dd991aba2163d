// Norms, rotation and append of q, k and v are one step, then one attention.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @q.norm : tensor<16xbf16>
llm.weight @k.norm : tensor<16xf32>
llm.weight @q.heads : tensor<4x16xf32>
llm.weight @k.heads : tensor<2x16xf32>
llm.weight @sinks : tensor<4xf32>
llm.state @kv cache {k = [2, 16], v = [2, 8]} layers [0, 5]

// CHECK-DAG: plan.kernel @prepare.half "prepare" {from = 4 : i64, pairing = "half"} (q, k, v, table) -> (y, cache)
// CHECK-DAG: plan.kernel @prepare.k_norm.adjacent.q_norm.rms "prepare" {eps = 9.99999974E-6 : f32, from = 0 : i64, k_norm, pairing = "adjacent", q_norm, qk_norm = "rms"} (q, k, v, table, q_norm_w, k_norm_w) -> (y, cache)
// CHECK-DAG: plan.kernel @prepare.k_norm.norm_after_rope.half.per_head_weight.q_norm.rms "prepare"
// CHECK-DAG: plan.kernel @prepare.k_norm.layer "prepare" {{.*}} (q, k, v, k_norm_w) -> (y, cache)
// CHECK-DAG: plan.weight @q.norm f32 rows [16] of ["q.norm"]

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %q: tensor<?x64xf32> {llm.name = "q", llm.input = "rows"}, %k: tensor<?x32xf32> {llm.name = "k", llm.input = "rows"}, %v: tensor<?x16xf32> {llm.name = "v", llm.input = "rows"}, %p: tensor<?xi32> {llm.name = "p", llm.input = "positions"}) -> (tensor<?x32xf32> {llm.name = "y"}, tensor<?x32xf32> {llm.name = "z"}, tensor<?x32xf32> {llm.name = "u"}, tensor<?x32xf32> {llm.name = "w"}, tensor<?x32xf32> {llm.name = "t"}) attributes {llm.entry = "encode"} {
  %l = arith.constant 5 : index
  %f = llm.rope_freqs 8 theta 10000.0 : tensor<4xf32>
  // CHECK: dispatch @rope_table(pos = %p, freqs = @freqs[0]) -> (y = %[[T:.*]]) dims
  %t = llm.rope_table %p, %f : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  %qn = llm.use @q.norm : tensor<16xbf16>
  %kn = llm.use @k.norm : tensor<16xf32>
  %qh = llm.use @q.heads : tensor<4x16xf32>
  %kh = llm.use @k.heads : tensor<2x16xf32>
  %s = llm.use @sinks : tensor<4xf32>

  // Nothing to prepare: q is read where it is.
  // CHECK: dispatch @append(k = %k, v = %v) -> (cache = @kv[5]) dims {head_dim = 16, heads = 2, k.stride = 32, v.stride = 16, value_dim = 8}
  // CHECK: dispatch @attend.causal.sinks(q = %q, cache = @kv[5], sinks = @sinks[0]) -> (y = %{{.*}}) dims {heads = 4, kv_heads = 2,
  %0 = llm.fused_attention %q, %k, %v heads 4, 2 for %b in @kv[%l] mask [#llm.mask<causal>] scale 0.25 cap 30.0 sinks %s : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, index, tensor<4xf32>) -> tensor<?x32xf32>

  // CHECK: %[[Q:.*]] = buffer "q" tokens f32[64]
  // CHECK-NEXT: dispatch @prepare.half(q = %q, k = %k, v = %v, table = %[[T]]) -> (y = %[[Q]], cache = @kv[5]) dims {head_dim = 16, heads = 4, k.stride = 32, kv_heads = 2, q.stride = 64, rotary = 4, table.stride = 16, v.stride = 16, value_dim = 8, y.stride = 64}
  // CHECK: dispatch @attend.causal(q = %[[Q]], cache = @kv[5])
  %1 = llm.fused_attention %q, %k, %v heads 4, 2 for %b in @kv[%l] rope half %t from 4 mask [#llm.mask<causal>] scale 0.25 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, index, tensor<?x2x4xf32>) -> tensor<?x32xf32>

  // Without a state the step's own cache is one.
  // CHECK: dispatch @prepare.k_norm.adjacent.q_norm.rms(q = %q, k = %k, v = %v, table = %[[T]], q_norm_w = @q.norm[0], k_norm_w = @k.norm[0]) -> (y = %[[Q:.*]], cache = @step.kv.2x16x8[0])
  // CHECK: dispatch @attend.alibi(q = %[[Q]], cache = @step.kv.2x16x8[0], slopes = @alibi[0])
  %al = llm.alibi 4
  %2 = llm.fused_attention %q, %k, %v heads 4, 2 for %b qk_norm <rms, 1.0e-5 : f32> q_norm %qn k_norm %kn rope adjacent %t mask [#llm.mask<all>] scale 0.25 bias %al : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, tensor<?x2x4xf32>, tensor<16xbf16>, tensor<16xf32>, !llm.bias<4>) -> tensor<?x32xf32>

  // A weight for each head, after the rotation.
  // CHECK: dispatch @prepare.k_norm.norm_after_rope.half.per_head_weight.q_norm.rms({{.*}}, q_norm_w = @q.heads[0], k_norm_w = @k.heads[0])
  %3 = llm.fused_attention %q, %k, %v heads 4, 2 for %b qk_norm <rms, 1.0e-5 : f32> q_norm %qh k_norm %kh norm_after_rope rope half %t mask [#llm.mask<all>] scale 0.25 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, tensor<?x2x4xf32>, tensor<4x16xf32>, tensor<2x16xf32>) -> tensor<?x32xf32>

  // A norm alone, of which one has a weight.
  // CHECK: dispatch @prepare.k_norm.layer(q = %q, k = %k, v = %v, k_norm_w = @k.norm[0])
  %4 = llm.fused_attention %q, %k, %v heads 4, 2 for %b qk_norm <layer, 1.0e-5 : f32> k_norm %kn mask [#llm.mask<all>] scale 0.25 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, !llm.batch, tensor<16xf32>) -> tensor<?x32xf32>
  return %0, %1, %2, %3, %4 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
