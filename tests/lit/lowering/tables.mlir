// Numbers that are computed while compiling, compared with the definitions.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

func.func @rope(%b: !llm.batch, %p: tensor<?xi32> {llm.name = "p", llm.input = "positions"}) -> (tensor<?x2x4xf32> {llm.name = "a"}, tensor<?x2x4xf32> {llm.name = "b"}, tensor<?x2x4xf32> {llm.name = "c"}, tensor<?x2x4xf32> {llm.name = "d"}, tensor<?x2x4xf32> {llm.name = "e"}) attributes {llm.entry = "encode"} {
  // CHECK: plan.weight @freqs f32 rows [4] value dense<[1.000000e+00, 1.000000e-01, 0.00999999977, 1.000000e-03]>
  %f = llm.rope_freqs 8 theta 10000.0 : tensor<4xf32>
  // Kept, kept, on the ramp, divided by 8.
  // CHECK: plan.weight @freqs_{{[0-9]+}} f32 rows [4] value dense<[1.000000e+00, 1.000000e-01, 0.00308{{[0-9]*}}, 1.250000e-04]>
  %l = llm.freqs_llama3 %f {factor = 8.0 : f32, low = 1.0 : f32, high = 4.0 : f32, original = 1024} : tensor<4xf32>
  // From 0 to 3, and from 0.707 to 2.212 without rounding.
  // CHECK: value dense<[1.000000e+00, 0.0749999955, 5.000000e-03, 2.500000e-04]>
  %y = llm.freqs_yarn %f {factor = 4.0 : f32, theta = 1.0e4 : f32, original = 1024, fast = 32.0 : f32, slow = 1.0 : f32, truncate = true} : tensor<4xf32>
  // CHECK: value dense<[1.000000e+00, 0.0853986367, 0.00355697{{[0-9]*}}, 2.500000e-04]>
  %z = llm.freqs_yarn %f {factor = 4.0 : f32, theta = 1.0e4 : f32, original = 1024, fast = 32.0 : f32, slow = 1.0 : f32, truncate = false} : tensor<4xf32>
  %0 = llm.rope_table %p, %f : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  %1 = llm.rope_table %p, %l : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  %2 = llm.rope_table %p, %y : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  %3 = llm.rope_table %p, %z : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  // Both ends at 1.31 are a step, not a division by zero.
  // CHECK: value dense<[1.000000e+00, 1.000000e-01, 2.500000e-03, 2.500000e-04]>
  %w = llm.freqs_yarn %f {factor = 4.0 : f32, theta = 1.0e4 : f32, original = 1024, fast = 8.0 : f32, slow = 8.0 : f32, truncate = false} : tensor<4xf32>
  %4 = llm.rope_table %p, %w : (tensor<?xi32>, tensor<4xf32>) -> tensor<?x2x4xf32>
  return %0, %1, %2, %3, %4 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>
}

llm.weight @w : tensor<8x4xf32>
llm.weight @v : tensor<4x4xf32>
func.func @bias(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}, %y: tensor<?x6x16xf32> {llm.name = "y", llm.input = "rows"}) -> (tensor<?x4x16xf32> {llm.name = "a"}, tensor<?x6x16xf32> {llm.name = "b"}) attributes {llm.entry = "encode"} {
  // CHECK: plan.weight @alibi f32 rows [4] value dense<[2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03]>
  %s = llm.alibi 4
  %0 = llm.attention %x over %x, %x for %b mask [#llm.mask<all>] scale 1.0 bias %s : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  // Four of the series for 4, then every second of that for 8, times 0.5.
  // CHECK: plan.weight @alibi_{{[0-9]+}} f32 rows [6] value dense<[1.250000e-01, 3.125000e-02, 7.812500e-03, 0.001953125, 2.500000e-01, 6.250000e-02]>
  %t = llm.alibi 6 times 0.5
  %1 = llm.attention %y over %y, %y for %b mask [#llm.mask<all>] scale 1.0 bias %t : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x16xf32>, !llm.batch, !llm.bias<6>) -> tensor<?x6x16xf32>
  // Distances -16 ... 16: 4 exact, 4 on a log scale, 0 for keys to come.
  // CHECK: plan.weight @buckets i32 rows [33] value dense<[7, 7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 4, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]>
  %w = llm.use @w : tensor<8x4xf32>
  %u = llm.bucket_bias %w max_distance 16 both_ways false : tensor<8x4xf32>
  %2 = llm.attention %0 over %0, %0 for %b mask [#llm.mask<all>] scale 1.0 bias %u : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  // A bucket for 0 and one for more, on each side.
  // CHECK: plan.weight @buckets_{{[0-9]+}} i32 rows [7] value dense<[1, 1, 1, 0, 3, 3, 3]>
  %v = llm.use @v : tensor<4x4xf32>
  %q = llm.bucket_bias %v max_distance 3 both_ways true : tensor<4x4xf32>
  %3 = llm.attention %2 over %2, %2 for %b mask [#llm.mask<all>] scale 1.0 bias %q : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, !llm.batch, !llm.bias<4>) -> tensor<?x4x16xf32>
  return %3, %1 : tensor<?x4x16xf32>, tensor<?x6x16xf32>
}
