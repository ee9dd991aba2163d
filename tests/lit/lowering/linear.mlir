// RUN: sluice-opt %s --lower-to-plan | FileCheck %s --check-prefixes=CHECK,DECODE
// RUN: sluice-opt %s --lower-to-plan="engine=false" | FileCheck %s --check-prefix=KERNELS

llm.weight @norm : tensor<64xbf16>
llm.weight @a : tensor<96x64xbf16>
llm.weight @a.bias : tensor<96xbf16>
llm.weight @b : tensor<32x64xbf16>
llm.weight @b.bias : tensor<32xbf16>
llm.weight @gate : tensor<80x64xbf16>
llm.weight @up : tensor<80x64xbf16>
llm.weight @down : tensor<64x80xbf16>

// Siblings are one weight, their biases one vector, both wider types stay or
// widen by use.
// CHECK-DAG: plan.weight @a_b bf16 panel [128, 64] of ["a", "b"]
// CHECK-DAG: plan.weight @a.bias_bias f32 rows [128] of ["a.bias", "b.bias"]
// CHECK-DAG: plan.weight @norm f32 rows [64] of ["norm"]
// CHECK-DAG: plan.weight @gate_up bf16 panel_glu [160, 64] of ["gate", "up"]

// Few rows: everything around a product is in its kernel.
// DECODE-LABEL: plan.program @generate.decode for @generate tokens 1 {
// DECODE: dispatch @linear.rms.bf16.bias.norm_weight(x = %x, norm_w = @norm[0], w = @a_b[0], bias = @a.bias_bias[0]) -> (y = %[[AB:.*]]) dims {K = 64, N = 128, x.stride = 64, y.stride = 128}
// DECODE: dispatch @linear.rms.bf16.silu.glu.norm_weight(x = %x, {{.*}}) -> (y = %[[M:.*]]) dims {K = 64, N = 80,
// DECODE: dispatch @linear.bf16.residual(x = %[[M]], w = @down[0], residual = %x) -> (y = %[[Y:.*]]) dims
// DECODE: output "logits" %[[Y]]
// DECODE: output "b" %[[AB]] tokens[32] from 96

// Many rows: norm, the library's product, epilogue.
// CHECK-LABEL: plan.program @generate.prefill for @generate tokens 9 {
// CHECK: %[[H:.*]] = buffer "h" tokens bf16[64]
// CHECK: dispatch @norm.rms.weight.out_bf16(x = %x, w = @norm[0]) -> (y = %[[H]])
// CHECK: matmul @linear.bf16.bias.input_bf16(x = %[[H]], w = @a_b[0], bias = @a.bias_bias[0]) -> (y = %{{.*}})
// CHECK: %[[S:.*]] = buffer "sums" tokens f32[256]
// CHECK: matmul @linear.bf16.input_bf16(x = %{{.*}}, w = @gate_up[0]) -> (y = %[[S]]) dims {K = 64, N = 256,
// CHECK: dispatch @post.silu.glu(x = %[[S]]) -> (y = %[[M:.*]]) dims {N = 80,
// CHECK: dispatch @convert(x = %[[M]]) -> (y = %[[C:.*]])
// CHECK: dispatch @map.copy(x0 = %x) -> (y = %[[Y:.*]])
// CHECK: matmul @linear.bf16.input_bf16.residual(x = %[[C]], w = @down[0], residual = %[[Y]]) -> (y = %[[Y]])

// KERNELS-LABEL: plan.program @generate.prefill
// KERNELS-NOT: matmul
// KERNELS: dispatch @norm.rms.weight
// KERNELS: dispatch @linear.bf16.bias(
// KERNELS: dispatch @linear.bf16.silu.glu(
// KERNELS: dispatch @linear.bf16.residual(
llm.weight @x.w : tensor<9x64xf32>
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"})
    -> (tensor<?x64xf32> {llm.name = "logits"}, tensor<?x32xf32> {llm.name = "b"})
    attributes {llm.entry = "generate"} {
  %x.w = llm.use @x.w : tensor<9x64xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x64xf32>) -> tensor<?x64xf32> loc("x")
  %n = llm.use @norm : tensor<64xbf16>
  %wa = llm.use @a : tensor<96x64xbf16>
  %ba = llm.use @a.bias : tensor<96xbf16>
  %wb = llm.use @b : tensor<32x64xbf16>
  %bb = llm.use @b.bias : tensor<32xbf16>
  %wg = llm.use @gate : tensor<80x64xbf16>
  %wu = llm.use @up : tensor<80x64xbf16>
  %wd = llm.use @down : tensor<64x80xbf16>
  %y0, %y1 = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%wa, %wb) bias(%ba, %bb) compute bf16
      : (tensor<?x64xf32>, tensor<64xbf16>, tensor<96x64xbf16>, tensor<32x64xbf16>, tensor<96xbf16>, tensor<32xbf16>) -> (tensor<?x96xf32>, tensor<?x32xf32>)
  %m = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%wg, %wu) compute bf16 glu act silu
      : (tensor<?x64xf32>, tensor<64xbf16>, tensor<80x64xbf16>, tensor<80x64xbf16>) -> tensor<?x80xf32>
  %y = llm.fused_linear %m weights(%wd) residual %x compute bf16
      : (tensor<?x80xf32>, tensor<64x80xbf16>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y, %y1 : tensor<?x64xf32>, tensor<?x32xf32>
}
