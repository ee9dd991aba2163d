// RUN: sluice-opt %s --lower-to-plan --verify-plan -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-DAG: plan.kernel @linear_attention.vector "linear_attention" {decay = "vector"} (q, k, v, decay) -> (y, state)
// CHECK-DAG: plan.kernel @linear_attention.vector.corrected.rows "linear_attention" {bonus = "vector", corrected, decay = "rows"} (q, k, v, read, write, decay, bonus) -> (y, state)
// CHECK-DAG: plan.kernel @decaying_mean.bonus "decaying_mean" {bonus} (v, k, decay, bonus) -> (y, state)
llm.weight @d : tensor<2x1xbf16>
llm.weight @u : tensor<2x8xf32>
llm.weight @w : tensor<16xf32>
// CHECK-DAG: plan.state @m fixed {value = [2, 8, 8]} f32 bytes 512
llm.state @m fixed {value = [2, 8, 8]}
llm.state @n fixed {value = [2, 8, 8]}
llm.state @sums fixed {value = [3, 16]} init -1.0e+30

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x2x8xf32> {llm.name = "x", llm.input = "rows"})
    -> (tensor<?x2x8xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %d = llm.use @d : tensor<2x1xbf16>
  %u = llm.use @u : tensor<2x8xf32>
  %w = llm.use @w : tensor<16xf32>
  // CHECK: dispatch @linear_attention.vector(q = %x, k = %x, v = %x, decay = @d[0]) -> (y = %{{.*}}, state = @m[0]) dims {K = 8, V = 8, decay.width = 1, heads = 2,
  %0 = llm.linear_attention %x, %x, %x decay %d in @m for %b : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<2x1xbf16>, !llm.batch) -> tensor<?x2x8xf32>
  // CHECK: dispatch @linear_attention.vector.corrected.rows(
  // CHECK-SAME: bonus = @u[0]
  // CHECK-SAME: bonus.width = 8, decay.stride = 16, decay.width = 8
  %1 = llm.linear_attention %x, %x, %0 decay %x bonus %u read %x write %x in @n for %b : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  %r = llm.reshape %1 to [16] : (tensor<?x2x8xf32>) -> tensor<?x16xf32>
  // CHECK: dispatch @decaying_mean.bonus(v = %{{.*}}, k = %{{.*}}, decay = @w[0], bonus = @w[0]) -> (y = %{{.*}}, state = @sums[0]) dims {N = 16,
  %2 = llm.decaying_mean %r, %r decay %w bonus %w in @sums for %b : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>, !llm.batch) -> tensor<?x16xf32>
  %y = llm.reshape %2 to [2, 8] : (tensor<?x16xf32>) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}

// -----

llm.state @m fixed {value = [2, 8, 8]}
func.func @encode(%b: !llm.batch, %x: tensor<?x2x8xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x2x8xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x2x8xf32>
  // expected-error @below {{'llm.linear_attention' takes one row per token, found sequences}}
  %y = llm.linear_attention %x, %p, %x in @m for %b : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}
