// Which products the library may do, and in what type rows reach it.
// RUN: sluice-opt %s --lower-to-plan="decode-tokens=0" --verify-plan | FileCheck %s
// RUN: sluice-opt %s --lower-to-plan="decode-tokens=0 engine=false" --verify-plan | FileCheck %s --check-prefix=KERNELS

llm.weight @e : tensor<9x64xf32>
llm.weight @f32 : tensor<64x64xf32>
llm.weight @bf16 : tensor<64x64xbf16>
llm.weight @blocks : tensor<64x64x!llm.blocks<i8x32>>
llm.weight @layers.w : tensor<64x64xbf16> layers [2, 7]
llm.weight @layers.w.bias : tensor<64xbf16> layers [2, 7]
llm.weight @half : tensor<64x32xbf16>
llm.weight @n : tensor<64xf32>

// CHECK-DAG: plan.kernel @linear.bf16.f32 "linear" {compute = "f32", weight = "bf16"}
// CHECK-DAG: plan.kernel @linear.i8x32.f32 "linear" {compute = "f32", weight = "i8x32"}
// CHECK-DAG: plan.kernel @linear.i8x32.i8 "linear" {compute = "i8", weight = "i8x32"}
// CHECK-DAG: plan.weight @blocks !llm.blocks<i8x32> panel [64, 64] of ["blocks"]
// CHECK-DAG: plan.weight @layers.w bf16 panel [64, 64] of ["layers.w"] layers [2, 7]
// CHECK-DAG: plan.weight @layers.w.bias f32 rows [64] of ["layers.w.bias"] layers [2, 7]

// KERNELS-NOT: matmul
// CHECK-LABEL: plan.program @generate.all
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %in: tensor<?x64xf32> {llm.name = "in", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "y"}) attributes {llm.entry = "generate"} {
  %e = llm.use @e : tensor<9x64xf32>
  %wf = llm.use @f32 : tensor<64x64xf32>
  %wb = llm.use @bf16 : tensor<64x64xbf16>
  %wq = llm.use @blocks : tensor<64x64x!llm.blocks<i8x32>>
  %n = llm.use @n : tensor<64xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<9x64xf32>) -> tensor<?x64xf32> loc("x")
  // CHECK: matmul @linear.f32(x = %x, w = @f32[0]) -> (y = %[[A:.*]]) dims {K = 64, N = 64, x.stride = 64, y.stride = 64} rows tokens
  %0 = llm.linear %x, %wf : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // It has no product of f32 rows with other weights.
  // CHECK: dispatch @linear.bf16.f32(x = %[[A]], w = @bf16[0]) -> (y = %[[B:.*]]) dims
  %1 = llm.linear %0, %wb : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  // CHECK: dispatch @linear.i8x32.i8(x = %[[B]], w = @blocks[0]) -> (y = %[[I:.*]]) dims
  // CHECK: dispatch @linear.i8x32.f32(x = %[[I]], w = @blocks[0]) -> (y = %[[C:.*]]) dims
  %bytes = llm.linear %1, %wq compute i8 : (tensor<?x64xf32>, tensor<64x64x!llm.blocks<i8x32>>) -> tensor<?x64xf32>
  %2 = llm.linear %bytes, %wq : (tensor<?x64xf32>, tensor<64x64x!llm.blocks<i8x32>>) -> tensor<?x64xf32>

  // Rows are rounded once for all products that read them.
  // CHECK: %[[H:.*]] = buffer "h" tokens bf16[64]
  // CHECK-NEXT: dispatch @convert(x = %[[C]]) -> (y = %[[H]]) dims {N = 64,
  // CHECK-NEXT: matmul @linear.bf16.input_bf16(x = %[[H]], w = @bf16[0])
  // CHECK-NOT: @convert
  // CHECK: matmul @linear.bf16.bias.input_bf16(x = %[[H]], w = @layers.w[7], bias = @layers.w.bias[7])
  // KERNELS: dispatch @linear.bf16(x = %{{.*}}, w = @bf16[0])
  // KERNELS: dispatch @linear.bf16.bias(x = %{{.*}}, w = @layers.w[7],
  %l = arith.constant 7 : index
  %wl = llm.use @layers.w[%l] : tensor<64x64xbf16>
  %bl = llm.use @layers.w.bias[%l] : tensor<64xbf16>
  %3 = llm.linear %2, %wb compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %4 = llm.linear %2, %wl bias %bl compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64xbf16>) -> tensor<?x64xf32>

  // Other columns of the same buffer are other rows.
  // CHECK: dispatch @convert(x = %[[C]]) -> (y = %{{.*}}) dims {N = 32,
  // CHECK: dispatch @convert(x = %[[C]][32]) -> (y = %{{.*}}) dims {N = 32,
  %5:2 = llm.split %2 into [32, 32] : (tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  %wh = llm.use @half : tensor<64x32xbf16>
  %6 = llm.linear %5#0, %wh compute bf16 : (tensor<?x32xf32>, tensor<64x32xbf16>) -> tensor<?x64xf32>
  %7 = llm.linear %5#1, %wh compute bf16 : (tensor<?x32xf32>, tensor<64x32xbf16>) -> tensor<?x64xf32>

  // A norm in front of a product of bf16 rounds on the way; without the library
  // it is a step of its own, as each panel would normalise again.
  // CHECK: dispatch @norm.rms.weight.out_bf16(x = %{{.*}}, w = @n[0]) -> (y = %[[H:.*]]) dims
  // CHECK-NEXT: matmul @linear.bf16.input_bf16(x = %[[H]], w = @bf16[0])
  // KERNELS: dispatch @norm.rms.weight(x = %{{.*}}, w = @n[0]) -> (y = %[[H:.*]]) dims
  // KERNELS: dispatch @linear.bf16(x = %[[H]], w = @bf16[0])
  %8 = llm.fused_linear %3 norm <rms, 1.0e-5 : f32>(%n) weights(%wb) compute bf16 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  // CHECK: dispatch @norm.layer.weight.bias(x = %{{.*}}, w = @n[0], b = @n[0]) -> (y = %[[H:.*]]) dims
  // CHECK: matmul @linear.f32(x = %[[H]], w = @f32[0])
  %9 = llm.fused_linear %8 norm <layer, 1.0e-5 : f32>(%n, %n) weights(%wf) : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>

  // An input is no buffer for the library until it is rounded.
  // CHECK: dispatch @linear.f32(x = %in, w = @f32[0])
  %10 = llm.linear %in, %wf : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @convert(x = %in) -> (y = %[[H:.*]]) dims
  // CHECK: matmul @linear.bf16.input_bf16(x = %[[H]], w = @bf16[0])
  %11 = llm.linear %in, %wb compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %12 = llm.map %3, %4, %6, %7, %9, %10, %11 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: f32, %s: f32, %t: f32, %u: f32, %v: f32, %o: f32, %p: f32):
    llm.yield %r : f32
  }
  return %12 : tensor<?x64xf32>
}
