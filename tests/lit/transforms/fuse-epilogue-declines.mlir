// What is not part of a product's epilogue, and the forms that are.
// RUN: sluice-opt %s --fuse-epilogue=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-epilogue: not fused at (exp): this function is not an epilogue
// CHECK-DAG: fuse-epilogue: not fused at (several): the product has several results
// CHECK-DAG: fuse-epilogue: not fused at (act after glu): the product's epilogue already has a later step
// CHECK-DAG: fuse-epilogue: not fused at (act after act): the product's epilogue already has a later step
// CHECK-DAG: fuse-epilogue: not fused at (scale after cap): the product's epilogue already has a later step
// CHECK-DAG: fuse-epilogue: not fused at (scale after scale): the product's epilogue already has a later step
// CHECK-DAG: fuse-epilogue: not fused at (cap after residual): the product's epilogue already has a later step
// CHECK-DAG: fuse-epilogue: not fused at (residual after residual): the product's epilogue already has a later step

// CHECK-LABEL: func.func private @not_epilogues
// CHECK-NEXT: %[[L:.*]] = llm.linear
// CHECK-NEXT: llm.act exp %[[L]]
// CHECK-NEXT: %[[S:.*]]:2 = llm.fused_linear
// CHECK-NEXT: llm.act silu %[[S]]#0
func.func private @not_epilogues(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.act exp %0 : tensor<?x64xf32> loc("exp")
  %2:2 = llm.fused_linear %x weights(%w, %w) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  %3 = llm.act silu %2#0 : tensor<?x64xf32> loc("several")
  return %1, %3 : tensor<?x64xf32>, tensor<?x64xf32>
}

// Each step stands where the kernel has it: another order is other arithmetic.
// CHECK-LABEL: func.func private @order
// CHECK: llm.fused_linear {{.*}} glu act silu
// CHECK-NEXT: llm.act relu
// CHECK: llm.fused_linear {{.*}} act silu :
// CHECK-NEXT: llm.act relu
// CHECK: llm.fused_linear {{.*}} cap 3.000000e+01 :
// CHECK-NEXT: llm.binary mul
// CHECK: llm.fused_linear {{.*}} scale 5.000000e-01 :
// CHECK-NEXT: llm.binary mul
// CHECK: llm.fused_linear {{.*}} residual %arg0 :
// CHECK-NEXT: llm.softcap
// CHECK: llm.fused_linear {{.*}} residual %arg0 :
// CHECK-NEXT: llm.binary add %arg0
func.func private @order(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %half = llm.constant 0.5
  %0 = llm.fused_linear %x weights(%w, %w) glu act silu : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.act relu %0 : tensor<?x64xf32> loc("act after glu")
  %2 = llm.fused_linear %x weights(%w) act silu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %3 = llm.act relu %2 : tensor<?x64xf32> loc("act after act")
  %4 = llm.fused_linear %x weights(%w) cap 30.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %5 = llm.binary mul %4, %half : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32> loc("scale after cap")
  %6 = llm.fused_linear %x weights(%w) scale 0.5 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %7 = llm.binary mul %6, %half : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32> loc("scale after scale")
  %8 = llm.fused_linear %x weights(%w) residual %x : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %9 = llm.softcap %8 limit 30.0 : tensor<?x64xf32> loc("cap after residual")
  %10 = llm.fused_linear %x weights(%w) residual %x : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %11 = llm.binary add %x, %10 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> loc("residual after residual")
  return %1, %3, %5, %7, %9, %11 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// A gated unit takes what follows its activation.
// CHECK-LABEL: func.func private @after_glu
// CHECK-NEXT: %[[R:.*]] = llm.fused_linear {{.*}} residual %arg0 glu act silu scale 5.000000e-01 cap 3.000000e+01 :
// CHECK-NEXT: return %[[R]]
func.func private @after_glu(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %half = llm.constant 0.5
  %0 = llm.fused_linear %x weights(%w, %w) glu act silu : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // A number on the left, a product on the left: either order is the same.
  %1 = llm.binary mul %half, %0 : (tensor<f32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = llm.softcap %1 limit 30.0 : tensor<?x64xf32>
  %3 = llm.binary add %2, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %3 : tensor<?x64xf32>
}

// A vector is no number, a broadcast sum and a difference are no residual.
// CHECK-LABEL: func.func private @unlike
// CHECK-NOT: llm.fused_linear
// CHECK: return
func.func private @unlike(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.binary mul %0, %v : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %2 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %3 = llm.binary add %2, %v : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %4 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %5 = llm.binary sub %4, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // Its own residual would be read before it is made.
  %6 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %7 = llm.binary add %6, %6 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %1, %3, %5, %7 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
