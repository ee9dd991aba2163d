// What follows a product is part of its kernel, or a step behind the library's
// product; the same in front of it.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s --check-prefix=FEW
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s --check-prefix=MANY

llm.weight @e : tensor<9x48xf32>
llm.weight @w : tensor<48x48xf32>
llm.weight @v : tensor<48x48xf32>
llm.weight @w.bias : tensor<48xf32>
llm.weight @v.bias : tensor<48xf32>

// Gate and up lie in turn, in the weight and in the bias.
// FEW-DAG: plan.weight @w_v f32 panel_glu [96, 48] of ["w", "v"]
// FEW-DAG: plan.weight @w.bias_bias f32 vector_glu [96] of ["w.bias", "v.bias"]
// FEW-DAG: plan.kernel @linear.f32.gelu_tanh.bias "linear" {act = "gelu_tanh", bias, cap = 3.000000e+01 : f32, compute = "f32", scale = 5.000000e-01 : f32, weight = "f32"}
// FEW-DAG: plan.kernel @linear.f32.swish.glu "linear" {act = "swish", beta = 1.500000e+00 : f32, compute = "f32", gate_max = 7.000000e+00 : f32, glu, up_add = 1.000000e+00 : f32, up_limit = 6.000000e+00 : f32, weight = "f32"}
// MANY-DAG: plan.kernel @post.gelu_tanh "post" {act = "gelu_tanh", cap = 3.000000e+01 : f32, scale = 5.000000e-01 : f32}
// MANY-DAG: plan.kernel @post.swish.glu "post" {act = "swish", beta = 1.500000e+00 : f32, gate_max = 7.000000e+00 : f32, glu, up_add = 1.000000e+00 : f32, up_limit = 6.000000e+00 : f32}

// FEW-LABEL: plan.program @generate.decode
// MANY-LABEL: plan.program @generate.prefill
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x48xf32> {llm.name = "y"}) attributes {llm.entry = "generate"} {
  %e = llm.use @e : tensor<9x48xf32>
  %w = llm.use @w : tensor<48x48xf32>
  %v = llm.use @v : tensor<48x48xf32>
  %c = llm.use @w.bias : tensor<48xf32>
  %d = llm.use @v.bias : tensor<48xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<9x48xf32>) -> tensor<?x48xf32> loc("x")

  // Act, factor and cap in this order; the library adds the bias.
  // FEW: dispatch @linear.f32.gelu_tanh.bias(x = %x, w = @w[0], bias = @w.bias[0]) -> (y = %[[A:.*]]) dims
  // MANY: %[[S:.*]] = buffer "sums" tokens f32[48]
  // MANY-NEXT: matmul @linear.f32.bias(x = %x, w = @w[0], bias = @w.bias[0]) -> (y = %[[S]])
  // MANY-NEXT: dispatch @post.gelu_tanh(x = %[[S]]) -> (y = %[[A:.*]]) dims {N = 48,
  %0 = llm.fused_linear %x weights(%w) bias(%c) act gelu_tanh scale 0.5 cap 30.0 : (tensor<?x48xf32>, tensor<48x48xf32>, tensor<48xf32>) -> tensor<?x48xf32>
  // A residual behind an epilogue is added by it; the product has none.
  // FEW: dispatch @linear.f32.relu.residual(x = %[[A]], w = @w[0], residual = %x) -> (y = %[[B:.*]]) dims
  // MANY: matmul @linear.f32(x = %[[A]], w = @w[0]) -> (y = %[[S:.*]]) dims
  // MANY-NEXT: dispatch @post.relu.residual(x = %[[S]], residual = %x) -> (y = %[[B:.*]]) dims
  %1 = llm.fused_linear %0 weights(%w) residual %x act relu : (tensor<?x48xf32>, tensor<48x48xf32>, tensor<?x48xf32>) -> tensor<?x48xf32>
  // A residual alone: the product is added to a copy.
  // FEW: dispatch @linear.f32.residual(x = %[[B]], w = @w[0], residual = %x) -> (y = %[[C:.*]]) dims
  // MANY: dispatch @map.copy(x0 = %x) -> (y = %[[C:.*]]) dims {inner = 48, outer = 1, x0.outer = 48, x0.stride = 48, y.outer = 48, y.stride = 48}
  // MANY-NEXT: matmul @linear.f32.residual(x = %[[B]], w = @w[0], residual = %[[C]]) -> (y = %[[C]])
  %2 = llm.fused_linear %1 weights(%w) residual %x : (tensor<?x48xf32>, tensor<48x48xf32>, tensor<?x48xf32>) -> tensor<?x48xf32>
  // Each half of a gated unit is padded to whole panels of 64.
  // FEW: dispatch @linear.f32.swish.glu(x = %[[C]], w = @w_v[0]) -> (y = %[[D:.*]]) dims {K = 48, N = 48,
  // MANY: %[[S:.*]] = buffer "sums" tokens f32[128]
  // MANY-NEXT: matmul @linear.f32(x = %[[C]], w = @w_v[0]) -> (y = %[[S]]) dims {K = 48, N = 128,
  // MANY-NEXT: dispatch @post.swish.glu(x = %[[S]]) -> (y = %[[D:.*]]) dims {N = 48,
  %3 = llm.fused_linear %2 weights(%w, %v) glu act swish beta 1.5 gate_max 7.0 up_limit 6.0 up_add 1.0 : (tensor<?x48xf32>, tensor<48x48xf32>, tensor<48x48xf32>) -> tensor<?x48xf32>
  // FEW: dispatch @linear.f32.silu.bias.glu.residual(x = %[[D]], w = @w_v[0], bias = @w.bias_bias[0], residual = %x)
  // MANY: matmul @linear.f32.bias(x = %[[D]], w = @w_v[0], bias = @w.bias_bias[0])
  // MANY-NEXT: dispatch @post.silu.glu.residual(x = %{{.*}}, residual = %x)
  %4 = llm.fused_linear %3 weights(%w, %v) bias(%c, %d) residual %x glu act silu scale 2.0 : (tensor<?x48xf32>, tensor<48x48xf32>, tensor<48x48xf32>, tensor<48xf32>, tensor<48xf32>, tensor<?x48xf32>) -> tensor<?x48xf32>
  // A norm in front is part of the kernel for few rows only.
  // FEW: dispatch @linear.layer.f32.norm_bias.norm_weight(x = %{{.*}}, norm_w = @w.bias[0], norm_b = @v.bias[0], w = @w[0]) -> (y
  // FEW: dispatch @linear.rms.f32.bias(x = %{{.*}}, w = @w[0], bias = @w.bias[0]) -> (y
  // MANY: dispatch @norm.layer.weight.bias(x = %{{.*}}, w = @w.bias[0], b = @v.bias[0]) -> (y = %[[H:.*]]) dims
  // MANY: matmul @linear.f32(x = %[[H]], w = @w[0])
  // MANY: dispatch @norm.rms(x = %{{.*}}) -> (y = %[[H:.*]]) dims
  // MANY: matmul @linear.f32.bias(x = %[[H]], w = @w[0], bias = @w.bias[0])
  %5 = llm.fused_linear %4 norm <layer, 1.0e-5 : f32>(%c, %d) weights(%w) : (tensor<?x48xf32>, tensor<48xf32>, tensor<48xf32>, tensor<48x48xf32>) -> tensor<?x48xf32>
  %6 = llm.fused_linear %5 norm <rms, 1.0e-5 : f32> weights(%w) bias(%c) : (tensor<?x48xf32>, tensor<48x48xf32>, tensor<48xf32>) -> tensor<?x48xf32>
  return %6 : tensor<?x48xf32>
}
