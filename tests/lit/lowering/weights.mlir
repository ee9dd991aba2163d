// One weight of a model may be several of a plan, each in the order in which its
// kernel reads it; the same one in the same order is one.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @w : tensor<64x64xbf16>
llm.weight @layers.q : tensor<64x64xbf16> layers [0, 1]
llm.weight @layers.k : tensor<32x64xbf16> layers [0, 1]
llm.weight @layers.k$1 : tensor<48x64xbf16> layers [4]

// In the order of their first use. The packing is part of a name that is taken.
// CHECK: plan.weight @w bf16 panel [64, 64] of ["w"]
// CHECK-NOT: plan.weight
// CHECK: plan.weight @w.rows f32 rows [64, 64] of ["w"]
// CHECK-NOT: plan.weight
// CHECK: plan.weight @layers.q_k bf16 panel [96, 64] of ["layers.q", "layers.k"] layers [0, 1]
// CHECK-NOT: plan.weight
// CHECK: plan.weight @layers.k_q bf16 panel [96, 64] of ["layers.k", "layers.q"] layers [0, 1]
// CHECK-NOT: plan.weight
// Layers of another shape are a symbol of their own, with the path in the spec.
// CHECK: plan.weight @layers.k$1 bf16 panel [48, 64] of ["layers.k"] layers [4]
// CHECK-NOT: plan.weight

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "a"}, tensor<?x64x64xf32> {llm.name = "b"}, tensor<?x32xf32> {llm.name = "c"}, tensor<?x32xf32> {llm.name = "d"}, tensor<?x48xf32> {llm.name = "e"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<64x64xbf16>
  // CHECK: w = @w[0]
  // CHECK: w = @w[0]
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %1 = llm.linear %0, %w : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  // CHECK: x1 = @w.rows[0]
  %r = llm.reshape %1 to [1, 64] : (tensor<?x64xf32>) -> tensor<?x1x64xf32>
  %2 = llm.binary mul %r, %w : (tensor<?x1x64xf32>, tensor<64x64xbf16>) -> tensor<?x64x64xf32>
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  %l4 = arith.constant 4 : index
  %q0 = llm.use @layers.q[%l0] : tensor<64x64xbf16>
  %k0 = llm.use @layers.k[%l0] : tensor<32x64xbf16>
  %q1 = llm.use @layers.q[%l1] : tensor<64x64xbf16>
  %k1 = llm.use @layers.k[%l1] : tensor<32x64xbf16>
  %k4 = llm.use @layers.k$1[%l4] : tensor<48x64xbf16>
  // CHECK: w = @layers.q_k[0]
  // CHECK: w = @layers.q_k[1]
  // CHECK: w = @layers.k_q[1]
  %3:2 = llm.fused_linear %x weights(%q0, %k0) : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<32x64xbf16>) -> (tensor<?x64xf32>, tensor<?x32xf32>)
  %4:2 = llm.fused_linear %3#0 weights(%q1, %k1) : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<32x64xbf16>) -> (tensor<?x64xf32>, tensor<?x32xf32>)
  // Results that lie side by side are columns of one buffer.
  // CHECK: output "c" %q_k{{.*}} tokens[32] from 64
  // CHECK: output "d" %k_q tokens[32]
  %5:2 = llm.fused_linear %4#0 weights(%k1, %q1) : (tensor<?x64xf32>, tensor<32x64xbf16>, tensor<64x64xbf16>) -> (tensor<?x32xf32>, tensor<?x64xf32>)
  %6 = llm.linear %x, %k4 : (tensor<?x64xf32>, tensor<48x64xbf16>) -> tensor<?x48xf32>
  return %1, %2, %4#1, %5#0, %6 : tensor<?x64xf32>, tensor<?x64x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x48xf32>
}
