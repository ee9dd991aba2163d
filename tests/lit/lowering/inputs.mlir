// RUN: sluice-opt %s --lower-to-plan | FileCheck %s

llm.weight @w : tensor<32x48xf32>

// An input that the caller may leave out, and one whose rows have two axes.
// CHECK: plan.entry @encode "encode" inputs {q = "rows", x = "rows"} limits [0, 0] optional (x) outputs (rows, products)
// CHECK: %q = input "q" f32[48] shape [4, 12]
// CHECK-NEXT: %x = input "x" f32[48]
func.func @encode(%b: !llm.batch, %q: tensor<?x4x12xf32> {llm.name = "q", llm.input = "rows"}, %x: tensor<?x48xf32> {llm.name = "x", llm.input = "rows", llm.optional}) -> (tensor<?x32xf32> {llm.name = "rows"}, tensor<?x32xf32> {llm.name = "products"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<32x48xf32>
  // The library reads buffers only.
  // CHECK: dispatch @{{linear[^(]*}}(x = %x, w = @w[0])
  %y = llm.fused_linear %x weights(%w) compute f32 : (tensor<?x48xf32>, tensor<32x48xf32>) -> tensor<?x32xf32>
  %r = llm.reshape %q to [48] : (tensor<?x4x12xf32>) -> tensor<?x48xf32>
  // CHECK: dispatch @{{[^(]*}}({{.*}} = %q, {{.*}} = %x) -> (y = %[[S:.*]])
  %s = llm.binary add %r, %x : (tensor<?x48xf32>, tensor<?x48xf32>) -> tensor<?x48xf32>
  // CHECK: matmul @{{linear[^(]*}}(x = %[[S]], w = @w[0])
  %z = llm.fused_linear %s weights(%w) compute f32 : (tensor<?x48xf32>, tensor<32x48xf32>) -> tensor<?x32xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x32xf32>
}
